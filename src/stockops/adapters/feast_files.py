"""The offline half of the feature store: a folder with one Parquet file per ticker.

One file each, so that one ticker's features are written whole or not at all and nobody else's are touched.
Feast reads the folder as one table; it passes over names that begin with a dot, such as files being written.
"""

import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stockops.adapters.whole_files import write_whole
from stockops.market.features import FEATURES

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("stockops.features")

TICKER = "ticker"
TIME = "event_timestamp"


class FeatureFiles:
    """Histories of features, by ticker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tickers(self) -> list[str]:
        """Return the tickers that have a file, sorted."""
        return sorted(path.stem for path in self.folder.glob("[!.]*.parquet"))

    def last(self, ticker: str) -> datetime | None:
        """Return the event time of a ticker's last row; None where there is none, or no file that can be read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(ticker)
        if not path.exists():
            return None
        try:
            times = pq.read_table(path, columns=[TIME], partitioning=None)[TIME]
        except (pa.ArrowException, OSError, LookupError) as exc:
            log.warning("%s is damaged (%s): writing it anew", path, str(exc).splitlines()[0])
            return None
        return times[-1].as_py() if len(times) else None

    def write(self, ticker: str, rows: "pd.DataFrame") -> None:
        """Replace or create a ticker's file with rows made by `table`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        buffer = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), buffer, compression="zstd")
        write_whole(self._path(ticker), buffer.getvalue().to_pybytes())

    def damaged(self) -> list[str]:
        """Return the tickers whose file cannot be read to its end, or is no table of features."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = []
        for ticker in self.tickers():
            try:
                pq.read_table(self._path(ticker), columns=[TICKER, TIME, *FEATURES], partitioning=None)
            except (pa.ArrowException, OSError, LookupError):
                found.append(ticker)
        return found

    def _path(self, ticker: str) -> Path:
        return self.folder / f"{ticker}.parquet"


def table(ticker: str, features: "pd.DataFrame") -> "pd.DataFrame":
    """Return features as both halves of the store take them: ticker, event_timestamp and Float32 columns."""
    rows = features[list(FEATURES)].astype("float32").rename_axis(TIME).reset_index()
    rows.insert(0, TICKER, ticker)
    return rows
