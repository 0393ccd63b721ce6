"""Prediction intervals ("ranges") on Close, High and Low, from residuals in units of the spread expected at the time.

A range is a quantile of past residuals times the expected spread. The quantiles are calibrated on the training windows
and updated with every session since: each forecast whose target is known moves them a little, outward after a miss,
inward after a hit, both sides more together than each alone. So a range keeps its nominal coverage when the market
changes, and no forecast uses data after its origin.
"""

import math

import numpy as np

from stockops.arrays import Floats
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON

LEVELS = (0.80, 0.95)
TAILS = tuple(((1 - level) / 2, (1 + level) / 2) for level in LEVELS)
RANGED = ("Close", "High", "Low")
HELD = (0.90, 0.95, 0.975, 0.99)  # one-sided coverage of a bound
SHAPE = (len(RANGED), 2, len(HELD), HORIZON)
_OF_LEVELS = [HELD.index(0.90), HELD.index(0.975)]  # the one-sided bounds that form a range of each level
_CHANNELS = [OHLCV.index(name) for name in RANGED]
_SIDES = np.array([-1.0, 1.0])  # below, above
_PROMISED = np.array(HELD)
_PACE = 0.02  # step size of a quantile per miss, as a share of its calibrated value, one day ahead
_ALONE = 0.15  # weight of a side's own misses in its move; the rest is the mean of both sides'
_IN_RUNS = 0.25  # the step size falls with this power of the days ahead: overlapping forecasts miss in runs
_LEAST = 0.2  # lower limit of a quantile, as a share of its calibrated value
_LATELY = 500  # last sessions of the training whose residuals are tracked one after the other


def residuals(spread: Floats, forecast: Floats, actual: Floats) -> Floats:
    """Return log(actual / forecast) / spread to each side, below first, (windows, 3 channels, 2 sides, 5).

    spread: (windows, 5), of log returns. forecast, actual: OHLCV or more, (windows, 5, channels). Negative where the
    actual value lies on the other side.
    """
    beyond = np.log(actual[..., _CHANNELS] / forecast[..., _CHANNELS]) / spread[..., None]  # (windows, 5, 3)
    found: Floats = np.moveaxis(beyond, 1, 2)[:, :, None] * _SIDES[:, None]
    return found


def calibrate(residuals: Floats) -> Floats:
    """Return the quantiles of residuals (windows, 3, 2, 5), shape (3, 2, 4 shares, 5 horizons); never below 0.

    Each is the ceil((n + 1) share)-th smallest residual, so that a bound covers the next value with at least that
    probability if residuals are exchangeable. Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World
    (2005), split conformal.
    """
    ordered = np.sort(residuals, axis=0)
    ranks = [min(math.ceil((len(residuals) + 1) * share), len(residuals)) - 1 for share in HELD]
    found: Floats = np.maximum(np.moveaxis(ordered[ranks], 0, 2), 0.0)
    return found


def settled(quantiles: Floats, residuals: Floats) -> Floats:
    """Return quantiles tracked over the last two years of residuals, (windows, 3, 2, 5), as markets change."""
    found: Floats = track(quantiles, residuals[-_LATELY:])[-1]
    return found


def track(quantiles: Floats, residuals: Floats) -> Floats:
    """Return the quantiles at each of consecutive origins, shape (origins, 3, 2, 4 shares, 5 horizons).

    quantiles: as calibrated, (3, 2, 4, 5). residuals: (origins, 3, 2, 5), of consecutive sessions; NaN where the target
    is not known yet, which must not precede one that is. At each origin the residual whose target it is becomes known
    and moves its quantile: outward in proportion to the coverage after a miss, inward in proportion to the rest after a
    hit, so that in the long run a bound has its nominal coverage whatever the market does. Most of a move is the mean
    of both sides': volatility changes in both directions, and two sides show that sooner, and with less noise, than
    one. Quantiles never cross: a bound of higher coverage is never closer.
    Source: Angelopoulos, Candès, Tibshirani, Conformal PID Control for Time Series Prediction (2023), quantile
    tracking; a forecast h days ahead is scored h sessions later.
    """
    tracked = np.tile(quantiles, (len(residuals), 1, 1, 1, 1))
    for days in range(1, HORIZON + 1):
        now = start = quantiles[..., days - 1]
        pace = _PACE / days**_IN_RUNS * np.where(start > 0, start, 1.0)  # a price that never moved may start to
        for origin in range(days, len(residuals)):
            judged = origin - days
            outside = residuals[judged, ..., None, days - 1] > tracked[judged, ..., days - 1]
            excess = outside - (1 - _PROMISED)
            excess = _ALONE * excess + (1 - _ALONE) * excess.mean(axis=1, keepdims=True)
            now = np.maximum(now + pace * excess, _LEAST * start)
            tracked[origin, ..., days - 1] = now
    found: Floats = np.maximum.accumulate(tracked, axis=3)
    return found


def widths(spread: Floats, quantiles: Floats) -> Floats:
    """Return the log distance of each bound from the forecast, (origins, 3, 2, 4 shares, 5); never falls with horizon.

    spread: (origins, 5); quantiles: (origins, 3, 2, 4, 5).
    """
    found: Floats = np.maximum.accumulate(quantiles * spread[:, None, None, None], axis=-1)
    return found


def intervals(forecast: Floats, spread: Floats, quantiles: Floats) -> Floats:
    """Return lower and upper bounds, (origins, 3 channels, 2 levels, days, 2), around paths of bars (origins, days, 5).

    spread: (origins, 5); quantiles: (origins, 3, 2, 4, 5). Always low <= forecast <= high, and no range is narrower
    than that of an earlier day. Beyond 5 days the width grows with the square root of time, as for a random walk.
    """
    days = np.arange(1, forecast.shape[1] + 1)
    steps = np.minimum(days, HORIZON) - 1
    growth = np.sqrt(np.maximum(days / HORIZON, 1.0))
    width = widths(spread, quantiles)[:, :, :, _OF_LEVELS]
    width = np.moveaxis(width[..., steps] * growth, 2, -1) * _SIDES  # (origins, 3, 2 levels, days, 2 sides)
    middle = np.moveaxis(forecast[..., _CHANNELS], 2, 1)[:, :, None, :, None]
    found: Floats = middle * np.exp(width)
    return found
