"""Creates a folder of CSV files: a few real histories, repeated under other names."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from stockops.adapters.market_data.csv_feed import CsvFeed
from stockops.adapters.market_data.sample_feed import SampleFeed
from stockops.market import calendar
from stockops.market.ohlcv import FIRST_DAY
from stockops.records import MARKET

_SAMPLES = (MARKET, "AAPL", "GOOG", "IBM", "MSFT")
_LAST = date(2018, 12, 31)  # of the index; the shares end in 2013, with 2,148 sessions


def make(folder: Path, source: Path | None, count: int) -> Sequence[str]:
    """Write or link `count` tickers' files and the market's; return the tickers.

    source: a folder of <SYMBOL>.csv files; None for the packaged samples.
    """
    originals = _linked(source) if source else _written(folder / "originals")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{MARKET}.csv").symlink_to(originals[MARKET])
    names = sorted(originals, key=lambda name: -originals[name].stat().st_size)  # the longest history first
    tickers = [_renamed(names[number % len(names)], number // len(names)) for number in range(count)]
    for number, ticker in enumerate(tickers):
        (folder / f"{ticker}.csv").symlink_to(originals[names[number % len(names)]])
    return tickers


def last_session(folder: Path, ticker: str) -> date:
    """Return the last day of a file."""
    last: date = CsvFeed(folder, calendar.of).bars(ticker, FIRST_DAY, date.today()).table.index[-1].date()
    return last


def _linked(source: Path) -> dict[str, Path]:
    return {path.stem: path.resolve() for path in sorted(source.glob("*.csv"))}


def _written(folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for symbol in _SAMPLES:
        found[symbol] = folder / f"{symbol}.csv"
        table = SampleFeed().bars(symbol, FIRST_DAY, _LAST).table
        table.to_csv(found[symbol], date_format="%Y-%m-%d", index_label="Date")
    return found


def _renamed(symbol: str, turn: int) -> str:
    """Return another symbol on the same exchange."""
    name, dot, exchange = symbol.removeprefix("^").partition(".")
    return f"{name}-X{turn}{dot}{exchange}"
