"""Yahoo's chart API on loopback, behind a proxy that terminates TLS for *.yahoo.com, so that the real yfinance
client talks to it unchanged: it only needs the environment variables in `YahooServer.env`."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import pandas as pd
import trustme

from tests.hostile_server import HTTP_FAULTS, HttpFault, http_answer
from tests.loopback_http import serving

Mode = HttpFault | Literal["ok", "429", "500", "slow", "drop", "empty", "garbage", "no_adjclose", "short"]
_FIELDS = ("open", "high", "low", "close", "volume")


@dataclass
class YahooServer:
    """The data of the server and the requests it received.

    tables: symbol -> raw bars with Adj Close. currencies: symbol -> the currency in its chart, by default USD.
    modes: the faults of the next chart requests, then `mode`.
    news: symbol -> articles as Yahoo's news stream has them.
    """

    env: dict[str, str]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    currencies: dict[str, str | None] = field(default_factory=dict)
    mode: Mode = "ok"
    modes: list[Mode] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    news: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def charts(self) -> list[str]:
        """The requests for prices, without those for a symbol's time zone."""
        return [path for path in self.requests if "/v8/finance/chart/" in path and "period1=" in path]

    def next_mode(self) -> Mode:
        """Return the fault of this request."""
        return self.modes.pop(0) if self.modes else self.mode

    def pay_dividend(self, symbol: str, share: float) -> None:
        """Rewrite history as a vendor does: the Adj Close of all rows but the last falls by that share."""
        table = self.tables[symbol]
        factor = [1 - share] * (len(table) - 1) + [1.0]
        self.tables[symbol] = table.assign(**{"Adj Close": table["Adj Close"] * factor})

    def split(self, symbol: str, ratio: int) -> None:
        """Rewrite history for a split: every price falls, every volume rises."""
        table = self.tables[symbol].astype(float)
        prices = [column for column in table.columns if column != "Volume"]
        self.tables[symbol] = table.assign(Volume=table["Volume"] * ratio, **{c: table[c] / ratio for c in prices})


@contextmanager
def yahoo_server(folder: Path) -> Iterator[YahooServer]:
    """Run the server on a free port while the context lasts; its certificate authority is written to `folder`."""
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    bundle.write_bytes(authority.cert_pem.bytes())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("*.yahoo.com", "*.finance.yahoo.com", "yahoo.com").configure_cert(tls)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    trusted = {name: str(bundle) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}
    state = YahooServer({"HTTPS_PROXY": address, "https_proxy": address, **trusted})
    server.state, server.tls = state, tls  # type: ignore[attr-defined]
    with serving(server):
        yield state


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    zones: ClassVar[dict[str, str]] = {"T": "Asia/Tokyo", "L": "Europe/London"}

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def handle(self) -> None:
        """Serve one connection; a client that gives up is not an error here."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def finish(self) -> None:
        """Close the TLS socket too: the server only knows the plain one."""
        super().finish()
        self.connection.close()

    def do_CONNECT(self) -> None:
        """Terminate TLS here and serve the requests inside it."""
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)  # type: ignore[attr-defined]
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:
        """Answer a crumb or a chart."""
        url = urlsplit(self.path)
        self._state.requests.append(self.path)
        if url.path == "/v1/test/getcrumb":
            self._reply(200, "crumb")
        elif url.path.startswith("/v8/finance/chart/"):
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            self._chart(unquote(url.path.rsplit("/", 1)[1]), query)
        else:
            self._reply(200, "<html></html>")  # a cookie, or a consent page

    def do_POST(self) -> None:
        """Answer with the latest news."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._state.requests.append(self.path)
        mode = self._state.next_mode()
        if mode in HTTP_FAULTS:
            self._misbehave(mode)
        elif mode == "500":
            self._reply(500, _error("internal-error", "boom"))
        elif mode == "garbage":
            self._reply(200, "<html>Will be right back</html>")
        else:
            [symbol] = body["serviceConfig"]["s"]
            stream = self._state.news.get(symbol, [])
            self._reply(200, {"data": {"tickerStream": {"stream": stream}}, "status": "OK"})

    @property
    def _state(self) -> YahooServer:
        return self.server.state  # type: ignore[attr-defined,no-any-return]

    def _chart(self, symbol: str, query: dict[str, str]) -> None:
        mode = self._state.next_mode()
        if mode in HTTP_FAULTS:
            self._misbehave(mode)
            return
        if mode == "slow":
            time.sleep(3)
        if mode == "drop":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if mode in ("429", "500"):
            self._reply(int(mode), "Too Many Requests" if mode == "429" else _error("internal-error", "boom"))
        elif mode == "garbage":
            self._reply(200, "<html>Will you accept our cookies?</html>")
        elif symbol not in self._state.tables:
            self._reply(404, _error("Not Found", "No data found, symbol may be delisted"))
        else:
            answer = _chart(symbol, self._state.tables[symbol], query, mode, self._zone(symbol))
            answer["chart"]["result"][0]["meta"]["currency"] = self._state.currencies.get(symbol, "USD")
            self._reply(200, answer)

    def _misbehave(self, fault: HttpFault) -> None:
        self.close_connection = True
        for part in http_answer(fault, 0):
            if not part:
                time.sleep(0.2)
            self.wfile.write(part)

    def _zone(self, symbol: str) -> ZoneInfo:
        return ZoneInfo(self.zones.get(symbol.rpartition(".")[2], "America/New_York"))

    def _reply(self, code: int, body: Any) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _error(code: str, text: str) -> dict[str, Any]:
    return {"chart": {"result": None, "error": {"code": code, "description": text}}}


def _chart(symbol: str, table: pd.DataFrame, query: dict[str, str], mode: Mode, zone: ZoneInfo) -> dict[str, Any]:
    opens = [int(datetime(day.year, day.month, day.day, 9, 30, tzinfo=zone).timestamp()) for day in table.index]
    if "period1" in query:
        inside = [int(query["period1"]) <= moment < int(query["period2"]) for moment in opens]
    else:
        inside = [position == len(opens) - 1 for position in range(len(opens))]
    rows, stamps = table[inside], [moment for moment, chosen in zip(opens, inside, strict=True) if chosen]
    meta = {
        "symbol": symbol, "exchangeName": "NMS", "instrumentType": "EQUITY",
        "firstTradeDate": opens[0], "regularMarketTime": opens[-1] + 23_400, "gmtoffset": -14_400,
        "timezone": "EST", "exchangeTimezoneName": zone.key, "regularMarketPrice": float(table["Close"].iloc[-1]),
        "chartPreviousClose": 1.0, "priceHint": 2, "dataGranularity": "1d", "range": "", "validRanges": ["1d", "max"],
    }  # fmt: skip
    result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
    if len(rows) and mode != "empty":
        quote = {name: _numbers(rows[name.capitalize()]) for name in _FIELDS}
        if mode == "short":
            quote["close"] = quote["close"][:-1]
        result["timestamp"] = stamps
        result["indicators"] = {"quote": [quote], "adjclose": [{"adjclose": _numbers(rows["Adj Close"])}]}
        if mode == "no_adjclose":
            del result["indicators"]["adjclose"]
    return {"chart": {"result": [result], "error": None}}


def _numbers(values: "pd.Series[float]") -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in values]
