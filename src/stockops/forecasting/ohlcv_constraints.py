"""Turns five forecast channels into a valid bar."""

import numpy as np

from stockops.arrays import Floats
from stockops.market.ohlcv import OHLCV, PRICES

_DIGITS = 8  # significant, of a printed price: enough for cents in a million, and for tiny coins
_LOWEST = 0.01  # of the last close: the lowest forecast price, so that none is zero or negative


def as_bars(forecast: Floats, last_close: Floats | float) -> Floats:
    """Return valid OHLCV bars, (…, 5), from raw forecasts (…, 7); last_close broadcasts against (…, 1).

    High and Low are stretched to enclose Open and Close, prices are at least 1 % of the last close and volume is at
    least zero: channels forecast independently may cross.
    """
    bars = forecast[..., : len(OHLCV)].copy()
    prices = np.maximum(bars[..., : len(PRICES)], _LOWEST * last_close)
    bars[..., : len(PRICES)] = prices
    bars[..., PRICES.index("High")] = prices.max(axis=-1)
    bars[..., PRICES.index("Low")] = prices.min(axis=-1)
    bars[..., OHLCV.index("Volume")] = np.maximum(bars[..., OHLCV.index("Volume")], 0)
    return bars


def round_price(price: float) -> float:
    """Return a price rounded to the digits that are printed."""
    return float(f"{price:.{_DIGITS}g}")
