from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockops.market import calendar
from tests.places import SHARED

DATA = SHARED / "data"
YEAR = ("2023-01-01", "2023-12-31")


def _sessions(symbol: str, first: str = YEAR[0], last: str = YEAR[1]) -> pd.DatetimeIndex:
    return calendar.of(symbol).sessions(pd.Timestamp(first), pd.Timestamp(last))


EVERY_DAY = pd.date_range(*YEAR)
WITHOUT_FRIDAYS = _sessions("AAPL")[_sessions("AAPL").dayofweek != 4]
SUNDAY_TO_THURSDAY = EVERY_DAY[EVERY_DAY.dayofweek.isin([6, 0, 1, 2, 3])]


@pytest.mark.parametrize(
    ("symbol", "index", "clause"),
    [
        ("AAPL", EVERY_DAY, "105 bars lie on Saturdays and Sundays, when XNYS is closed"),
        ("AAPL", EVERY_DAY[:7], "2 bars lie on Saturdays and Sundays, when XNYS is closed"),
        ("AAPL", SUNDAY_TO_THURSDAY, "53 bars lie on Sundays, when XNYS is closed"),
        ("EURUSD=X", SUNDAY_TO_THURSDAY, "53 bars lie on Sundays, when 24/5 is closed"),
        ("2222.SR", pd.bdate_range(*YEAR), "52 bars lie on Fridays, when XSAU is closed"),
        ("BTC-USD", pd.bdate_range(*YEAR), "none of 260 bars lie on Saturdays and Sundays, when 24/7 trades"),
        ("AAPL", WITHOUT_FRIDAYS, "none of 199 bars lie on Fridays, when XNYS trades"),
        ("SHEL.L", _sessions("AAPL"), "5 bars lie on days when XLON is closed, 2023-12-26 the last of them"),
        ("AAPL", pd.bdate_range(*YEAR), "10 bars lie on days when XNYS is closed, 2023-12-25 the last of them"),
    ],
)
def test_bars_that_contradict_the_calendar_are_described(symbol: str, index: pd.DatetimeIndex, clause: str) -> None:
    assert calendar.contradiction(calendar.of(symbol), index) == clause


@pytest.mark.parametrize(
    "symbol",
    [
        "AAPL",
        "SHEL.L",
        "7203.T",
        "2222.SR",
        pytest.param("TEVA.TA", marks=pytest.mark.slow),
        "BTC-USD",
        "EURUSD=X",
        "ES=F",
    ],
)
def test_the_sessions_of_an_exchange_fit_its_calendar(symbol: str) -> None:
    index = _sessions(symbol, "2021-01-04", "2026-06-30")  # Tel Aviv's week changed in 2026
    assert calendar.contradiction(calendar.of(symbol), index) is None


@pytest.mark.parametrize(
    "extra",
    [
        ["2023-11-12"],  # Bombay's hour of trade on Diwali, a Sunday
        ["2023-07-04", "2023-12-25", "2023-09-04", "2023-05-29"],  # four at most
    ],
)
def test_a_few_special_sessions_are_no_contradiction(extra: list[str]) -> None:
    index = _sessions("AAPL").union(pd.DatetimeIndex(extra))
    assert calendar.contradiction(calendar.of("AAPL"), index) is None


@pytest.mark.slow
def test_up_to_two_special_sessions_a_year_are_no_contradiction() -> None:
    bombay = calendar.of("RELIANCE.NS")
    index = bombay.sessions(date(2005, 1, 1), date(2024, 12, 31))
    closed = pd.bdate_range("2005-01-01", "2024-12-31").difference(index)
    assert calendar.contradiction(bombay, index.union(closed[::8])) is None
    assert calendar.contradiction(bombay, index.union(closed[::4])) is not None


@pytest.mark.parametrize(
    "index",
    [
        _sessions("AAPL")[::5],  # weekly bars and gaps are found by other checks
        _sessions("AAPL")[::21],
        _sessions("AAPL")[:3],
        pd.DatetimeIndex([]),
    ],
)
def test_sparse_bars_are_no_contradiction(index: pd.DatetimeIndex) -> None:
    assert calendar.contradiction(calendar.of("AAPL"), index) is None


