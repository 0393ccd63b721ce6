"""Daily bars from the files people have: one of each symbol in a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import pandas as pd

from stockops.adapters.market_data import price_files, source_files
from stockops.market.ohlcv import RawBars


class SessionCalendar(Protocol):
    """What is asked of an exchange's calendar here (market.calendar.TradingCalendar)."""

    def session_dates(self, instants: pd.DatetimeIndex, stated: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the sessions of instants (aware, UTC), by the dates that stand in the file where those fit better."""


@dataclass(frozen=True, slots=True)
class CsvFeed:
    """The price source `csv`; raises DataError for what a file lacks or garbles.

    calendar_of: asked only for the symbol of a file whose stamps have an offset.
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
