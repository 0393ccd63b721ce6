"""Daily bars from Yahoo Finance through yfinance's `Ticker.history`. yfinance's owner.

Never `yf.download`, which turns every error into an empty table. What yfinance raises says little of why
(a server error, a consent page and an unknown symbol may look alike), so the session keeps the last answer
of the chart API and the status of that decides.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import yfinance
from curl_cffi import requests
from yfinance.exceptions import YFException, YFRateLimitError, YFTzMissingError

from stockops.adapters.retries import RetryPolicy, Transient
from stockops.adapters.yahoo_session import YahooSession, prepare
from stockops.errors import DataError
from stockops.market import calendar, ohlcv

_CHART = "/v8/finance/chart/"


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
        prepare(self.cache_dir)
        table = self.retry.run(self.name, lambda: self._fetch(symbol, first, last))
        return _without_fillers(symbol, _normal(table))

    def _fetch(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        session = YahooSession(self.timeout_seconds, _CHART)
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
        if '"adjclose"' not in session.answer.text:
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
