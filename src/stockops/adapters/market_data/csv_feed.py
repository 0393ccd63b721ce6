"""Daily bars from the user's own files: a folder with one file per symbol."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import pandas as pd

from stockops.adapters.market_data import price_files, source_files
from stockops.market.ohlcv import RawBars


class SessionCalendar(Protocol):
    """The part of an exchange's calendar used here (market.calendar.TradingCalendar)."""

    def session_dates(self, instants: pd.DatetimeIndex, stated: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the sessions of instants (aware, UTC), or the dates written in the file if those fit better."""


@dataclass(frozen=True, slots=True)
class CsvFeed:
    """The price source `csv`; raises DataError for missing or malformed data.

    calendar_of: called only if a file's timestamps are epochs or have an offset.
    """

    directory: Path
    calendar_of: Callable[[str], SessionCalendar]
    name: str = "csv"
    live: bool = False

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        """Return the rows of the symbol's file from `first` to `last` (port BarFeed)."""
        path = source_files.csv(self.directory, symbol)

        def sessions(instants: pd.DatetimeIndex, stated: pd.DatetimeIndex) -> pd.DatetimeIndex:
            return self.calendar_of(symbol).session_dates(instants, stated)

        return price_files.read(path, symbol, first, last, sessions)
