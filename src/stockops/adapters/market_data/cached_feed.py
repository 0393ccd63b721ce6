"""Disk cache of a vendor's prices: only the missing tail is fetched.

The files have the format of the `csv` source, so `--source csv` can read a cache; beside each, a JSON file holds the
currency and a digest. Adjusted history changes with each dividend or split, so the tail is fetched with an overlap of
cached days. The whole series is fetched again if the overlap differs or the digest does not match.
"""

import hashlib
import logging
import os
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from stockops import strict_json
from stockops.adapters.market_data import price_plain
from stockops.adapters.storage import regular_files
from stockops.adapters.storage.atomic_write import write_together
from stockops.adapters.storage.locks import locked, one_of
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.errors import DataError, TryAgainError, UsageError
from stockops.market import exchanges, ohlcv
from stockops.market.ohlcv import RawBars
from stockops.ports import BarFeed

log = logging.getLogger("stockops.prices")

_OVERLAP = timedelta(days=10)  # a week of sessions even around a holiday
_TOLERANCE = 1e-5  # vendors' last digits vary; the smallest dividends move Adj Close by more
_LOCK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class CachedFeed:
    """A live feed (port BarFeed) with a cache folder.

    max_parallel: maximum concurrent requests across all processes of a home; vendors rate-limit callers beyond it.
    """

    feed: BarFeed
    directory: Path
    max_parallel: int = 1

    @property
    def name(self) -> str:
        """The vendor's name."""
        return self.feed.name

    @property
    def live(self) -> bool:
        """Whether the vendor's feed is live."""
        return self.feed.live

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        """Return the bars from `first` to `last`; no request if the cache reaches `last`."""
        busy = f"another process is fetching {symbol}"
        with locked(self.directory / f".{symbol}.lock", _LOCK_SECONDS, busy):
            raw = self._up_to(symbol, last)
        table = raw.table
        chosen = table[(table.index >= pd.Timestamp(first)) & (table.index <= pd.Timestamp(last))]
        if chosen.empty:
            raise DataError(f"{self.name} has no bars of {symbol} from {first} to {last}")
        return replace(raw, table=chosen)

    def _up_to(self, symbol: str, last: date) -> RawBars:
        known = self._read(symbol)
        if known is not None and known.table.index[-1] >= pd.Timestamp(last):
            return known
        raw = None if known is None else self._with_tail(symbol, known, last)
        if raw is None:
            raw = self._fetch(symbol, ohlcv.FIRST_DAY, last)
        if known is None or raw.currency != known.currency or not raw.table.equals(known.table):
            self._keep(symbol, raw)
        return raw

    def _with_tail(self, symbol: str, known: RawBars, last: date) -> RawBars | None:
        """Return the cached rows with the new ones; None if the vendor has rewritten the cached ones."""
        start = known.table.index[-1] - _OVERLAP
        try:
            tail = self._fetch(symbol, start.date(), last)
        except DataError:
            return known  # no bars in that span: a halted or delisted symbol
        if not _agree(known.table, tail.table):
            log.info("%s: the history was rewritten (dividend or split): fetching all of it", symbol)
            return None
        before = known.table[known.table.index < tail.table.index[0]]
        return replace(tail, table=pd.concat([before, tail.table]), currency=tail.currency or known.currency)

    def _fetch(self, symbol: str, first: date, last: date) -> RawBars:
        with one_of(self.directory, ".download", self.max_parallel):
            raw = self.feed.bars(symbol, first, last)
        ohlcv.check(raw.table, symbol)
        return replace(raw, table=raw.table[raw.table.index <= pd.Timestamp(last)])

    def _read(self, symbol: str) -> RawBars | None:
        """Return the cached bars; None if they are missing, damaged or lack a digest."""
        path = self._path(symbol)
        if not os.path.lexists(path):
            return None
        try:
            data = regular_files.read(path)
            about = strict_json.verified(regular_files.read(self._path(symbol, "json")))
            if about.get("sha256") != hashlib.sha256(data).hexdigest():
                raise ValueError("it is not as it was written")
            table = price_plain.table(data)
            if table is None:
                raise ValueError("it is no table of prices")
            ohlcv.check(table, symbol)
            return RawBars(table, exchanges.stated_currency(about["currency"]))
        except FileNotFoundError:
            log.info("the cached %s has no digest beside it: fetching all of it", path.name)
        except (NotAFileError, ValueError, LookupError, TypeError, DataError) as exc:
            log.warning("the cached %s is damaged (%s): fetching all of it", path.name, exc)
        return None

    def _keep(self, symbol: str, raw: RawBars) -> None:
        """Write bars to the cache, best effort: on failure they are still used, and fetched again next time."""
        try:
            self._write(symbol, raw)
        except (TryAgainError, UsageError) as exc:
            log.warning("%s: the prices are not kept: %s", symbol, exc)

    def _write(self, symbol: str, raw: RawBars) -> None:
        data = str(raw.table.to_csv(date_format="%Y-%m-%d", lineterminator="\n")).encode()
        about = {"currency": raw.currency, "sha256": hashlib.sha256(data).hexdigest()}
        write_together({self._path(symbol, "json"): strict_json.signed(about), self._path(symbol): data})

    def _path(self, symbol: str, ending: str = "csv") -> Path:
        return self.directory / f"{symbol}.{ending}"


def _agree(known: pd.DataFrame, tail: pd.DataFrame) -> bool:
    """Return whether both have the same sessions and prices where they overlap; volumes may be revised."""
    old = known[known.index >= tail.index[0]]
    new = tail[tail.index <= known.index[-1]]
    prices = [column for column in known.columns if column != "Volume"]
    same_rows = len(old) > 0 and old.index.equals(new.index) and set(prices) <= set(tail.columns)
    return same_rows and bool(np.allclose(old[prices], new[prices], rtol=_TOLERANCE, atol=0.0))
