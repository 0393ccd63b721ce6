"""The Finnhub client against a loopback server that speaks the candle API."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stockops.adapters.market_data.finnhub import FinnhubFeed
from stockops.adapters.market_data.finnhub_api import FinnhubApi
from stockops.adapters.network.retries import RetryPolicy
from stockops.errors import DataError, StockopsError, TryAgainError, UsageError
from stockops.market import calendar, ohlcv
from tests.loopback_http import serving

KEY = "secret-key-0123"
FIRST, LAST = date(2024, 6, 24), date(2024, 6, 28)
DAYS = [int(datetime(2024, 6, day, tzinfo=UTC).timestamp()) for day in (24, 25, 26, 27, 28)]
CANDLES: dict[str, Any] = {
    "s": "ok", "t": DAYS, "o": [1.0] * 5, "h": [3.0] * 5, "l": [0.5] * 5, "c": [2.0] * 5, "v": [100] * 5
}  # fmt: skip


@dataclass
class Server:
    """Sends the queued (status, body) answers, the last one repeatedly, and records its requests."""

    url: str = ""
    answers: list[tuple[int, str]] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    delay_seconds: float = 0.0


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(answers=[(200, json.dumps(CANDLES))])

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            running.requests.append((self.path, self.headers.get("X-Finnhub-Token")))
            time.sleep(running.delay_seconds)
            status, body = running.answers.pop(0) if len(running.answers) > 1 else running.answers[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.url = f"http://127.0.0.1:{http.server_port}"
    with serving(http):
        yield running


def feed(server: Server) -> FinnhubFeed:
    retry = RetryPolicy(attempts=2, first_wait_seconds=0.01)
    api = FinnhubApi(api_key=KEY, base_url=server.url, timeout_seconds=0.5, retry=retry)
    return FinnhubFeed(api, calendar.of)


def test_candles_become_bars_on_their_dates(server: Server) -> None:
    found = feed(server).bars("AAPL", FIRST, LAST).table
    assert [stamp.date() for stamp in found.index] == [date(2024, 6, day) for day in (24, 25, 26, 27, 28)]
    assert list(found.columns) == ["Open", "High", "Low", "Close", "Volume"]
    assert tuple(found.iloc[0]) == (1.0, 3.0, 0.5, 2.0, 100.0)
    [(path, _)] = server.requests
    query = parse_qs(urlsplit(path).query)
    assert query["symbol"] == ["AAPL"]
    assert query["resolution"] == ["D"]
    # One day wider on each side: which time in UTC stands for a day depends on the vendor and the exchange.
    assert DAYS[0] - 2 * 86_400 < int(query["from"][0]) <= DAYS[0] - 86_400
    assert DAYS[-1] + 86_400 <= int(query["to"][0]) < DAYS[-1] + 2 * 86_400


WEEK = [date(2024, 6, day) for day in (24, 25, 26, 27, 28)]


@pytest.mark.parametrize(
    ("symbol", "stamps", "days"),
    [
        ("AAPL", ["2024-06-24T00:00Z", "2024-06-25T00:00Z", "2024-06-26T00:00Z"], WEEK[:3]),  # Sunday in New York
        ("AAPL", ["2024-06-26T00:00Z"], WEEK[2:3]),  # no closed day decides it, but it is midnight UTC
        ("AAPL", ["2024-06-24T04:00Z", "2024-06-25T04:00Z"], WEEK[:2]),  # New York's own midnight
        ("VOD.L", ["2024-06-23T23:00Z", "2024-06-24T23:00Z", "2024-06-25T23:00Z"], WEEK[:3]),  # London's, in summer
        ("VOD.L", ["2024-06-25T23:00Z"], WEEK[2:3]),
        ("VOD.L", ["2024-03-29T00:00Z", "2024-03-31T23:00Z"], [date(2024, 3, 29), date(2024, 4, 1)]),  # clocks change
        ("7203.T", ["2024-06-23T15:00Z", "2024-06-24T15:00Z"], WEEK[:2]),
        ("COMI.CA", ["2024-06-23T00:00Z", "2024-06-24T00:00Z"], [date(2024, 6, 23), WEEK[0]]),  # an unknown time zone
    ],
)
def test_a_timestamp_stands_for_the_day_at_the_exchange(
    server: Server, symbol: str, stamps: list[str], days: list[date]
) -> None:
    moments = [int(datetime.fromisoformat(stamp).timestamp()) for stamp in stamps]
    candles = {key: CANDLES[key][: len(stamps)] for key in "ohlcv"}
    server.answers = [(200, json.dumps({"s": "ok", "t": moments, **candles}))]
    found = feed(server).bars(symbol, days[0], days[-1]).table
    assert [stamp.date() for stamp in found.index] == days
    single = feed(server).bars(symbol, days[-1], days[-1]).table  # the same answer, with one day requested
    assert [stamp.date() for stamp in single.index] == days[-1:]


def test_a_complete_response_has_no_currency_and_no_notes(server: Server) -> None:
    found = feed(server).bars("AAPL", FIRST, LAST)
    assert (found.currency, found.notes) == (None, ())


@pytest.mark.parametrize(
    ("missing", "note"),
    [
        ("o", "1 row with a price missing left out, the last of 2024-06-26"),
        ("ohlc", "1 row without any price left out, the last of 2024-06-26"),
    ],
)
def test_a_row_with_missing_prices_is_left_out_with_a_note(server: Server, missing: str, note: str) -> None:
    with_gaps = {key: [*CANDLES[key][:2], None, *CANDLES[key][3:]] for key in missing}
    server.answers = [(200, json.dumps(CANDLES | with_gaps))]
    found = feed(server).bars("AAPL", FIRST, LAST)
    assert found.notes == (note,)
    assert [stamp.date() for stamp in found.table.index] == [*WEEK[:2], *WEEK[3:]]
    ohlcv.check(found.table, "AAPL")


def test_the_key_is_sent_in_a_header_and_appears_nowhere_else(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        feed(server).bars("AAPL", FIRST, LAST)
    [(path, token)] = server.requests
    assert token == KEY
    assert KEY not in path
    assert KEY not in caplog.text
    assert KEY not in repr(feed(server))


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (401, "{}", UsageError, "finnhub refuses the key; check FINNHUB_API_KEY"),
        (403, "{}", UsageError, "this key's plan has no candles of AAPL"),
        (429, "{}", TryAgainError, r"finnhub: rate limited \(attempt 2 of 2\)"),
        (502, "{}", TryAgainError, "finnhub: server error 502"),
        (422, "{}", DataError, "finnhub answers 422 for AAPL"),
        (200, "<html>", TryAgainError, "an answer that is no JSON"),
        (200, '{"s":"no_data"}', DataError, "finnhub has no bars of AAPL from 2024-06-24 to 2024-06-28"),
        (200, "[]", DataError, "finnhub's answer for AAPL is malformed"),
        (200, '{"s":"ok","t":[1]}', DataError, "malformed"),
        (200, json.dumps(CANDLES | {"c": [2.0] * 4}), DataError, "malformed"),
        (200, json.dumps(CANDLES | {"o": ["one"] * 5}), DataError, "malformed"),
        (200, json.dumps(CANDLES | {"t": ["now"] * 5}), DataError, "malformed"),
    ],
)
def test_every_bad_response_has_its_own_error_without_the_key(
    server: Server, status: int, body: str, error: type[StockopsError], message: str
) -> None:
    server.answers = [(status, body)]
    with pytest.raises(error, match=message) as caught:
        feed(server).bars("AAPL", FIRST, LAST)
    assert KEY not in str(caught.value)


def test_a_temporary_rate_limit_is_retried(server: Server) -> None:
    server.answers = [(429, ""), (200, json.dumps(CANDLES))]
    assert len(feed(server).bars("AAPL", FIRST, LAST).table) == 5
    assert len(server.requests) == 2


def test_a_timeout_and_a_closed_port_are_try_again_errors(server: Server) -> None:
    server.delay_seconds = 1.0
    with pytest.raises(TryAgainError, match=r"finnhub: no answer within 0.5 s"):
        feed(server).bars("AAPL", FIRST, LAST)
    retry = RetryPolicy(attempts=1)
    api = FinnhubApi(api_key=KEY, base_url="http://127.0.0.1:9", timeout_seconds=0.5, retry=retry)
    with pytest.raises(TryAgainError, match=r"finnhub: no connection \(ConnectError\)"):
        FinnhubFeed(api, calendar.of).bars("AAPL", FIRST, LAST)
