import pandas as pd
import pytest

from stockops.market import calendar

SPRING, AUTUMN = ("2024-03-04", "2024-04-12"), ("2024-09-30", "2024-11-08")  # clocks change in each, worldwide
ZONES = {
    "AAPL": "America/New_York",
    "SHEL.L": "Europe/London",
    "7203.T": "Asia/Tokyo",
    "BHP.AX": "Australia/Sydney",
    "EURUSD=X": "Europe/London",
    "BTC-USD": "UTC",
}


def _stated_dates(timestamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the dates in the text of timestamps."""
    return timestamps.tz_localize(None).normalize()


@pytest.fixture(params=[SPRING, AUTUMN], ids=["spring", "autumn"])
def span(request: pytest.FixtureRequest) -> tuple[pd.Timestamp, pd.Timestamp]:
    return pd.Timestamp(request.param[0]), pd.Timestamp(request.param[1])


Span = tuple[pd.Timestamp, pd.Timestamp]


@pytest.mark.parametrize("symbol", ZONES)
def test_local_midnights_are_dated_as_the_sessions_that_begin(symbol: str, span: Span) -> None:
    exchange = calendar.of(symbol)
    sessions = exchange.sessions(*span)
    local = sessions.tz_localize(ZONES[symbol])
    instants = local.tz_convert("UTC")
    for stated in (_stated_dates(local), _stated_dates(instants), None):  # with an offset, as UTC, as an epoch
        pd.testing.assert_index_equal(exchange.session_dates(instants, stated), sessions)


@pytest.mark.parametrize("symbol", ZONES)
def test_midnights_in_utc_keep_their_stated_dates(symbol: str, span: Span) -> None:
    exchange = calendar.of(symbol)
    sessions = exchange.sessions(*span)
    instants = sessions.tz_localize("UTC")
    for stated in (sessions, None):
        pd.testing.assert_index_equal(exchange.session_dates(instants, stated), sessions)


@pytest.mark.parametrize("symbol", ["AAPL", "SHEL.L", "7203.T", "BHP.AX"])
def test_closing_times_are_dated_in_the_zone_of_the_exchange(symbol: str, span: Span) -> None:
    exchange = calendar.of(symbol)
    sessions = exchange.sessions(*span)
    instants = exchange.closes(sessions)
    pd.testing.assert_index_equal(
        exchange.session_dates(instants, _stated_dates(instants)), sessions, check_names=False
    )


def test_summer_midnights_in_london_are_dated_in_local_time() -> None:
    instants = pd.DatetimeIndex(["2024-06-02T23:00Z", "2024-06-03T23:00Z"])
    dates = calendar.of("SHEL.L").session_dates(instants, _stated_dates(instants))
    assert [str(day.date()) for day in dates] == ["2024-06-03", "2024-06-04"]


def test_a_few_midnights_in_utc_are_recognized_without_a_weekend() -> None:
    instants = pd.DatetimeIndex(["2024-06-04T00:00Z", "2024-06-05T00:00Z"])  # Monday and Tuesday evening in New York
    dates = calendar.of("AAPL").session_dates(instants, _stated_dates(instants))
    assert [str(day.date()) for day in dates] == ["2024-06-04", "2024-06-05"]


def test_a_few_summer_midnights_in_london_are_recognized_without_a_weekend() -> None:
    instants = pd.DatetimeIndex(["2024-06-03T23:00Z", "2024-06-04T23:00Z"])
    dates = calendar.of("SHEL.L").session_dates(instants, _stated_dates(instants))
    assert [str(day.date()) for day in dates] == ["2024-06-04", "2024-06-05"]


def test_stated_dates_are_used_where_they_fit_the_calendar_better() -> None:
    sessions = calendar.of("AAPL").sessions(*map(pd.Timestamp, SPRING))
    evenings = (sessions + pd.Timedelta(minutes=1)).tz_localize("UTC")
    pd.testing.assert_index_equal(calendar.of("AAPL").session_dates(evenings, sessions), sessions)


def test_stated_dates_are_used_where_the_zone_is_unknown() -> None:
    stated = pd.bdate_range("2024-06-04", "2024-06-06")
    instants = stated.tz_localize("Africa/Cairo").tz_convert("UTC")
    for guess in (calendar.of("COMI.CA"), calendar.of("AAPL", "from-data")):
        assert guess.session_dates(instants, stated).equals(stated)
