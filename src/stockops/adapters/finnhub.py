"""Daily candles from Finnhub."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd

from stockops.adapters.finnhub_api import FinnhubApi
from stockops.errors import DataError
from stockops.market import ohlcv

_KEYS = {"o": "Open", "h": "High", "l": "Low", "c": "Close", "v": "Volume"}


@dataclass(frozen=True, slots=True)
class FinnhubFeed:
    """The price source `finnhub`: prices adjusted for splits but, unlike Yahoo's, not for dividends."""

    api: FinnhubApi
    name: str = "finnhub"
    live: bool = True

    def bars(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        """Return the raw table from `first` to `last`, without Adj Close (port BarFeed)."""
        span = {"from": _seconds(first), "to": _seconds(last + timedelta(days=1)) - 1}
        answer = self.api.get("stock/candle", symbol, {"resolution": "D", **span}, "candles")
        fields = answer if isinstance(answer, dict) else {}
        if fields.get("s") == "no_data":
            raise DataError(f"finnhub has no bars of {symbol} from {first} to {last}")
        return _table(symbol, fields)


def _table(symbol: str, answer: dict[str, Any]) -> pd.DataFrame:
    try:
        days = pd.to_datetime(answer["t"], unit="s", utc=True).tz_localize(None).normalize()
        columns = {name: pd.Series(answer[key], dtype=float).to_numpy() for key, name in _KEYS.items()}
        return pd.DataFrame(columns, index=pd.DatetimeIndex(days, name="Date"))[list(ohlcv.OHLCV)]
    except (KeyError, ValueError, TypeError, OverflowError):
        raise DataError(f"finnhub's answer for {symbol} is malformed", "try again later") from None


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
