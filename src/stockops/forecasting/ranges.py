"""Ranges on Close: how far forecasts missed that a model had not trained on, in units of volatility at their origin.

A range is a quantile of past misses times today's volatility. The quantile comes from the held-out windows of the
training (split conformal), and goes on learning from every session after it: each forecast whose day has come moves
it a little, up after a miss, down after a hit. So a range keeps its promise when the market changes, and no forecast
is ever judged by what came after it.
"""

import math

import numpy as np
import numpy.typing as npt

from stockops.market.windows import HORIZON

Floats = npt.NDArray[np.float64]

LEVELS = (0.80, 0.95)
TAILS = tuple(((1 - level) / 2, (1 + level) / 2) for level in LEVELS)
_PACE = 0.01  # share of a calibrated quantile that one miss or hit may move it
_LEAST = 0.2  # share of it that is left whatever comes


def misses(volatility: Floats, forecast: Floats, actual: Floats) -> Floats:
    """Return |log(actual / forecast)| / volatility, (windows, days), of forecasts and actuals of the same shape.

    volatility: (windows,), of daily log returns at the origins.
    """
    missed: Floats = np.abs(np.log(actual / forecast)) / volatility[:, None]
    return missed


def calibrate(misses: Floats) -> Floats:
    """Return the quantiles of misses (windows, 5), shape (2 levels, 5 horizons).

    Give windows the model did not train on. Each quantile is the ceil((n + 1) level)-th smallest miss, so that a
    range covers the next value with at least that probability if misses are exchangeable; it never shrinks with
    the horizon. Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World (2005), split conformal.
    """
    misses = np.sort(misses, axis=0)
    ranks = [min(math.ceil((len(misses) + 1) * level), len(misses)) - 1 for level in LEVELS]
    return np.maximum.accumulate(misses[ranks], axis=1)


def track(quantiles: Floats, misses: Floats) -> Floats:
    """Return the quantiles as they stand at each of a run of origins, shape (origins, 2 levels, 5 horizons).

    quantiles: as calibrated, (2, 5). misses: (origins, 5), of consecutive sessions after the training; NaN where a
    target has not come, which must not be before one that has. At each origin the miss whose target it is has
    become known, and moves its quantile by a share of itself: 1 - level outward, level inward, so that in the long
    run a range holds what it promises, whatever the market does. Wider levels and longer horizons stay wider.
    Source: Angelopoulos, Candès, Tibshirani, Conformal PID Control for Time Series Prediction (2023), quantile
    tracking; the forecast of h days ahead is judged h sessions later.
    """
    tracked = np.tile(quantiles, (len(misses), 1, 1))
    for level, promised in enumerate(LEVELS):
        for days in range(1, HORIZON + 1):
            now = start = quantiles[level, days - 1]
            pace = _PACE * (start or 1.0)  # a price that never moved may begin to
            for origin in range(len(misses)):
                if origin >= days:
                    judged = origin - days
                    outside = misses[judged, days - 1] > tracked[judged, level, days - 1]
                    now = max(now + pace * (outside - (1 - promised)), _LEAST * start)
                tracked[origin, level, days - 1] = now
    return np.maximum.accumulate(np.maximum.accumulate(tracked, axis=1), axis=2)


def around(forecast: Floats, volatility: Floats, quantiles: Floats) -> Floats:
    """Return lower and upper bounds, shape (origins, 2 levels, days, 2), round paths of closes (origins, days).

    volatility: (origins,); quantiles: (origins, 2, 5). low <= forecast <= high always. Beyond 5 days the width
    grows with the square root of time, as a random walk's does.
    """
    days = np.arange(1, forecast.shape[1] + 1)
    steps = np.minimum(days, HORIZON) - 1
    growth = np.sqrt(np.maximum(days / HORIZON, 1.0))
    width = quantiles[:, :, steps] * growth * volatility[:, None, None]
    middle = forecast[:, None]
    return np.stack([middle * np.exp(-width), middle * np.exp(width)], axis=-1)
