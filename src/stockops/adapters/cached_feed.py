"""What a vendor has sent before, kept on disk: only the missing tail is fetched.

The files are those of the `csv` source, so a cache can be read back with `--source csv`. An adjusted
history changes when a dividend is paid or a share split: the tail is fetched with some days that are known
already, and when those no longer agree the whole series is fetched anew.
"""

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from stockops.adapters import files
from stockops.adapters.locks import locked, one_of
from stockops.adapters.whole_files import write_whole
from stockops.errors import DataError
from stockops.market import ohlcv
from stockops.ports import BarFeed

log = logging.getLogger("stockops.prices")

_OVERLAP = timedelta(days=10)  # a week of sessions even round a holiday
_TOLERANCE = 1e-5  # vendors' last digits wobble; the smallest dividends move Adj Close by more
_LOCK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class CachedFeed:
    """A live feed (port BarFeed) with a folder of what it sent.

    at_once: how many requests all processes of a home together may have under way; a vendor limits who asks more.
    """

    feed: BarFeed
    directory: Path
    at_once: int = 1

    @property
    def name(self) -> str:
        """The vendor's name."""
        return self.feed.name

    @property
    def live(self) -> bool:
        """Whether bars still arrive: they do."""
        return self.feed.live

    def bars(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        """Return the raw table from `first` to `last`; no request when the file reaches `last`."""
        busy = f"another process is fetching {symbol}"
        with locked(self.directory / f".{symbol}.lock", _LOCK_SECONDS, busy):
            table = self._up_to(symbol, last)
        chosen = table[(table.index >= pd.Timestamp(first)) & (table.index <= pd.Timestamp(last))]
        if chosen.empty:
            raise DataError(f"{self.name} has no bars of {symbol} from {first} to {last}")
        return chosen

    def _up_to(self, symbol: str, last: date) -> pd.DataFrame:
        known = self._read(symbol)
        if known is not None and known.index[-1] >= pd.Timestamp(last):
            return known
        table = None if known is None else self._with_tail(symbol, known, last)
        if table is None:
            table = self._fetch(symbol, ohlcv.FIRST_DAY, last)
        if known is None or not table.equals(known):
            self._write(symbol, table)
        return table

    def _with_tail(self, symbol: str, known: pd.DataFrame, last: date) -> pd.DataFrame | None:
        """Return the known rows and the new ones; None when the vendor has rewritten the known ones."""
        start = known.index[-1] - _OVERLAP
        try:
            tail = self._fetch(symbol, start.date(), last)
        except DataError:
            return known  # nothing to be had in that span: a halted or delisted symbol
        if not _agree(known, tail):
            log.info("%s: the history was rewritten (dividend or split): fetching all of it", symbol)
            return None
        whole: pd.DataFrame = pd.concat([known[known.index < tail.index[0]], tail])
        return whole

    def _fetch(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        with one_of(self.directory, ".download", self.at_once):
            table = self.feed.bars(symbol, first, last)
        ohlcv.check(table, symbol)
        return table[table.index <= pd.Timestamp(last)]

    def _read(self, symbol: str) -> pd.DataFrame | None:
        path = self._path(symbol)
        if not path.is_file():
            return None
        try:
            table = files.table(files.read(path), symbol, ohlcv.FIRST_DAY, date(2200, 1, 1))
            ohlcv.check(table, symbol)
        except DataError as exc:
            log.warning("the cached %s is damaged (%s): fetching all of it", path.name, exc.message)
            return None
        return table

    def _write(self, symbol: str, table: pd.DataFrame) -> None:
        text = str(table.to_csv(date_format="%Y-%m-%d", lineterminator="\n"))
        write_whole(self._path(symbol), text.encode())

    def _path(self, symbol: str) -> Path:
        return self.directory / f"{symbol}.csv"


def _agree(known: pd.DataFrame, tail: pd.DataFrame) -> bool:
    """Tell whether both hold the same sessions and prices where they overlap; volumes may be revised."""
    old = known[known.index >= tail.index[0]]
    new = tail[tail.index <= known.index[-1]]
    prices = [column for column in known.columns if column != "Volume"]
    same_rows = len(old) > 0 and old.index.equals(new.index) and set(prices) <= set(tail.columns)
    return same_rows and bool(np.allclose(old[prices], new[prices], rtol=_TOLERANCE, atol=0.0))
