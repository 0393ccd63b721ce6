"""Real history shipped by published packages, so that the main job runs with no network and no key.

^GSPC comes from `arch` (1999 to 2018), AAPL, FB, GOOG, IBM and MSFT from `bokeh_sampledata` (2000 to
March 2013). Only their data files are read; importing `arch` would cost seconds.
"""

import importlib.util
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from stockops.adapters import files
from stockops.errors import DataError, UsageError
from stockops.market.symbols import MARKET

_INDEX = ("arch", "data/sp500/sp500.csv.gz")
_STOCKS = ("bokeh_sampledata", "_data/stocks.csv.gz")


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """The price source `sample`; UsageError when the extra is not installed."""

    name: str = "sample"
    live: bool = False

    def bars(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        """Return the packaged rows from `first` to `last` (port BarFeed)."""
        return files.table(_index() if symbol == MARKET else _stock(symbol), symbol, first, last)


def _index() -> pd.DataFrame:
    text = files.read(_packaged(*_INDEX))
    dates = pd.to_datetime(text["Date"], format="%m/%d/%Y")
    return text.assign(Date=dates.dt.strftime("%Y-%m-%d"))


def _stock(symbol: str) -> pd.DataFrame:
    text = files.read(_packaged(*_STOCKS))
    known = sorted(text["Ticker"].unique())
    if symbol not in known:
        raise DataError(f"the sample data hold no {symbol}", f"they hold {MARKET}, {', '.join(known)}")
    return text[text["Ticker"] == symbol].reset_index(drop=True)


def _packaged(package: str, path: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UsageError(f"--source sample needs the package {package}", "install it: pip install 'stockops[sample]'")
    return Path(spec.origin).parent / path
