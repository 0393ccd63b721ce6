import pandas as pd
import pytest

from stockops.market import calendar

SPRING, AUTUMN = ("2024-03-04", "2024-04-12"), ("2024-09-30", "2024-11-08")  # clocks change in each, the world over
ZONES = {
    "AAPL": "America/New_York",
    "SHEL.L": "Europe/London",
    "7203.T": "Asia/Tokyo",
    "BHP.AX": "Australia/Sydney",
    "EURUSD=X": "Europe/London",
    "BTC-USD": "UTC",
}


def _written(stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the dates that stand in the text of stamps."""
    return stamps.tz_localize(None).normalize()


@pytest.fixture(params=[SPRING, AUTUMN], ids=["spring", "autumn"])
def span(request: pytest.FixtureRequest) -> tuple[pd.Timestamp, pd.Timestamp]:
    return pd.Timestamp(request.param[0]), pd.Timestamp(request.param[1])


Span = tuple[pd.Timestamp, pd.Timestamp]


@pytest.mark.parametrize("symbol", ZONES)
def test_local_midnights_are_the_sessions_that_begin(symbol: str, span: Span) -> None:
    traded = calendar.of(symbol)
    sessions = traded.sessions(*span)
    local = sessions.tz_localize(ZONES[symbol])
    instants = local.tz_convert("UTC")
    for stated in (_written(local), _written(instants), None):  # with an offset, as UTC, as an epoch
        pd.testing.assert_index_equal(traded.session_dates(instants, stated), sessions)


@pytest.mark.parametrize("symbol", ZONES)
def test_midnights_in_utc_are_the_dates_they_state(symbol: str, span: Span) -> None:
    traded = calendar.of(symbol)
    sessions = traded.sessions(*span)
    instants = sessions.tz_localize("UTC")
    for stated in (sessions, None):
        pd.testing.assert_index_equal(traded.session_dates(instants, stated), sessions)


@pytest.mark.parametrize("symbol", ["AAPL", "SHEL.L", "7203.T", "BHP.AX"])
def test_the_moment_of_the_close_is_dated_where_the_exchange_is(symbol: str, span: Span) -> None:
    traded = calendar.of(symbol)
    sessions = traded.sessions(*span)
    instants = traded.closes(sessions)
    pd.testing.assert_index_equal(traded.session_dates(instants, _written(instants)), sessions, check_names=False)


def test_a_summer_midnight_in_london_is_the_next_day_in_london() -> None:
    instants = pd.DatetimeIndex(["2024-06-02T23:00Z", "2024-06-03T23:00Z"])
    dates = calendar.of("SHEL.L").session_dates(instants, _written(instants))
    assert [str(day.date()) for day in dates] == ["2024-06-03", "2024-06-04"]


def test_few_midnights_in_utc_need_no_weekend_to_be_understood() -> None:
    instants = pd.DatetimeIndex(["2024-06-04T00:00Z", "2024-06-05T00:00Z"])  # Monday and Tuesday evening in New York
    dates = calendar.of("AAPL").session_dates(instants, _written(instants))
    assert [str(day.date()) for day in dates] == ["2024-06-04", "2024-06-05"]


def test_few_summer_midnights_of_london_need_no_weekend_either() -> None:
    instants = pd.DatetimeIndex(["2024-06-03T23:00Z", "2024-06-04T23:00Z"])
    dates = calendar.of("SHEL.L").session_dates(instants, _written(instants))
    assert [str(day.date()) for day in dates] == ["2024-06-04", "2024-06-05"]


def test_stated_dates_count_where_they_fit_the_calendar_better() -> None:
    sessions = calendar.of("AAPL").sessions(*map(pd.Timestamp, SPRING))
    evenings = (sessions + pd.Timedelta(minutes=1)).tz_localize("UTC")
    pd.testing.assert_index_equal(calendar.of("AAPL").session_dates(evenings, sessions), sessions)


def test_where_no_zone_is_known_the_stated_dates_count() -> None:
    stated = pd.bdate_range("2024-06-04", "2024-06-06")
    instants = stated.tz_localize("Africa/Cairo").tz_convert("UTC")
    for guess in (calendar.of("COMI.CA"), calendar.of("AAPL", "from-data")):
        assert guess.session_dates(instants, stated).equals(stated)
