"""What a calendar tells of the sessions to come, and what it did not tell at the time."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockops.market import announced, calendar, unscheduled
from stockops.market.announced import TRAITS
from stockops.market.calendar_sessions import TradingCalendar


def told(symbol: str, origin: str, ahead: int) -> dict[str, float]:
    """The traits, but those that are zero, of the session so many after an origin."""
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
def test_a_session_is_known_before_it_comes(symbol: str, origin: str, ahead: int, traits: dict[str, float]) -> None:
    assert told(symbol, origin, ahead) == traits


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XASX", "XTKS", "XHKG", "XTAI"])
def test_a_surprise_is_known_when_it_has_come_and_not_before(name: str) -> None:
    known = calendar.of(
        {"XNYS": "A", "XLON": "A.L", "XASX": "A.AX", "XTKS": "1.T", "XHKG": "1.HK", "XTAI": "1.TW"}[name]
    )
    for day in unscheduled.closures(name):
        undisturbed = TradingCalendar(
            name, known.zone, week=known.week, closings=_with(known, day)
        )  # as if the session had taken place
        eve = known.known[known.known < day][-3:]
        assert (announced.traits(known, eve) == announced.traits(undisturbed, eve)).all(), day
        if known.closed(pd.DatetimeIndex([day]))[0]:
            after = known.known[known.known > day][:1]
            assert (announced.traits(known, after) != announced.traits(undisturbed, after)).any(), day


def _with(known: TradingCalendar, day: pd.Timestamp) -> "pd.Series[pd.Timestamp]":
    """Closings with one more, at the time of the session a week before."""
    closings = known.closings.drop(day, errors="ignore")
    week = pd.Timedelta(days=7)
    return pd.concat([closings, pd.Series([closings[day - week] + week], index=[day])]).sort_index()


def test_an_origin_is_told_the_same_whatever_history_it_stands_in() -> None:
    nyse = calendar.of("AAPL")
    days = nyse.sessions(date(2012, 1, 3), date(2012, 12, 31))
    whole = announced.traits(nyse, days)
    for cut in (5, 100, 205, 207, 209):
        assert (announced.traits(nyse, days[: cut + 1])[-1] == whole[cut]).all()


def test_where_sessions_are_guessed_nothing_is_told() -> None:
    days = pd.bdate_range("2024-01-02", periods=50)
    guessed = announced.traits(calendar.from_data(days), days)
    assert guessed.shape == (50, announced.SEEN, len(TRAITS))
    assert not guessed.any()
    assert announced.traits(calendar.of("AAPL"), pd.DatetimeIndex([])).shape == (0, 6, len(TRAITS))
    assert np.isfinite(announced.traits(calendar.of("AAPL"), days)).all()
