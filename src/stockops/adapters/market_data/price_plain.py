"""Fast path for files that are plainly a raw table, such as Yahoo's and stockops' own: a third of the time."""

import io

import numpy as np
import pandas as pd

from stockops.market import ohlcv

_ORDER = (*ohlcv.PRICES, ohlcv.ADJUSTED, "Volume", ohlcv.DIVIDENDS, ohlcv.SPLITS)


def table(data: bytes) -> pd.DataFrame | None:
    """Return the raw table (market.ohlcv) in a file's bytes, bit for bit as `to_csv` wrote it, or None if not plain.

    Plain means exact column names, only finite numbers and ascending, unique YYYY-MM-DD dates; price_files would then
    return the same table.
    """
    header = data.partition(b"\n")[0].decode("latin-1").rstrip("\r").split(",")
    columns = [column for column in _ORDER if column in header]
    if header[0] != "Date" or len(header) != len(columns) + 1 or not {*ohlcv.OHLCV} <= {*columns}:
        return None
    types = {"Date": str, **dict.fromkeys(columns, float)}
    try:
        cells = pd.read_csv(io.BytesIO(data), dtype=types, na_filter=False, float_precision="round_trip")
        dates = pd.DatetimeIndex(pd.to_datetime(cells["Date"], format="%Y-%m-%d"), name="Date")
    except ValueError:  # ParserError and UnicodeDecodeError are ValueErrors
        return None
    found = cells[columns].set_axis(dates)
    numbers = np.isfinite(found.to_numpy()).all() and (ohlcv.SPLITS not in columns or (found[ohlcv.SPLITS] > 0).all())
    return found if numbers and dates.is_monotonic_increasing and dates.is_unique else None
