"""Real history shipped by published packages, so that the main job runs with no network and no key.

^GSPC comes from `arch` (1999 to 2018), AAPL, FB, GOOG, IBM and MSFT from `bokeh_sampledata` (2000 to
March 2013). Only their data files are read; importing `arch` would cost seconds.
"""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from stockops.adapters import files, source_files
from stockops.errors import DataError
from stockops.records import MARKET


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """The price source `sample`; UsageError when the extra is not installed."""

    name: str = "sample"
    live: bool = False

    def bars(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        """Return the packaged rows from `first` to `last` (port BarFeed)."""
        return files.table(_index() if symbol == MARKET else _stock(symbol), symbol, first, last)


def _index() -> pd.DataFrame:
    text = files.read(source_files.sample(MARKET))
    dates = pd.to_datetime(text["Date"], format="%m/%d/%Y")
    return text.assign(Date=dates.dt.strftime("%Y-%m-%d"))


def _stock(symbol: str) -> pd.DataFrame:
    text = files.read(source_files.sample(symbol))
    known = sorted(text["Ticker"].unique())
    if symbol not in known:
        raise DataError(f"the sample data hold no {symbol}", f"they hold {MARKET}, {', '.join(known)}")
    return text[text["Ticker"] == symbol].reset_index(drop=True)
