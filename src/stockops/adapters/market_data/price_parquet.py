"""Parquet files converted to CSV text, so that one set of rules reads both."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from stockops.errors import DataError

_MAX_CELLS = 10_000_000


def text(name: str, data: bytes) -> str:
    """Return a Parquet file as CSV with any index as a column; raise DataError if it is damaged or too large."""
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        if file.metadata.num_rows * file.metadata.num_columns > _MAX_CELLS:
            raise DataError(f"{name} holds more than {_MAX_CELLS:,} cells", "keep one symbol in a file")
        # Without pandas' metadata an index is an ordinary column, and inconsistent metadata does no harm.
        return str(file.read().to_pandas(ignore_metadata=True).to_csv(index=False))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError) as exc:
        raise DataError(f"{name} is a damaged Parquet file", "write it again") from exc
