"""Daily candles from Finnhub."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd

from stockops.adapters.market_data.finnhub_api import FinnhubApi
from stockops.errors import DataError
from stockops.market import ohlcv
from stockops.market.calendar import TradingCalendar
from stockops.market.ohlcv import RawBars

_KEYS = {"o": "Open", "h": "High", "l": "Low", "c": "Close", "v": "Volume"}


@dataclass(frozen=True, slots=True)
class FinnhubFeed:
    """The price source `finnhub`: prices adjusted for splits but, unlike Yahoo's, not for dividends."""

    api: FinnhubApi
    calendar_of: Callable[[str], TradingCalendar]
    name: str = "finnhub"
    live: bool = True

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        """Return the raw table from `first` to `last`, without Adj Close (port BarFeed)."""
        # Timestamps may be of the exchange's day or of UTC's: request one extra day at each end.
        span = {"from": _seconds(first - timedelta(days=1)), "to": _seconds(last + timedelta(days=2)) - 1}
        answer = self.api.get("stock/candle", symbol, {"resolution": "D", **span}, "candles")
        fields = answer if isinstance(answer, dict) else {}
        if fields.get("s") == "no_data":
            raise DataError(f"finnhub has no bars of {symbol} from {first} to {last}")
        table = _table(symbol, fields, self.calendar_of(symbol))
        inside = (table.index >= pd.Timestamp(first)) & (table.index <= pd.Timestamp(last))
        table, notes = ohlcv.priced(table[inside])
        return RawBars(table, notes=notes)


def _table(symbol: str, answer: dict[str, Any], calendar: TradingCalendar) -> pd.DataFrame:
    try:
        days = calendar.session_dates(pd.DatetimeIndex(pd.to_datetime(answer["t"], unit="s", utc=True)))
        columns = {name: pd.Series(answer[key], dtype=float).to_numpy() for key, name in _KEYS.items()}
        return pd.DataFrame(columns, index=pd.DatetimeIndex(days, name="Date"))[list(ohlcv.OHLCV)]
    except (KeyError, ValueError, TypeError, OverflowError):
        raise DataError(f"finnhub's answer for {symbol} is malformed", "try again later") from None


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
