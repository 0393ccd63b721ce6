"""Normalises windows: relative to their last close, in units of their own volatility.

So a price never seen before looks like any other, 2005 like 2025, and a calm month like a volatile one. The network's
output is in units of the expected `spread`, and is converted back to raw units here. Windows are float64 in raw units,
columns FEATURES.
"""

import numpy as np
import numpy.typing as npt

from stockops.arrays import Floats
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.volatility import TERMS, terms, volatility
from stockops.market.features import FEATURES

_CLOSE, _VOLUME, _RSI = (FEATURES.index(name) for name in ("Close", "Volume", "RSI14"))
_RSI_POINTS = 15.0  # about its standard deviation, so that RSI14 has the weight of the others in the loss
_WILDEST = 5.0  # cap on the change of log volume, a factor of 150
_AVERAGES = (5, 20, 60)  # sessions that volume is compared with; as in HAR models (Corsi, 2009), plus the window
WINDOW_CONTEXT = len(_AVERAGES) + 1 + TERMS + TERMS + 1


def units(windows: Floats, spread: Floats) -> Floats:
    """Return the units of changes, (windows, days, 7); spread: of log returns, (windows, days).

    Prices and MACD: the last close times the spread. Volume is in logarithms, RSI14 in 15 points, a fixed scale.
    """
    usual = windows[:, -1, _CLOSE, None] * spread
    unit = np.repeat(usual[..., None], windows.shape[-1], axis=2)
    unit[..., _VOLUME] = 1.0
    unit[..., _RSI] = _RSI_POINTS
    return unit


def reference_row(windows: Floats) -> Floats:
    """Return the row that changes are relative to, (windows, 1, 7): the last row, with its close for every price."""
    last = windows[:, -1:].copy()
    last[..., :_CLOSE] = last[..., _CLOSE, None]
    return last


def relative(windows: Floats) -> Floats:
    """Return windows (windows, 60, 7) as changes from the reference row in units of a usual day's move.

    Only RSI14 stays a level, which is what an oscillator means.
    """
    origin = _logged(reference_row(windows))
    origin[..., _RSI] = 0.0
    return (_logged(windows) - origin) / units(windows, volatility(windows)[:, None])


def changes(windows: Floats, rows: Floats, spread: Floats) -> Floats:
    """Return rows (windows, days, 5 or 7) as changes from the reference row in `units`: the head's targets."""
    columns = rows.shape[-1]
    return (_logged(rows) - _logged(reference_row(windows))[..., :columns]) / units(windows, spread)[..., :columns]


def denormalize(windows: Floats, change: npt.NDArray[np.floating], spread: Floats) -> Floats:
    """Return the rows in raw units for these changes, (windows, days, 7)."""
    origin = reference_row(windows)
    rows = origin + change * units(windows, spread)
    volume, growth = origin[..., _VOLUME], np.clip(change[..., _VOLUME], -_WILDEST, _WILDEST)
    rows[..., _VOLUME] = volume + (volume + 1) * np.expm1(growth, dtype=np.float64)
    return rows


def window_context(windows: Floats, covariates: Covariates) -> Floats:
    """Return where the last row stands in its window, its history and its market, (windows, 15).

    Log volume minus its mean over 5, 20 and 60 sessions; RSI14 relative to 50; HAR terms of the window and of the
    market; the volatility level of the history. All are unitless.
    """
    volume = np.log1p(windows[..., _VOLUME])
    against = [volume[:, -1] - volume[:, -sessions:].mean(axis=1) for sessions in _AVERAGES]
    own = np.stack([*against, (windows[:, -1, _RSI] - 50) / _RSI_POINTS], axis=1)
    return np.concatenate([own, terms(windows), covariates.market, covariates.level[:, None]], axis=1)


def _logged(rows: Floats) -> Floats:
    """Return rows with volume as log(1 + volume), so that zero stays zero."""
    logged = rows.copy()
    logged[..., _VOLUME] = np.log1p(logged[..., _VOLUME])
    return logged
