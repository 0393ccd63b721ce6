"""Daily bars: what a price table holds, what makes one unusable, and how it is adjusted.

A raw table has Yahoo's columns, prices in the exchange's currency and one row per session:
Open, High, Low, Close, Volume and, where the source knows it, Adj Close. Its index holds
tz-naive midnights named "Date".
"""

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.errors import DataError

PRICES = ("Open", "High", "Low", "Close")
OHLCV = (*PRICES, "Volume")
ADJUSTED = "Adj Close"
FIRST_DAY = date(2004, 8, 19)  # where every history begins (seed data of the parent)

# Vendors round prices on their own, so High may miss Close by a last digit.
_ROUNDING = 1e-5


def check(bars: pd.DataFrame, symbol: str) -> None:
    """Raise DataError naming the first row that cannot be a daily bar.

    Dates are unique and ascending, prices finite and above zero, volume finite and not below zero,
    and High and Low enclose Open and Close (within rounding of 1e-5).
    """
    missing = [column for column in OHLCV if column not in bars.columns]
    if missing:
        raise DataError(f"{symbol}: no column {', '.join(missing)}", f"needed are Date, {', '.join(OHLCV)}")
    if bars.empty:
        raise DataError(f"{symbol}: no bars")
    index = pd.DatetimeIndex(bars.index)
    _reject(symbol, bars, np.asarray(index.isna()), "has no date")
    _reject(symbol, bars, index.duplicated(), "appears twice")
    _reject(symbol, bars, np.r_[False, np.diff(index.to_numpy()) < np.timedelta64(0)], "is out of order")
    columns = [*OHLCV, *([ADJUSTED] if ADJUSTED in bars.columns else [])]
    for column in columns:
        values = bars[column].to_numpy(dtype=float)
        _reject(symbol, bars, ~np.isfinite(values), f"has no number for {column}")
        if column == "Volume":
            _reject(symbol, bars, values < 0, "has a negative Volume")
        else:
            _reject(symbol, bars, values <= 0, f"has {column} at or below zero")
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


def adjust(bars: pd.DataFrame) -> pd.DataFrame:
    """Return Open to Volume adjusted for splits and dividends; the last row keeps its traded prices.

    The factor is Adj Close / Close, divided by its value on the last row: a vendor's Adj Close carries
    every dividend paid up to the day of the download, so without that division a table cut at an earlier
    day would already know later dividends. Without an Adj Close column prices are taken as adjusted.
    """
    adjusted = bars[list(OHLCV)].astype(float)
    if ADJUSTED in bars.columns:
        factor = bars[ADJUSTED].astype(float) / bars["Close"].astype(float)
        adjusted[list(PRICES)] = adjusted[list(PRICES)].mul(factor / factor.iloc[-1], axis=0)
    return adjusted
