"""Real history shipped with published packages, so that stockops runs without network or key.

^GSPC comes from `arch` (1999 to 2018), AAPL, FB, GOOG, IBM and MSFT from `bokeh_sampledata` (2000 to
March 2013). Only the data files are read; importing `arch` would take seconds.
"""

import functools
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from stockops.adapters.market_data import price_files, source_files
from stockops.errors import DataError
from stockops.market.ohlcv import RawBars
from stockops.records import MARKET

_CURRENCIES = {MARKET: None, **dict.fromkeys(("AAPL", "FB", "GOOG", "IBM", "MSFT"), "USD")}  # an index is in points


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """The price source `sample`; raises UsageError if the extra is not installed."""

    name: str = "sample"
    live: bool = False

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        """Return the packaged rows from `first` to `last` (port BarFeed)."""
        if symbol not in _CURRENCIES:
            raise DataError(f"the sample data hold no {symbol}", f"they hold {', '.join(_CURRENCIES)}")
        found = _read(source_files.sample(symbol), symbol, first, last)
        return RawBars(found.table.copy(), _CURRENCIES[symbol], found.notes)


@functools.lru_cache(maxsize=16)  # a packaged file does not change while a process runs
def _read(path: Path, symbol: str, first: date, last: date) -> RawBars:
    return price_files.read(path, symbol, first, last, price_files.stated_dates)
