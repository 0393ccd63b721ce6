"""Daily bars: the columns of a price table, and the checks that make one usable.

A raw table has one row per session, indexed by tz-naive midnights named "Date": Open, High, Low, Close, Volume and, if
the source has them, Adj Close, Dividends (per share, 0.0 for none) and Splits (new shares per old one, 1.0 for none) on
their ex-date.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.errors import DataError

PRICES = ("Open", "High", "Low", "Close")
OHLCV = (*PRICES, "Volume")
ADJUSTED = "Adj Close"
DIVIDENDS = "Dividends"
SPLITS = "Splits"
FIRST_DAY = date(2004, 8, 19)  # where every history begins (seed data of the parent)

# Vendors round prices individually, so High may be below Close by a last digit.
_ROUNDING = 1e-5
_LEAST, _MOST, _MOST_VOLUME = 1e-15, 1e15, 1e20  # beyond these, squares leave the range of floats


@dataclass(frozen=True, slots=True)
class RawBars:
    """A source's data for one symbol.

    table: a raw table. currency: of its prices, an ISO 4217 code or a minor unit as vendors write it (GBp, ZAc, ILA);
    None if the source does not state it. notes: how the table differs from the source's, one clause each, for the log.
    """

    table: pd.DataFrame
    currency: str | None = None
    notes: tuple[str, ...] = ()


def check(bars: pd.DataFrame, symbol: str) -> None:
    """Raise DataError naming the first row that is not a valid daily bar.

    Dates must be unique and ascending, prices finite, above zero and of plausible size, volume finite, not negative and
    of plausible size, and High and Low must enclose Open and Close (within rounding of 1e-5).
    """
    missing = [column for column in OHLCV if column not in bars.columns]
    if missing:
        raise DataError(f"{symbol}: no column {', '.join(missing)}", f"needed are Date, {', '.join(OHLCV)}")
    if bars.empty:
        raise DataError(f"{symbol}: no bars")
    index = pd.DatetimeIndex(bars.index)
    _reject(symbol, bars, np.asarray(index.isna()), "has no date")
    _reject(symbol, bars, index.duplicated(), "appears twice")
    _reject(symbol, bars, np.r_[False, np.diff(index.to_numpy()) < np.timedelta64(0, "D")], "is out of order")
    columns = [*OHLCV, *([ADJUSTED] if ADJUSTED in bars.columns else [])]
    for column in columns:
        values = bars[column].to_numpy(dtype=float)
        _reject(symbol, bars, ~np.isfinite(values), f"has no number for {column}")
        if column == "Volume":
            _reject(symbol, bars, values < 0, "has a negative Volume")
            _reject(symbol, bars, values > _MOST_VOLUME, "has a Volume that cannot be")
        else:
            _reject(symbol, bars, values <= 0, f"has {column} at or below zero")
            _reject(symbol, bars, (values < _LEAST) | (values > _MOST), f"has {column} that no price can be")
    for column, least in ((DIVIDENDS, 0.0), (SPLITS, 1e-9)):
        if column in bars.columns:
            values = bars[column].to_numpy(dtype=float)
            _reject(symbol, bars, ~(np.isfinite(values) & (values >= least)), f"has no {column} that could be")
    low, high = bars["Low"].to_numpy(dtype=float), bars["High"].to_numpy(dtype=float)
    body = bars[["Open", "Close"]].to_numpy(dtype=float)
    _reject(symbol, bars, high < body.max(axis=1) * (1 - _ROUNDING), "has High below Open or Close")
    _reject(symbol, bars, low > body.min(axis=1) * (1 + _ROUNDING), "has Low above Open or Close")


def _reject(symbol: str, bars: pd.DataFrame, bad: npt.NDArray[np.bool_], what: str) -> None:
    """Raise for the first row where `bad` is true; `bad` has shape (rows,)."""
    if bad.any():
        row = int(np.argmax(bad))
        stamp = bars.index[row]
        day = "without a date" if pd.isna(stamp) else f"{stamp:%Y-%m-%d}"
        raise DataError(f"{symbol}: row {row + 1} ({day}) {what}", "correct or remove that row")


def priced(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a vendor's table without the rows in which a price is missing or zero, and notes on those.

    They are treated as gaps, since the user cannot correct them.
    """
    missing = table[list(PRICES)].isna()
    empty = missing.all(axis=1)
    told = table[[column for column in (*PRICES, ADJUSTED) if column in table.columns]]
    partial = (told.isna() | (told == 0)).any(axis=1) & ~empty
    groups = ((empty, "without any price"), (partial, "with a price missing"))
    notes = [left_out(pd.DatetimeIndex(table.index[rows.to_numpy()]), what) for rows, what in groups if rows.any()]
    return table[~(empty | partial)], tuple(notes)


def left_out(days: pd.DatetimeIndex, what: str) -> str:
    """Return the note on dropped rows, at least one."""
    rows = "1 row" if len(days) == 1 else f"{len(days)} rows"
    return f"{rows} {what} left out, the last of {days.max():%Y-%m-%d}"


def untraded(bars: pd.DataFrame) -> int:
    """Return the number of rows at the end without trading: no volume, and all prices equal to the previous close."""
    prices = bars[list(PRICES)].to_numpy(dtype=float)
    still = (prices[1:] == prices[:-1, -1:]).all(axis=1) & (bars["Volume"].to_numpy()[1:] == 0)
    return len(still) if still.all() else int(np.argmin(still[::-1]))
