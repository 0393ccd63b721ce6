"""Ranges on Close, High and Low: how far forecasts missed to each side, in units of the spread expected then.

A range is a quantile of past misses times the spread of the sessions to come. The quantiles come from the windows of
the training and go on learning from every session after it: each forecast whose day has come moves them a little,
outward after a miss, inward after a hit, both sides more together than each alone. So a range keeps its promise when
the market changes, and no forecast is ever judged by what came after it.
"""

import math

import numpy as np

from stockops.arrays import Floats
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON

LEVELS = (0.80, 0.95)
TAILS = tuple(((1 - level) / 2, (1 + level) / 2) for level in LEVELS)
RANGED = ("Close", "High", "Low")
HELD = (0.90, 0.95, 0.975, 0.99)  # share of what comes that stays within a bound on one side
SHAPE = (len(RANGED), 2, len(HELD), HORIZON)
_OF_LEVELS = [HELD.index(0.90), HELD.index(0.975)]  # the bounds of each side that make a range of each level
_CHANNELS = [OHLCV.index(name) for name in RANGED]
_SIDES = np.array([-1.0, 1.0])  # below, above
_PROMISED = np.array(HELD)
_PACE = 0.02  # share of a calibrated quantile that one miss or hit may move it, one day ahead
_ALONE = 0.15  # share of a move that a side makes by its own misses; the rest is by the mean of both sides'
_IN_RUNS = 0.25  # power of the days ahead that it falls with: misses of forecasts that overlap come in runs
_LEAST = 0.2  # share of it that is left whatever comes
_LATELY = 500  # sessions before the end of the training whose misses are learnt of one after the other


def residuals(spread: Floats, forecast: Floats, actual: Floats) -> Floats:
    """Return log(actual / forecast) / spread to each side, below first, (windows, 3 channels, 2 sides, 5).

    spread: (windows, 5), of log returns. forecast, actual: OHLCV or more, (windows, 5, channels). Negative where the
    actual lies on the other side.
    """
    beyond = np.log(actual[..., _CHANNELS] / forecast[..., _CHANNELS]) / spread[..., None]  # (windows, 5, 3)
    found: Floats = np.moveaxis(beyond, 1, 2)[:, :, None] * _SIDES[:, None]
    return found


def calibrate(residuals: Floats) -> Floats:
    """Return the quantiles of misses (windows, 3, 2, 5), shape (3, 2, 4 shares, 5 horizons); never below 0.

    Each is the ceil((n + 1) share)-th smallest miss, so that a bound holds the next value with at least that
    probability if misses are exchangeable. Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World
    (2005), split conformal.
    """
    ordered = np.sort(residuals, axis=0)
    ranks = [min(math.ceil((len(residuals) + 1) * share), len(residuals)) - 1 for share in HELD]
    found: Floats = np.maximum(np.moveaxis(ordered[ranks], 0, 2), 0.0)
    return found


def settled(quantiles: Floats, residuals: Floats) -> Floats:
    """Return quantiles as two years of misses, (windows, 3, 2, 5), leave them: a market may have changed since."""
    found: Floats = track(quantiles, residuals[-_LATELY:])[-1]
    return found


def track(quantiles: Floats, residuals: Floats) -> Floats:
    """Return the quantiles as they stand at each of a run of origins, shape (origins, 3, 2, 4 shares, 5 horizons).

    quantiles: as calibrated, (3, 2, 4, 5). misses: (origins, 3, 2, 5), of consecutive sessions; NaN where a target has
    not come, which must not be before one that has. At each origin the miss whose target it is has become known, and
    moves its quantile by a share of itself: the share promised outward after a miss, the rest of it inward after a hit,
    so that in the long run a bound holds what it promises, whatever the market does. Most of a move is of both sides by
    the mean of the two: a market that turns wild or calm does so upward and downward, and of that the two tell sooner,
    and with less noise, than one. Further bounds stay further.
    Source: Angelopoulos, Candès, Tibshirani, Conformal PID Control for Time Series Prediction (2023), quantile
    tracking; the forecast of h days ahead is judged h sessions later.
    """
    tracked = np.tile(quantiles, (len(residuals), 1, 1, 1, 1))
    for days in range(1, HORIZON + 1):
        now = start = quantiles[..., days - 1]
        pace = _PACE / days**_IN_RUNS * np.where(start > 0, start, 1.0)  # a price that never moved may begin to
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
    """Return how far each bound lies from the forecast in logarithms, (origins, 3, 2, 4 shares, 5); never less later.

    spread: (origins, 5); quantiles: (origins, 3, 2, 4, 5).
    """
    found: Floats = np.maximum.accumulate(quantiles * spread[:, None, None, None], axis=-1)
    return found


def intervals(forecast: Floats, spread: Floats, quantiles: Floats) -> Floats:
    """Return lower and upper bounds, (origins, 3 channels, 2 levels, days, 2), round paths of bars (origins, days, 5).

    spread: (origins, 5); quantiles: (origins, 3, 2, 4, 5). low <= forecast <= high always, and no range is narrower
    than one of a day before. Beyond 5 days the width grows with the square root of time, as a random walk's does.
    """
    days = np.arange(1, forecast.shape[1] + 1)
    steps = np.minimum(days, HORIZON) - 1
    growth = np.sqrt(np.maximum(days / HORIZON, 1.0))
    width = widths(spread, quantiles)[:, :, :, _OF_LEVELS]
    width = np.moveaxis(width[..., steps] * growth, 2, -1) * _SIDES  # (origins, 3, 2 levels, days, 2 sides)
    middle = np.moveaxis(forecast[..., _CHANNELS], 2, 1)[:, :, None, :, None]
    found: Floats = middle * np.exp(width)
    return found
