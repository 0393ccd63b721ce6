"""Value at risk and expected shortfall of a holder, from the quantiles of the forecast itself.

All are shares of the last close. Source: Artzner, Delbaen, Eber, Heath, Coherent Measures of Risk (1999).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stockops.arrays import Floats
from stockops.forecasting import ranges
from stockops.forecasting.ranges import HELD
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON

_CLOSE = OHLCV.index("Close")
_BELOW, _ABOVE = 0, 1
_80, _95, _99 = HELD.index(0.90), HELD.index(0.95), HELD.index(0.99)  # one-sided
_HALF_NORMAL = 1.2816  # standard deviations to either side that cover 80 % of a normal distribution
_YEAR = 252  # sessions


@dataclass(frozen=True, slots=True)
class Risk:
    """Risk from one close to the close `days` sessions later, as shares of the last close.

    volatility_day: standard deviation of a daily log return, that of the normal distribution with the same 80 % range.
    volatility_year: the same over 252 sessions. var_95, var_99: losses exceeded one time in 20 and in 100. es_95: the
    mean loss when var_95 is exceeded. Losses are never below 0.
    """

    days: int
    volatility_day: float
    volatility_year: float
    var_95: float
    var_99: float
    es_95: float


@dataclass(frozen=True, slots=True)
class Losses:
    """Expected losses from each origin to each of the next five sessions, as shares of the last close.

    var: (origins, 2, 5), exceeded with 5 % and with 1 % probability. shortfall: (origins, 5), the mean loss beyond the
    first.
    """

    var: Floats
    shortfall: Floats

    def at(self, origins: npt.NDArray[np.bool_]) -> "Losses":
        """Return the losses of some origins."""
        return Losses(self.var[origins], self.shortfall[origins])

    @classmethod
    def joined(cls, parts: Sequence["Losses"]) -> "Losses":
        """Return the losses of consecutive runs of origins as one."""
        return cls(np.concatenate([part.var for part in parts]), np.concatenate([part.shortfall for part in parts]))


def shortfall(residuals: Floats, quantiles: Floats) -> Floats:
    """Return the mean residual beyond the lower 95 % bound on Close, relative to that bound, (5,), at least 1.

    residuals: (windows, 3, 2, 5); quantiles: (3, 2, 4, 5).
    """
    fallen, bound = residuals[:, 0, _BELOW], quantiles[0, _BELOW, _95]
    beyond = np.where(fallen > bound, fallen, 0.0).sum(axis=0) / np.maximum((fallen > bound).sum(axis=0), 1)
    found: Floats = np.maximum(beyond / np.maximum(bound, 1e-12), 1.0)
    return found


def losses(last: Floats, bars: Floats, spread: Floats, quantiles: Floats, shortfall: Floats) -> Losses:
    """Return the expected losses from closes `last`, (origins,), for forecast bars (origins, 5, 5)."""
    width = ranges.widths(spread, quantiles)[:, 0, _BELOW]  # (origins, 4, 5)
    ahead = np.log(bars[..., _CLOSE] / last[:, None])[:, None]
    var = _loss(ahead - width[:, [_95, _99]])
    return Losses(var, _loss(ahead[:, 0] - shortfall * width[:, _95]))


def of(last: float, bars: Floats, spread: Floats, quantiles: Floats, shortfall: Floats, days: int) -> Risk:
    """Return the risk of one forecast over `days` sessions; bars: (5, 5), spread: (5,), quantiles: (3, 2, 4, 5)."""
    found = losses(np.array([last]), bars[None], spread[None], quantiles[None], shortfall)
    step = min(days, HORIZON) - 1
    sides = ranges.widths(spread[None], quantiles[None])[0, 0, :, _80, step]
    daily = float((sides[_BELOW] + sides[_ABOVE]) / (2 * _HALF_NORMAL) / np.sqrt(days))
    return Risk(
        days=days,
        volatility_day=daily,
        volatility_year=daily * float(np.sqrt(_YEAR)),
        var_95=float(found.var[0, 0, step]),
        var_99=float(found.var[0, 1, step]),
        es_95=float(found.shortfall[0, step]),
    )


def _loss(moved: Floats) -> Floats:
    lost: Floats = np.maximum(-np.expm1(moved), 0.0)
    return lost
