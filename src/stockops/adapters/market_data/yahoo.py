"""Daily bars from Yahoo Finance, through yfinance's `Ticker.history`.

Never `yf.download`, which turns every error into an empty table. yfinance's exceptions say little about the cause (a
server error, a consent page and an unknown symbol may look alike), so the session records the last response of the
chart API, and its status decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import yfinance
from curl_cffi import requests
from yfinance.exceptions import YFException, YFRateLimitError, YFTzMissingError

from stockops import strict_json
from stockops.adapters.market_data.yahoo_session import YahooSession, prepare
from stockops.adapters.network.bounded_io import AnswerTooLargeError
from stockops.adapters.network.retries import RetryPolicy, Transient
from stockops.errors import DataError
from stockops.market import exchanges, ohlcv
from stockops.market.calendar import TradingCalendar
from stockops.market.ohlcv import RawBars

_CHART = "/v8/finance/chart/"


@dataclass(frozen=True, slots=True, kw_only=True)
class YahooFeed:
    """The price source `yahoo`. calendar_of: returns a symbol's calendar, which maps timestamps to sessions."""

    calendar_of: Callable[[str], TradingCalendar]
    cache_dir: Path
    timeout_seconds: float
    retry: RetryPolicy
    name: str = "yahoo"
    live: bool = True

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        """Return the raw table from `first` to `last`, Adj Close included (port BarFeed)."""
        prepare(self.cache_dir)
        table, currency = self.retry.run(self.name, lambda left: self._fetch(symbol, first, last, left))
        raw, notes = ohlcv.priced(self._normal(symbol, table))
        return RawBars(raw, currency, notes)

    def _normal(self, symbol: str, table: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of a raw table by session; yfinance's timestamps are in the exchange's time zone."""
        raw = table[[*ohlcv.PRICES, ohlcv.ADJUSTED, "Volume"]].astype(float)
        stamps = pd.DatetimeIndex(table.index)
        stated = stamps.tz_localize(None).normalize()
        days = stated if stamps.tz is None else self.calendar_of(symbol).session_dates(stamps.tz_convert("UTC"), stated)
        return raw.set_axis(pd.DatetimeIndex(days, name="Date"))

    def _fetch(self, symbol: str, first: date, last: date, left: float) -> tuple[pd.DataFrame, str | None]:
        session = YahooSession(self.timeout_seconds, _CHART, left)
        try:
            table: pd.DataFrame = yfinance.Ticker(symbol, session=session).history(
                start=first,
                end=last + timedelta(days=1),
                auto_adjust=False,
                actions=False,
                timeout=self.timeout_seconds,
            )
        except YFRateLimitError:
            raise Transient("rate limited") from None
        except AnswerTooLargeError as exc:
            raise DataError(f"yahoo's answer for {symbol} is malformed: {exc}", "try again later") from None
        except requests.exceptions.Timeout:
            raise Transient(f"no answer within {self.timeout_seconds:g} s") from None
        except requests.exceptions.RequestException as exc:
            raise _explain(symbol, session.status, exc) or Transient("no connection") from None
        except (
            YFException,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as exc:
            raise _explain(symbol, session.status, exc) or _malformed(symbol) from None
        if table.empty:
            raise DataError(f"yahoo has no bars of {symbol} from {first} to {last}")
        if '"adjclose"' not in session.answer.text:
            raise DataError(f"yahoo's answer for {symbol} lacks adjusted closes", "unadjusted prices are not used")
        return table, _currency(session.answer.text)


def _explain(symbol: str, status: int, exc: Exception) -> Exception | None:
    """Return the error that the chart API's status or the exception indicates; None if neither does."""
    if status == 429:
        return Transient("rate limited")
    if status >= 500:
        return Transient(f"server error {status}")
    if status == 404 or isinstance(exc, YFTzMissingError):
        return DataError(f"yahoo knows no symbol {symbol}", "check the spelling and the exchange's suffix (7203.T)")
    if isinstance(exc, requests.exceptions.JSONDecodeError | ValueError) and "JSON" in type(exc).__name__:
        return Transient("an answer that is no JSON")
    if isinstance(exc, YFException):
        return DataError(f"yahoo has no bars of {symbol} in that span")
    return None


def _malformed(symbol: str) -> DataError:
    return DataError(f"yahoo's answer for {symbol} is malformed", "try again later or use another --source")


def _currency(answer: str) -> str | None:
    """Return the currency stated by the chart API, minor units unchanged; None if missing or unknown."""
    try:
        meta: Any = strict_json.read(answer)["chart"]["result"][0]["meta"]
        return exchanges.stated_currency(meta["currency"])
    except (ValueError, LookupError, TypeError):
        return None
