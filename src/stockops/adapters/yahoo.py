"""Daily bars from Yahoo Finance through yfinance's `Ticker.history`. yfinance's owner.

Never `yf.download`, which turns every error into an empty table. What yfinance raises says little of why
(a server error, a consent page and an unknown symbol may look alike), so the session keeps the last answer
of the chart API and the status of that decides.
"""

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yfinance
from curl_cffi import requests
from yfinance.data import YfData
from yfinance.exceptions import YFException, YFRateLimitError, YFTzMissingError

from stockops.adapters.retries import RetryPolicy, Transient
from stockops.errors import DataError
from stockops.market import calendar, ohlcv

_CHART = "/v8/finance/chart/"


class _Session(requests.Session[Any]):
    """A browser-like session, as yfinance makes one, that remembers the last answer of the chart API.

    yfinance hands its time-out to some requests only: looking up a time zone waits 10 s whatever was asked for.
    """

    chart: Any = None

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(impersonate="chrome")
        self._timeout_seconds = timeout_seconds

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        answer = super().request(method, url, *args, **{**kwargs, "timeout": self._timeout_seconds})
        if _CHART in url:
            self.chart = answer
        return answer

    @property
    def status(self) -> int:
        """The status of the last chart, 0 before any."""
        return 0 if self.chart is None else int(self.chart.status_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class YahooFeed:
    """The price source `yahoo`."""

    cache_dir: Path
    timeout_seconds: float
    retry: RetryPolicy
    name: str = "yahoo"
    live: bool = True

    def bars(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        """Return the raw table from `first` to `last`, Adj Close included (port BarFeed)."""
        self._prepare()
        table = self.retry.run(self.name, lambda: self._fetch(symbol, first, last))
        return _without_fillers(symbol, _normal(table))

    def _prepare(self) -> None:
        """Make yfinance raise, keep quiet, and leave its time zones in our cache instead of the user's home."""
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        yfinance.set_tz_cache_location(str(self.cache_dir))
        yfinance.config.debug.hide_exceptions = False

    def _fetch(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        YfData.cache_get.cache_clear()  # it would hand a failed answer to the next attempt
        session: _Session = _Session(self.timeout_seconds)
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
        except requests.exceptions.Timeout:
            raise Transient(f"no answer within {self.timeout_seconds:g} s") from None
        except requests.exceptions.RequestException as exc:
            raise _explain(symbol, session.status, exc) or Transient("no connection") from None
        except (YFException, ValueError, KeyError, IndexError, TypeError, AttributeError) as exc:
            raise _explain(symbol, session.status, exc) or _malformed(symbol) from None
        if table.empty:
            raise DataError(f"yahoo has no bars of {symbol} from {first} to {last}")
        if '"adjclose"' not in session.chart.text:
            raise DataError(f"yahoo's answer for {symbol} lacks adjusted closes", "unadjusted prices are not used")
        return table


def _explain(symbol: str, status: int, exc: Exception) -> Exception | None:
    """Return the error that the chart's status tells, None where it tells nothing."""
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


def _normal(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a raw table with naive session dates, without rows that hold no price at all."""
    raw = table[[*ohlcv.PRICES, ohlcv.ADJUSTED, "Volume"]].astype(float)
    raw.index = pd.DatetimeIndex(pd.DatetimeIndex(table.index).tz_localize(None).normalize(), name="Date")
    return raw[raw[list(ohlcv.PRICES)].notna().any(axis=1)]


def _without_fillers(symbol: str, raw: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows Yahoo makes up for holidays: no volume, one price all day, on a day without a session."""
    index = pd.DatetimeIndex(raw.index)
    open_days = calendar.sessions(symbol, index[0].date(), index[-1].date())
    still = (raw["Volume"] == 0) & (raw["High"] == raw["Low"])
    return raw[np.asarray(index.isin(open_days)) | ~still.to_numpy()]
