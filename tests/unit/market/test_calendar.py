from collections.abc import Iterator
from datetime import date, datetime

import pandas as pd
import pytest

from stockops.errors import UsageError
from stockops.market import calendar
from stockops.market.calendar_sessions import warn_weekdays


@pytest.fixture(autouse=True)
def _reset_warnings() -> Iterator[None]:
    warn_weekdays.cache_clear()
    yield
    warn_weekdays.cache_clear()


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
        ("2222.SR", date(2024, 6, 27), date(2024, 6, 30)),  # Saudi weeks run from Sunday to Thursday
        ("2222.SR", date(2015, 6, 25), date(2015, 6, 28)),  # and did so before the library covers them
        ("BTC-USD", date(2024, 12, 24), date(2024, 12, 25)),  # never closes
        ("BTCUSD", date(2090, 12, 23), date(2090, 12, 24)),  # a Sunday, far in the future
        ("EURUSD=X", date(2024, 6, 28), date(2024, 7, 1)),
    ],
)
def test_the_next_session_follows_the_exchange_calendar(symbol: str, after: date, expected: date) -> None:
    assert calendar.of(symbol).next_sessions(after, 1) == (expected,)


def test_next_sessions_have_the_requested_count_and_skip_holidays() -> None:
    found = calendar.of("AAPL").next_sessions(date(2024, 6, 28), 63)
    assert len(found) == 63
    assert date(2024, 7, 4) not in found
    assert date(2024, 9, 2) not in found  # Labor Day
    assert found == tuple(sorted(set(found)))


@pytest.mark.parametrize(
    ("symbol", "now", "expected"),
    [
        ("AAPL", "2024-06-28T19:59Z", date(2024, 6, 27)),  # a minute before the close in New York
        ("AAPL", "2024-06-28T20:10Z", date(2024, 6, 27)),  # the closing auction is not published yet
        ("AAPL", "2024-06-28T20:16Z", date(2024, 6, 28)),
        ("AAPL", "2024-06-30T12:00Z", date(2024, 6, 28)),  # Sunday
        ("AAPL", "2024-11-29T18:16Z", date(2024, 11, 29)),  # the half day after Thanksgiving ends at 13:00
        ("7203.T", "2024-06-28T07:00Z", date(2024, 6, 28)),  # 16:00 in Tokyo
        ("BTC-USD", "2024-06-28T23:00Z", date(2024, 6, 27)),
        ("BTC-USD", "2024-06-30T00:16Z", date(2024, 6, 29)),
        ("ABC.XX", "2024-06-28T23:00Z", date(2024, 6, 27)),  # closing time unknown: not before the day is over
    ],
)
def test_a_session_is_complete_15_minutes_after_its_close(symbol: str, now: str, expected: date) -> None:
    assert calendar.of(symbol).last_completed(datetime.fromisoformat(now)) == expected


@pytest.mark.parametrize(
    ("symbol", "session", "out"),
    [
        ("AAPL", date(2024, 6, 28), "2024-06-28T20:15Z"),
        ("AAPL", date(2024, 6, 29), "2024-06-30T00:15Z"),  # a bar on a Saturday
        ("BTC-USD", date(2024, 6, 28), "2024-06-29T00:15Z"),
        ("ABC.XX", date(2024, 6, 28), "2024-06-29T00:15Z"),
    ],
)
def test_prices_are_out_15_minutes_after_the_close(symbol: str, session: date, out: str) -> None:
    assert calendar.of(symbol).out_at(session) == datetime.fromisoformat(out)


def test_weekdays_past_the_calendar_count_as_sessions_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "stockops.calendar"):
        found = [calendar.of("AAPL").next_sessions(date(2190, 12, 24), 2) for _ in range(2)]
    assert found == [(date(2190, 12, 27), date(2190, 12, 28))] * 2
    assert len(caplog.messages) == 1
    assert "no calendar for XNYS after" in caplog.text
    assert "every weekday counts as a session" in caplog.text


def test_sessions_continue_past_the_end_of_the_calendar() -> None:
    apple = calendar.of("AAPL")
    end = apple.known[-1]
    found = apple.sessions(end - pd.Timedelta(days=7), end + pd.Timedelta(days=7))
    assert found.is_monotonic_increasing
    assert found.is_unique
    assert 9 <= len(found) <= 11


def test_missing_runs_are_found_with_the_surrounding_bars() -> None:
    apple = calendar.of("AAPL")
    index = apple.sessions(date(2024, 6, 3), date(2024, 7, 12))
    assert apple.missing_runs(index) == []
    gapped = index.delete([3, 10, 11])
    assert [count for _, _, count in apple.missing_runs(gapped)] == [1, 2]
    before, after, _ = apple.missing_runs(gapped)[0]
    assert (before, after) == (index[2].date(), index[4].date())


def test_a_holiday_is_not_a_missing_session() -> None:
    index = pd.DatetimeIndex(["2024-07-03", "2024-07-05"])
    assert calendar.of("AAPL").missing_runs(index) == []


def test_days_without_a_session_are_found_in_any_order() -> None:
    index = pd.DatetimeIndex(["2024-07-05", "2024-07-04", "2024-07-06", "2024-07-03"])
    assert calendar.of("AAPL").closed(index).tolist() == [False, True, True, False]
    assert calendar.of("BTC-USD").closed(index).tolist() == [False] * 4
    assert calendar.of("AAPL").closed(index[:0]).tolist() == []


def test_an_unknown_exchange_gets_a_guessed_calendar_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "stockops.calendar"):
        cairo, _ = calendar.of("COMI.CA"), calendar.of("HRHO.CA")
    assert (cairo.name, cairo.is_guess, cairo.complete_to) == ("unknown", True, None)
    assert caplog.messages == ["no calendar for symbols that end in .CA: every weekday counts as a session"]
    assert cairo.next_sessions(date(2024, 7, 3), 1) == (date(2024, 7, 4),)  # not New York's


@pytest.mark.parametrize(
    ("override", "name"),
    [("XLON", "XLON"), ("xlon", "XLON"), ("LSE", "XLON"), (" 24/7 ", "24/7"), ("US_Futures", "us_futures")],
)
def test_a_calendar_can_be_overridden_by_name(override: str, name: str) -> None:
    assert calendar.of("COMI.CA", override) is calendar.of("AAPL", name)
    assert calendar.of("AAPL", override).name == name


def test_a_calendar_from_data_is_a_guess_until_there_are_bars(caplog: pytest.LogCaptureFixture) -> None:
    pending = calendar.of("AAPL", "from-data")
    assert (pending.name, pending.is_guess) == ("from-data", True)
    assert not calendar.from_data(pd.DatetimeIndex(["2024-07-03"])).is_guess
    assert caplog.messages == []  # it was requested


@pytest.mark.parametrize(
    ("override", "hint"),
    [("XNYZ", "close to it: .*XNYS"), ("XLONN", "close to it: XLON"), ("??", "use a name such as XNYS or XLON")],
)
def test_an_unknown_calendar_is_refused_with_a_hint(override: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint) as refused:
        calendar.of("AAPL", override)
    assert repr(override) in refused.value.message
