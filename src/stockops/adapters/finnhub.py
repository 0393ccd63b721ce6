"""Daily candles from Finnhub over httpx."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pandas as pd

from stockops.adapters.retries import RetryPolicy, Transient
from stockops.errors import DataError, UsageError
from stockops.market import ohlcv

_KEYS = {"o": "Open", "h": "High", "l": "Low", "c": "Close", "v": "Volume"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinnhubFeed:
    """The price source `finnhub`: prices adjusted for splits but, unlike Yahoo's, not for dividends.

    The key travels in a header, never in an address: addresses are logged.
    """

    api_key: str = field(repr=False)
    base_url: str
    timeout_seconds: float
    retry: RetryPolicy
    name: str = "finnhub"
    live: bool = True

    def bars(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        """Return the raw table from `first` to `last`, without Adj Close (port BarFeed)."""
        answer = self.retry.run(self.name, lambda: self._fetch(symbol, first, last))
        if answer.get("s") == "no_data":
            raise DataError(f"finnhub has no bars of {symbol} from {first} to {last}")
        return _table(symbol, answer)

    def _fetch(self, symbol: str, first: date, last: date) -> dict[str, Any]:
        span = {"from": _seconds(first), "to": _seconds(last + timedelta(days=1)) - 1}
        try:
            response = httpx.get(
                f"{self.base_url.rstrip('/')}/stock/candle",
                params={"symbol": symbol, "resolution": "D", **span},
                headers={"X-Finnhub-Token": self.api_key},
                timeout=self.timeout_seconds,
            )
        except httpx.TimeoutException:
            raise Transient(f"no answer within {self.timeout_seconds:g} s") from None
        except httpx.InvalidURL:
            raise UsageError("STOCKOPS_FINNHUB_URL is not an address") from None
        except httpx.HTTPError as exc:
            raise Transient(f"no connection ({type(exc).__name__})") from None
        _raise_for_status(symbol, response.status_code)
        try:
            answer = response.json()
        except ValueError:
            raise Transient("an answer that is no JSON") from None
        return answer if isinstance(answer, dict) else {}


def _raise_for_status(symbol: str, status: int) -> None:
    if status == 401:
        raise UsageError("finnhub refuses the key", "check FINNHUB_API_KEY")
    if status == 403:
        raise UsageError(f"finnhub: this key's plan has no candles of {symbol}", "use another --source")
    if status == 429:
        raise Transient("rate limited")
    if status >= 500:
        raise Transient(f"server error {status}")
    if status >= 400:
        raise DataError(f"finnhub answers {status} for {symbol}")


def _table(symbol: str, answer: dict[str, Any]) -> pd.DataFrame:
    try:
        days = pd.to_datetime(answer["t"], unit="s", utc=True).tz_localize(None).normalize()
        columns = {name: pd.Series(answer[key], dtype=float).to_numpy() for key, name in _KEYS.items()}
        return pd.DataFrame(columns, index=pd.DatetimeIndex(days, name="Date"))[list(ohlcv.OHLCV)]
    except (KeyError, ValueError, TypeError, OverflowError):
        raise DataError(f"finnhub's answer for {symbol} is malformed", "try again later") from None


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
