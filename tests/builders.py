"""Bars that look like a market's, made from a seed."""

from datetime import date

import numpy as np
import pandas as pd

from stockops.market import calendar


def bars(rows: int = 300, *, seed: int = 0, symbol: str = "AAPL", first: date = date(2015, 1, 2)) -> pd.DataFrame:
    """Return a random walk of adjusted daily bars on the sessions of the symbol's exchange, shape (rows, 5)."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    open_ = close * np.exp(rng.normal(0, 0.004, rows))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.004, rows)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.004, rows)))
    volume = np.round(1e6 * np.exp(rng.normal(0, 0.3, rows)))
    days = pd.DatetimeIndex(calendar.of(symbol).next_sessions(first, rows), name="Date")
    table = {"Open": open_, "High": high, "Low": low, "Close": close, "Volume": volume}
    return pd.DataFrame(table, index=days)


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as the text of a `<SYMBOL>.csv`."""
    return str(table.to_csv(date_format="%Y-%m-%d", lineterminator="\n"))
