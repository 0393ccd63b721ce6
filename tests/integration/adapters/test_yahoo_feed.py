"""The real yfinance client against a loopback server that speaks Yahoo's chart API."""

import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockops.adapters.market_data.yahoo import YahooFeed
from stockops.adapters.market_data.yahoo_news import YahooNews
from stockops.adapters.network.bounded_io import MOST_BYTES
from stockops.adapters.network.retries import RetryPolicy
from stockops.errors import DataError, ServiceError, StockopsError, TryAgainError
from stockops.market import calendar, ohlcv
from stockops.optional_services import OptionalServices
from stockops.pipelines.prices import PriceHistory
from stockops.records import Clock, PriceOptions
from tests.builders import bars
from tests.hostile_server import HTTP_FAULTS, HttpFault
from tests.loopback_yahoo import Mode, YahooServer, yahoo_server

FIRST, LAST = date(2004, 8, 19), date(2015, 3, 31)


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YahooServer]:
    with yahoo_server(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture
def server(_server: YahooServer, monkeypatch: pytest.MonkeyPatch) -> YahooServer:
    for name, value in _server.env.items():
        monkeypatch.setenv(name, value)
    table = bars(60)
    _server.tables = {
        "AAPL": table.assign(**{"Adj Close": table["Close"] * 0.9}),
        "^GSPC": table.assign(**{"Adj Close": table["Close"]}),
        "7203.T": bars(60, symbol="7203.T").assign(**{"Adj Close": 1.0}),
    }
    _server.mode, _server.modes, _server.requests, _server.currencies = "ok", [], [], {}
    return _server


@pytest.fixture
def feed(tmp_path: Path) -> YahooFeed:
    retry = RetryPolicy(attempts=3, first_wait_seconds=0.01, longest_wait_seconds=0.02)
    return YahooFeed(calendar_of=calendar.of, cache_dir=tmp_path / "yfinance", timeout_seconds=1, retry=retry)


def test_bars_are_raw_with_adj_close_on_plain_session_dates(server: YahooServer, feed: YahooFeed) -> None:
    found = feed.bars("AAPL", FIRST, LAST).table
    expected = server.tables["AAPL"].loc[: pd.Timestamp(LAST)]
    pd.testing.assert_frame_equal(found[list(expected)], expected, check_freq=False)
    ohlcv.check(found, "AAPL")


def test_the_requested_span_includes_both_ends(server: YahooServer, feed: YahooFeed) -> None:
    days = server.tables["AAPL"].index
    found = feed.bars("AAPL", days[10].date(), days[19].date()).table
    assert list(found.index) == list(days[10:20])


def test_an_index_and_a_tokyo_share_keep_their_own_session_dates(server: YahooServer, feed: YahooFeed) -> None:
    for symbol in ("^GSPC", "7203.T"):
        found = feed.bars(symbol, FIRST, LAST).table
        assert list(found.index) == list(server.tables[symbol].loc[: pd.Timestamp(LAST)].index)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("mode", "error", "message"),
    [
        ("429", TryAgainError, r"yahoo: rate limited \(attempt 3 of 3\); try again later"),
        ("500", TryAgainError, r"yahoo: server error 500 \(attempt 3 of 3\)"),
        ("drop", TryAgainError, "yahoo: no connection"),
        ("garbage", TryAgainError, "yahoo: an answer that is no JSON"),
        ("empty", DataError, "yahoo has no bars of AAPL in that span"),
        ("no_adjclose", DataError, "yahoo's answer for AAPL lacks adjusted closes; unadjusted prices are not used"),
        ("short", DataError, "yahoo's answer for AAPL is malformed"),
    ],
)
def test_each_fault_raises_its_own_error(
    server: YahooServer, feed: YahooFeed, mode: Mode, error: type[StockopsError], message: str, warm: bool
) -> None:
    if warm:  # its time zone is cached, so yfinance sends other requests and raises other exceptions
        feed.bars("AAPL", FIRST, LAST)
    server.mode = mode
    with pytest.raises(error, match=message):
        feed.bars("AAPL", FIRST, LAST)


def test_a_slow_answer_times_out(server: YahooServer, tmp_path: Path) -> None:
    retry = RetryPolicy(attempts=1)
    feed = YahooFeed(calendar_of=calendar.of, cache_dir=tmp_path, timeout_seconds=0.3, retry=retry)
    feed.bars("AAPL", FIRST, LAST)
    server.mode = "slow"
    with pytest.raises(TryAgainError, match=r"yahoo: no answer within 0.3 s \(attempt 1 of 1\)"):
        feed.bars("AAPL", FIRST, LAST)


@pytest.mark.parametrize("mode", ["429", "500", "drop"])
def test_a_transient_fault_is_retried(server: YahooServer, feed: YahooFeed, mode: Mode) -> None:
    feed.bars("AAPL", FIRST, LAST)
    server.modes = [mode, mode]  # yfinance itself sends two requests on an error status
    assert len(feed.bars("AAPL", FIRST, LAST).table) > 50


def test_an_unknown_symbol_is_named_and_not_retried(server: YahooServer, feed: YahooFeed) -> None:
    with pytest.raises(DataError, match="yahoo knows no symbol NOPE"):
        feed.bars("NOPE", FIRST, LAST)
    assert len([path for path in server.requests if "chart/NOPE" in path]) <= 2


def test_a_span_without_bars_is_not_reported_as_an_unknown_symbol(server: YahooServer, feed: YahooFeed) -> None:
    with pytest.raises(DataError, match="yahoo has no bars of AAPL"):
        feed.bars("AAPL", date(2010, 1, 1), date(2010, 2, 1))


