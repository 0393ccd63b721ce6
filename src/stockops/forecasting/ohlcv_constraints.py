"""What makes five forecast channels a bar."""

import numpy as np

from stockops.arrays import Floats
from stockops.market.ohlcv import OHLCV, PRICES

_DIGITS = 8  # significant, of a price that is given out: a cent in a million, and a tiny coin still shows
_LOWEST = 0.01  # of the last close: a forecast price is never below it, so never zero or negative


def as_bars(forecast: Floats, last_close: Floats | float) -> Floats:
    """Return OHLCV that are bars, (…, 5), from raw forecasts (…, 7); last_close broadcasts against (…, 1).

    High and Low are stretched to enclose Open and Close, prices kept above 1 % of the last close and
    volume above zero: five channels forecast on their own may cross.
    """
    bars = forecast[..., : len(OHLCV)].copy()
    prices = np.maximum(bars[..., : len(PRICES)], _LOWEST * last_close)
    bars[..., : len(PRICES)] = prices
    bars[..., PRICES.index("High")] = prices.max(axis=-1)
    bars[..., PRICES.index("Low")] = prices.min(axis=-1)
    bars[..., OHLCV.index("Volume")] = np.maximum(bars[..., OHLCV.index("Volume")], 0)
    return bars


def round_price(price: float) -> float:
    """Return a price with the digits that it is given out with."""
    return float(f"{price:.{_DIGITS}g}")
