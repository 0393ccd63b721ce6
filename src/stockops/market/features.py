"""The seven features, defined once for training, inference and the feature store.

No row looks ahead: the features of a prefix are the prefix of the features. RSI14 and MACD have memory: their averages
run over every earlier row, so inference computes them over the same history as training did. After `MEMORY` rows the
influence of a history's start is below Float32 precision.
"""

import pandas as pd

from stockops.market.ohlcv import OHLCV

FEATURES = (*OHLCV, "RSI14", "MACD")
WARM_UP = 25  # rows before the slow average is defined; `add` drops them
MEMORY = 300  # (25/27)**300 and (13/14)**300 are below 1e-9


def add(bars: pd.DataFrame) -> pd.DataFrame:
    """Return the table of FEATURES, shape (rows - 25, 7), float64 of Float32 precision; empty for 25 rows or fewer.

    The feature store holds Float32, so a stored vector and a computed one are equal to the last bit.

    bars: adjusted OHLCV, one row per session, oldest first. The first 25 rows, for which MACD's slow
    average is not defined, are dropped; no other row is.
    """
    close = bars["Close"]
    table = bars.assign(RSI14=rsi(close), MACD=macd(close))[list(FEATURES)].iloc[WARM_UP:]
    return table.astype("float32").astype("float64")


def rsi(close: "pd.Series[float]", period: int = 14) -> "pd.Series[float]":
    """Relative strength index, 0 to 100, with Wilder's smoothing; same values as TA-Lib's RSI.

    close: price per session, oldest first, shape (rows,). Returns shape (rows,), same index: NaN for the
    first `period` rows, 50 where the price has never moved.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems (1978).
    """
    change = close.diff()
    gain = _smooth(change.clip(lower=0), period, first=1, alpha=1 / period)
    loss = _smooth(-change.clip(upper=0), period, first=1, alpha=1 / period)
    moved = gain + loss
    return (100 * gain / moved).where(moved != 0, 50.0).where(moved.notna())


def macd(close: "pd.Series[float]") -> "pd.Series[float]":
    """MACD line: the 12-day minus the 26-day exponential average of the close, in the price's currency.

    Returns shape (rows,), same index, NaN for the first 25 rows. Each average starts from the simple mean of
    its first 12 or 26 closes, as TA-Lib's EMA does.
    Source: G. Appel, Technical Analysis: Power Tools for Active Investors (2005).
    """
    return _smooth(close, 12, first=0, alpha=2 / 13) - _smooth(close, 26, first=0, alpha=2 / 27)


def _smooth(values: "pd.Series[float]", period: int, *, first: int, alpha: float) -> "pd.Series[float]":
    """Exponential average seeded with the mean of `period` values from row `first` on; NaN before the seed."""
    seed = first + period - 1
    seeded = values.astype(float).copy()
    seeded.iloc[:seed] = float("nan")
    if len(values) > seed:
        seeded.iloc[seed] = values.iloc[first : seed + 1].mean()
    return seeded.ewm(alpha=alpha, adjust=False).mean()
