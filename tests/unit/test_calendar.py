from datetime import UTC, date, datetime

import pandas as pd
import pytest

from stockops.market import calendar, exchanges


@pytest.mark.parametrize(
    ("symbol", "after", "expected"),
    [
        ("AAPL", date(2024, 7, 3), date(2024, 7, 5)),  # Independence Day
        ("AAPL", date(2026, 11, 25), date(2026, 11, 27)),  # Thanksgiving
        ("^GSPC", date(2024, 3, 28), date(2024, 4, 1)),  # Good Friday: markets close, federal offices do not
        ("AAPL", date(2024, 10, 11), date(2024, 10, 14)),  # Columbus Day: the other way round
        ("BRK-B", date(2024, 6, 28), date(2024, 7, 1)),  # a weekend; the dash is a share class
        ("7203.T", date(2019, 4, 26), date(2019, 5, 7)),  # Golden Week of 2019: ten days
        ("7203.T", date(2024, 12, 30), date(2025, 1, 6)),  # New Year in Tokyo
        ("SHEL.L", date(2024, 8, 23), date(2024, 8, 27)),  # summer bank holiday
        ("BTC-USD", date(2024, 12, 24), date(2024, 12, 25)),  # never closes
        ("EURUSD=X", date(2024, 6, 28), date(2024, 7, 1)),
    ],
)
def test_the_next_session_is_the_exchanges_own(symbol: str, after: date, expected: date) -> None:
    assert calendar.next_sessions(symbol, after, 1) == (expected,)


def test_next_sessions_are_as_many_as_asked_for_and_never_a_holiday() -> None:
    found = calendar.next_sessions("AAPL", date(2024, 6, 28), 63)
    assert len(found) == 63
    assert date(2024, 7, 4) not in found
    assert date(2024, 9, 2) not in found  # Labor Day
    assert found == tuple(sorted(set(found)))


@pytest.mark.parametrize(
    ("symbol", "now", "expected"),
    [
        ("AAPL", "2024-06-28T19:59Z", date(2024, 6, 27)),  # a minute before the close in New York
        ("AAPL", "2024-06-28T20:10Z", date(2024, 6, 27)),  # the closing auction is not out yet
        ("AAPL", "2024-06-28T20:16Z", date(2024, 6, 28)),
        ("AAPL", "2024-06-30T12:00Z", date(2024, 6, 28)),  # Sunday
        ("AAPL", "2024-11-29T18:16Z", date(2024, 11, 29)),  # the half day after Thanksgiving ends at 13:00
        ("7203.T", "2024-06-28T07:00Z", date(2024, 6, 28)),  # 16:00 in Tokyo
        ("BTC-USD", "2024-06-28T23:00Z", date(2024, 6, 27)),
        ("ABC.XX", "2024-06-28T23:00Z", date(2024, 6, 27)),  # closing time unknown: not before the day is over
    ],
)
def test_a_session_is_complete_a_quarter_of_an_hour_after_its_close(symbol: str, now: str, expected: date) -> None:
    assert calendar.last_completed(symbol, datetime.fromisoformat(now)) == expected


def test_past_the_calendar_every_weekday_counts_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    calendar._warn_weekdays.cache_clear()
    with caplog.at_level("WARNING", "stockops.calendar"):
        found = calendar.next_sessions("AAPL", date(2190, 12, 24), 2)
    assert found == (date(2190, 12, 27), date(2190, 12, 28))
    assert "every weekday counts as a session" in caplog.text


def test_sessions_run_on_across_the_end_of_the_calendar() -> None:
    known = calendar._calendar("XNYS")
    assert known is not None
    end = known.last_session
    found = calendar.sessions("AAPL", (end - pd.Timedelta(days=7)).date(), (end + pd.Timedelta(days=7)).date())
    assert found.is_monotonic_increasing
    assert found.is_unique
    assert 9 <= len(found) <= 11


def test_holes_are_found_with_the_bars_around_them() -> None:
    index = calendar.sessions("AAPL", date(2024, 6, 3), date(2024, 7, 12))
    assert calendar.missing_runs("AAPL", index) == []
    holed = index.delete([3, 10, 11])
    assert [count for _, _, count in calendar.missing_runs("AAPL", holed)] == [1, 2]
    before, after, _ = calendar.missing_runs("AAPL", holed)[0]
    assert (before, after) == (index[2].date(), index[4].date())


def test_a_holiday_is_no_hole() -> None:
    index = pd.DatetimeIndex(["2024-07-03", "2024-07-05"])
    assert calendar.missing_runs("AAPL", index) == []


@pytest.mark.parametrize(
    ("symbol", "name", "unit"),
    [
        ("AAPL", "XNYS", "USD"),
        ("^GSPC", "XNYS", "points"),
        ("^N225", "XTKS", "points"),
        ("7203.T", "XTKS", "JPY"),
        ("RELIANCE.NS", "XBOM", "INR"),
        ("ETH-EUR", "24/7", "EUR"),
        ("EURUSD=X", "24/5", "USD"),
        ("ES=F", "us_futures", "USD"),
        ("ABC.XX", "weekdays", "currency of its exchange"),
    ],
)
def test_a_symbol_tells_its_exchange(symbol: str, name: str, unit: str) -> None:
    assert exchanges.of(symbol) == exchanges.Exchange(name, unit)


def test_every_exchange_named_has_a_calendar() -> None:
    import exchange_calendars

    known = set(exchange_calendars.get_calendar_names())
    named = {name for name, _ in exchanges._SUFFIXES.values()} | set(exchanges._INDICES.values())
    assert named <= known
    assert calendar.last_completed("AAPL", datetime(2024, 1, 2, tzinfo=UTC)) == date(2023, 12, 29)
