"""The offline half of the feature store: a folder with one Parquet file per ticker.

One file each, so that a ticker's features are written atomically without touching any others. Feast reads the folder as
one table; it skips names that start with a dot, such as files being written.
"""

import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockops.adapters.storage import regular_files
from stockops.adapters.storage.atomic_write import write_whole
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.errors import ServiceError
from stockops.market.features import FEATURES
from stockops.wording import one_line

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("stockops.features")

TICKER = "ticker"
TIME = "event_timestamp"


class FeatureFiles:
    """Feature histories by ticker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tickers(self) -> list[str]:
        """Return the tickers that have a file, sorted."""
        return sorted(path.stem for path in self._folder.glob("[!.]*.parquet"))

    def write(self, ticker: str, rows: "pd.DataFrame") -> None:
        """Create or replace a ticker's file with rows made by `table`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        buffer = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), buffer, compression="zstd")
        write_whole(self._path(ticker), buffer.getvalue().to_pybytes())

    def last(self, ticker: str) -> datetime | None:
        """Return the event time of a ticker's last row; None if there is no row or no readable file."""
        try:
            times = self._read(ticker)[TIME]
        except FileNotFoundError:
            return None
        except _unreadable() as exc:
            log.warning("%s is damaged (%s): writing it anew", self._path(ticker), one_line(exc))
            return None
        return times[-1].as_py() if len(times) else None

    def latest(self, first: datetime | None = None, last: datetime | None = None) -> "pd.DataFrame":
        """Return the last row of each ticker between two times; ServiceError names every damaged file."""
        import pyarrow as pa
        import pyarrow.compute as pc

        within = pc.scalar(True)
        if first is not None:
            within &= pc.field(TIME) >= pa.scalar(first)
        if last is not None:
            within &= pc.field(TIME) <= pa.scalar(last)
        found, damaged = [_schema().empty_table()], []
        for ticker in self.tickers():
            try:
                found.append(self._read(ticker).filter(within)[-1:])
            except _unreadable():
                damaged.append(ticker)
        if damaged:
            raise self._damage(damaged)
        rows: pd.DataFrame = pa.concat_tables(found).to_pandas()
        return rows

    def _read(self, ticker: str) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        data = pa.BufferReader(regular_files.read(self._path(ticker)))
        return pq.read_table(data, columns=_schema().names).cast(_schema())

    def _damage(self, tickers: list[str]) -> ServiceError:
        files = ", ".join(self._path(ticker).name for ticker in tickers)
        cure = " ".join(f"--ticker {ticker}" for ticker in tickers)
        message, hint = f"damaged in {self._folder}: {files}", f"run: stockops features materialize {cure}"
        return ServiceError(message, hint, service="feast")

    def _path(self, ticker: str) -> Path:
        return self._folder / f"{ticker}.parquet"


def table(ticker: str, features: "pd.DataFrame") -> "pd.DataFrame":
    """Return features in the form of both halves of the store: ticker, event_timestamp and Float32 columns."""
    rows = features[list(FEATURES)].astype("float32").rename_axis(TIME).reset_index()
    rows.insert(0, TICKER, ticker)
    return rows


def _schema() -> Any:
    import pyarrow as pa

    stamps = [(TICKER, pa.string()), (TIME, pa.timestamp("ns", tz="UTC"))]
    return pa.schema([*stamps, *((name, pa.float32()) for name in FEATURES)])


def _unreadable() -> tuple[type[Exception], ...]:
    """Return what reading raises if the path is not a file, or is truncated, corrupt or a different table."""
    from pyarrow import ArrowException

    return ArrowException, OSError, ValueError, LookupError, NotAFileError
