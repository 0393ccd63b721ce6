"""Ranges on Close: how far past forecasts missed, measured in units of the volatility at their origin."""

import math

import numpy as np
import numpy.typing as npt

from stockops.market.windows import HORIZON

Floats = npt.NDArray[np.float64]

LEVELS = (0.80, 0.95)
_DECAY = 0.94  # RiskMetrics' daily decay (J.P. Morgan, 1996)
_QUIET = 1e-6  # a flat price has no volatility to divide by


def volatility(closes: Floats) -> Floats:
    """Return the exponentially weighted standard deviation of daily log returns, shape (windows,).

    closes: (windows, rows), oldest first; the mean return is taken as zero.
    """
    returns = np.diff(np.log(closes), axis=1)
    weights = _DECAY ** np.arange(returns.shape[1] - 1, -1, -1)
    deviation: Floats = np.sqrt(returns**2 @ (weights / weights.sum()))
    return np.maximum(deviation, _QUIET)


def calibrate(closes: Floats, forecast: Floats, actual: Floats) -> Floats:
    """Return the quantiles of |log(actual / forecast)| / volatility, shape (2 levels, 5 horizons).

    closes: (windows, 60) up to each origin; forecast, actual: (windows, 5). Give windows the model did not
    train on. Each quantile is the ceil((n + 1) level)-th smallest miss, so that a range covers the next
    value with at least that probability if misses are exchangeable; it never shrinks with the horizon.
    Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World (2005), split conformal.
    """
    misses = np.sort(np.abs(np.log(actual / forecast)) / volatility(closes)[:, None], axis=0)
    ranks = [min(math.ceil((len(misses) + 1) * level), len(misses)) - 1 for level in LEVELS]
    return np.maximum.accumulate(misses[ranks], axis=1)


def around(forecast: Floats, closes: Floats, quantiles: Floats) -> Floats:
    """Return lower and upper bounds, shape (2 levels, days, 2), round a path of closes (days,).

    closes: (60,) up to the origin. low <= forecast <= high always. Beyond 5 days the width grows with the
    square root of time, as a random walk's does.
    """
    days = np.arange(1, len(forecast) + 1)
    steps = np.minimum(days, HORIZON) - 1
    growth = np.sqrt(np.maximum(days / HORIZON, 1.0))
    width = quantiles[:, steps] * growth * volatility(closes[None])[0]
    return np.stack([forecast * np.exp(-width), forecast * np.exp(width)], axis=-1)
