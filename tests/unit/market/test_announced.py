"""Traits of upcoming sessions: known from the calendar in advance, except for unscheduled closures."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockops.market import announced, calendar, unscheduled
from stockops.market.announced import TRAITS
from stockops.market.calendar_sessions import TradingCalendar


def nonzero_traits(symbol: str, origin: str, ahead: int) -> dict[str, float]:
    """Return the nonzero traits of the session `ahead` sessions after an origin."""
    found = announced.traits(calendar.of(symbol), pd.DatetimeIndex([origin]))
    return {name: round(float(value), 2) for name, value in zip(TRAITS, found[0, ahead], strict=True) if value}


@pytest.mark.parametrize(
    ("symbol", "origin", "ahead", "traits"),
    [
        ("AAPL", "2026-03-19", 1, {"expiry": 1.0, "quarterly_expiry": 1.0}),
        ("AAPL", "2026-03-20", 0, {"expiry": 1.0, "quarterly_expiry": 1.0}),
        ("AAPL", "2024-11-26", 1, {"before_holiday": 1.0, "short_week": 1.0}),
        (
            "AAPL",
            "2024-11-26",
            2,  # the day after Thanksgiving
            {"half_day": 1.0, "after_holiday": 1.0, "month_end": 1.0, "gap": 0.33, "short_week": 1.0},
        ),
        ("AAPL", "2026-06-17", 1, {"expiry": 1.0, "quarterly_expiry": 1.0, "before_holiday": 1.0, "short_week": 1.0}),
        ("AAPL", "2026-03-30", 1, {"month_end": 1.0, "quarter_end": 1.0, "short_week": 1.0}),
        ("AAPL", "2026-04-10", 1, {"gap": 0.67}),  # a Monday
        ("7203.T", "2026-03-12", 1, {"expiry": 1.0, "quarterly_expiry": 1.0}),
        ("RELIANCE.NS", "2026-03-19", 1, {}),  # the third Friday means nothing there
        ("BTC-USD", "2026-03-19", 1, {}),
        ("TEVA.TA", "2020-02-04", 1, {}),  # where clocks went back at midnight
    ],
)
def test_traits_of_a_session_are_known_in_advance(
    symbol: str, origin: str, ahead: int, traits: dict[str, float]
) -> None:
    assert nonzero_traits(symbol, origin, ahead) == traits


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XASX", "XTKS", "XHKG", "XTAI"])
def test_an_unscheduled_closure_is_known_only_afterwards(name: str) -> None:
    actual = calendar.of(
        {"XNYS": "A", "XLON": "A.L", "XASX": "A.AX", "XTKS": "1.T", "XHKG": "1.HK", "XTAI": "1.TW"}[name]
    )
    for day in unscheduled.closures(name):
        undisturbed = TradingCalendar(
            name, actual.zone, week=actual.week, closings=_with_session(actual, day)
        )  # as if the session had taken place
        eve = actual.known[actual.known < day][-3:]
        assert (announced.traits(actual, eve) == announced.traits(undisturbed, eve)).all(), day
        if actual.closed(pd.DatetimeIndex([day]))[0]:
            after = actual.known[actual.known > day][:1]
            assert (announced.traits(actual, after) != announced.traits(undisturbed, after)).any(), day


def _with_session(actual: TradingCalendar, day: pd.Timestamp) -> "pd.Series[pd.Timestamp]":
    """Return the closings plus one on a day, at the time of the session a week before."""
    closings = actual.closings.drop(day, errors="ignore")
    week = pd.Timedelta(days=7)
    return pd.concat([closings, pd.Series([closings[day - week] + week], index=[day])]).sort_index()


def test_traits_at_an_origin_do_not_depend_on_later_rows() -> None:
    nyse = calendar.of("AAPL")
    days = nyse.sessions(date(2012, 1, 3), date(2012, 12, 31))
    whole = announced.traits(nyse, days)
    for cut in (5, 100, 205, 207, 209):
        assert (announced.traits(nyse, days[: cut + 1])[-1] == whole[cut]).all()


def test_a_guessed_calendar_has_no_traits() -> None:
    days = pd.bdate_range("2024-01-02", periods=50)
    guessed = announced.traits(calendar.from_data(days), days)
    assert guessed.shape == (50, announced.SEEN, len(TRAITS))
    assert not guessed.any()
    assert announced.traits(calendar.of("AAPL"), pd.DatetimeIndex([])).shape == (0, 6, len(TRAITS))
    assert np.isfinite(announced.traits(calendar.of("AAPL"), days)).all()