def test_a_split_and_a_dividend_rewrite_earlier_bars(server: YahooServer, feed: YahooFeed) -> None:
    before = feed.bars("AAPL", FIRST, LAST).table
    server.split("AAPL", 4)
    server.pay_dividend("AAPL", 0.01)
    after = feed.bars("AAPL", FIRST, LAST).table
    np.testing.assert_allclose(after["Close"], before["Close"] / 4)
    np.testing.assert_allclose(after["Volume"], before["Volume"] * 4)
    np.testing.assert_allclose(after["Adj Close"].iloc[:50], before["Adj Close"].iloc[:50] / 4 * 0.99)


def with_missing_cells(table: pd.DataFrame, row: int, *columns: str) -> pd.DataFrame:
    """Return a table with cells that Yahoo would send as null."""
    incomplete = table.copy()
    incomplete.loc[incomplete.index[row], list(columns)] = np.nan
    return incomplete


def test_a_row_that_lacks_only_its_open_is_left_out(server: YahooServer, feed: YahooFeed) -> None:
    table = server.tables["AAPL"]
    server.tables["AAPL"] = with_missing_cells(table, 7, "Open")
    found = feed.bars("AAPL", FIRST, LAST)
    assert found.notes == ("1 row with a price missing left out, the last of 2015-01-14",)
    expected = table.drop(table.index[7]).loc[: pd.Timestamp(LAST)]
    pd.testing.assert_frame_equal(found.table[list(expected)], expected, check_freq=False)
    ohlcv.check(found.table, "AAPL")


def test_rows_without_any_price_are_left_out_and_counted(server: YahooServer, feed: YahooFeed) -> None:
    table = server.tables["AAPL"]
    prices = ["Open", "High", "Low", "Close", "Adj Close"]  # keeps the volume: yfinance itself drops rows without one
    server.tables["AAPL"] = with_missing_cells(with_missing_cells(table, 7, *prices), 9, *prices)
    found = feed.bars("AAPL", FIRST, LAST)
    assert found.notes == ("2 rows without any price left out, the last of 2015-01-16",)
    assert list(found.table.index) == list(table.drop(table.index[[7, 9]]).loc[: pd.Timestamp(LAST)].index)
    ohlcv.check(found.table, "AAPL")


def test_a_complete_answer_has_no_notes(server: YahooServer, feed: YahooFeed) -> None:
    assert feed.bars("AAPL", FIRST, LAST).notes == ()


@pytest.mark.parametrize(
    ("sent", "currency"),
    [("GBp", "GBp"), ("GBP", "GBP"), ("USD", "USD"), ("ZAc", "ZAc"), ("ILA", "ILA"), ("groats", None), (None, None)],
)
def test_the_currency_is_the_one_given_in_the_chart(
    server: YahooServer, feed: YahooFeed, sent: str | None, currency: str | None
) -> None:
    table = bars(60, symbol="VOD.L")
    server.tables["VOD.L"], server.currencies["VOD.L"] = table.assign(**{"Adj Close": table["Close"]}), sent
    found = feed.bars("VOD.L", FIRST, LAST)
    assert found.currency == currency
    expected = table.loc[: pd.Timestamp(LAST)]
    pd.testing.assert_frame_equal(found.table[list(expected)], expected, check_freq=False)  # pence are not converted


def test_rows_without_any_price_and_filler_rows_on_holidays_are_left_out(server: YahooServer, feed: YahooFeed) -> None:
    table = server.tables["AAPL"].copy()
    table.iloc[7] = np.nan
    holiday = pd.DataFrame(dict.fromkeys(table.columns, 100.0) | {"Volume": 0.0}, index=[pd.Timestamp("2015-01-19")])
    server.tables["AAPL"] = pd.concat([table, holiday]).sort_index()
    history = PriceHistory(
        feed=feed,
        calendar_of=calendar.of,
        clock=Clock(datetime(2015, 4, 1, 12, tzinfo=UTC)),
        options=PriceOptions(),
        optional=OptionalServices(),
    )
    found = history.daily("AAPL").bars
    assert pd.Timestamp("2015-01-19") not in found.index  # Martin Luther King Day
    assert table.index[7] not in found.index
    ohlcv.check(found, "AAPL")


def test_yfinance_writes_nothing_to_the_users_home(
    server: YahooServer, feed: YahooFeed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    feed.bars("AAPL", FIRST, LAST)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("fault", [fault for fault in HTTP_FAULTS if fault != "redirect_loop"])
def test_a_dripping_or_endless_answer_is_abandoned_at_the_limit(
    server: YahooServer, tmp_path: Path, fault: HttpFault
) -> None:
    retry = RetryPolicy(attempts=5, first_wait_seconds=0.01, longest_wait_seconds=0.02, total_seconds=1.5)
    feed = YahooFeed(calendar_of=calendar.of, cache_dir=tmp_path / "yfinance", timeout_seconds=1, retry=retry)
    news = YahooNews(tmp_path / "yfinance", 1)
    feed.bars("AAPL", FIRST, LAST)  # warm up: imports, cookie and crumb are not measured
    server.mode = fault
    tracemalloc.start()
    try:
        started = time.monotonic()
        with pytest.raises((DataError, TryAgainError)):
            feed.bars("AAPL", FIRST, LAST)
        assert time.monotonic() - started < 3.5
        started = time.monotonic()
        with pytest.raises(ServiceError):
            news.items("AAPL", datetime(2015, 3, 1, tzinfo=UTC), datetime(2015, 3, 31, tzinfo=UTC))
        assert time.monotonic() - started < 3.0
        assert tracemalloc.get_traced_memory()[1] < 6 * MOST_BYTES
    finally:
        tracemalloc.stop()