def test_bars_before_the_start_of_a_calendar_are_not_checked() -> None:
    riyadh = calendar.of("2222.SR")
    before = pd.date_range("2010-01-02", "2012-12-31")
    before = before[before.dayofweek.isin([5, 6, 0, 1, 2])]  # Saturday to Wednesday, until 2013
    assert calendar.contradiction(riyadh, before.union(_sessions("2222.SR"))) is None


def test_guessed_calendars_and_calendars_from_data_contradict_nothing() -> None:
    assert calendar.contradiction(calendar.of("COMI.CA"), SUNDAY_TO_THURSDAY) is None
    assert calendar.contradiction(calendar.from_data(SUNDAY_TO_THURSDAY), SUNDAY_TO_THURSDAY) is None


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.stem)
def test_real_history_fits_its_calendar(path: Path) -> None:
    index = pd.DatetimeIndex(pd.read_csv(path, usecols=["Date"])["Date"])
    exchange = calendar.of(path.stem)
    assert exchange.name in ("XNYS", "XTKS")
    assert calendar.contradiction(exchange, index) is None
    assert not exchange.closed(index[index >= pd.Timestamp("2000-01-01")]).any()


def test_a_calendar_from_data_has_the_days_of_the_data_and_no_gaps() -> None:
    tokyo = _sessions("7203.T", "2016-01-01", "2023-12-29")
    own = calendar.from_data(tokyo)
    assert (own.name, own.is_guess, own.week) == ("from-data", False, "1111100")
    assert own.sessions(date(2019, 4, 26), date(2019, 5, 8)).equals(_sessions("7203.T", "2019-04-26", "2019-05-08"))
    assert own.missing_runs(tokyo) == []
    assert not own.closed(tokyo).any()


def test_a_calendar_from_data_expects_fixed_date_holidays_it_has_seen() -> None:
    own = calendar.from_data(_sessions("7203.T", "2016-01-01", "2023-12-29"))
    assert own.next_sessions(date(2024, 4, 26), 3) == (date(2024, 4, 30), date(2024, 5, 1), date(2024, 5, 2))
    assert own.next_sessions(date(2023, 12, 29), 1) == (date(2024, 1, 4),)  # Tokyo begins its year on 4 January
    assert own.next_sessions(date(2024, 7, 12), 1) == (date(2024, 7, 15),)  # Marine Day has no fixed date


def test_a_holiday_seen_in_only_two_years_is_not_expected() -> None:
    assert calendar.from_data(_sessions("AAPL", "2022-01-03", "2023-12-29")).holidays == frozenset()


def test_a_calendar_from_data_expects_the_weekdays_traded_most_recently() -> None:
    days = pd.date_range("2022-01-01", "2023-12-31")
    changed = np.where(days < pd.Timestamp("2023-07-01"), days.dayofweek.isin([6, 0, 1, 2, 3]), days.dayofweek < 5)
    assert calendar.from_data(SUNDAY_TO_THURSDAY).week == "1111001"
    assert calendar.from_data(days[changed]).week == "1111100"
    assert calendar.from_data(days).week == "1111111"
    assert calendar.from_data(days[days.dayofweek == 4]).week == "0000100"  # weekly bars, as they are


@pytest.mark.parametrize("days", [0, 1, 6, 20, 25])
def test_a_calendar_from_less_than_four_weeks_of_data_expects_weekdays(days: int) -> None:
    assert calendar.from_data(SUNDAY_TO_THURSDAY[:days]).week == ("1111100" if days < 25 else "1111001")


def test_a_calendar_from_data_completes_sessions_past_the_data() -> None:
    own = calendar.from_data(SUNDAY_TO_THURSDAY)  # to Sunday, 31 December 2023
    assert own.last_completed(pd.Timestamp("2023-12-31T12:00Z")) == date(2023, 12, 28)
    assert own.last_completed(pd.Timestamp("2024-01-06T12:00Z")) == date(2024, 1, 4)
