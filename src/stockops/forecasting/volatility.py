"""Volatility estimates: the variance of a day from its four prices, and its persistence over the following days."""

import math

import numpy as np

from stockops.arrays import Floats
from stockops.market.features import FEATURES

_CLOSE = FEATURES.index("Close")
_DECAY = 0.85  # of a session's weight in today's volatility, per session of age
_LATELY = 0.7  # weight of recent volatility against the usual level, in logarithms
QUIET = 1e-4  # minimum volatility, one basis point: a smaller move is no usable unit
SPANS = (1, 5, 22)  # sessions: a day, a week, a month (Corsi, 2009)
TERMS = len(SPANS) + 2


def daily_variance(rows: Floats) -> Floats:
    """Return the variance of each session's log return but the first's, (..., sessions - 1); may be 0 or below.

    rows: open, high, low, close and any further channels, (..., sessions, channels). The sum of the overnight variance
    (last close to open) and the day's (Garman-Klass, from all four prices), several times as efficient as the close's.
    Source: Garman, Klass, On the Estimation of Security Price Volatilities from Historical Data (1980).
    """
    opened, high, low, close = np.moveaxis(np.log(rows[..., : _CLOSE + 1]), -1, 0)
    night = np.square(opened[..., 1:] - close[..., :-1])
    day = 0.5 * np.square(high - low) - (2 * math.log(2) - 1) * np.square(close - opened)
    found: Floats = night + day[..., 1:]
    return found


def log_variance(rows: Floats) -> Floats:
    """Return the logarithm of `daily_variance`, at least that of a one-basis-point move."""
    found: Floats = np.log(np.maximum(daily_variance(rows), QUIET**2))
    return found


def volatility(windows: Floats) -> Floats:
    """Return the standard deviation of a daily log return at the end of a window, shape (windows,).

    The estimate lies, in logarithms, between the mean of `daily_variance` over the window and an exponentially weighted
    one: volatility reverts to its usual level. The mean return is taken as zero; never below a basis point.
    """
    variance = daily_variance(windows)
    weights = _DECAY ** np.arange(variance.shape[1] - 1, -1, -1)
    lately, usual = variance @ (weights / weights.sum()), variance.mean(axis=1)
    found: Floats = np.maximum(np.sqrt(lately**_LATELY * usual ** (1 - _LATELY)), QUIET)
    return found


def usual(windows: Floats) -> Floats:
    """Return the mean log daily variance over a window, (windows,)."""
    found: Floats = log_variance(windows).mean(axis=1)
    return found


def terms(windows: Floats) -> Floats:
    """Return the HAR terms of a window, (windows, 5): its recent volatility relative to the usual level.

    The mean log variance of the last day, week and month minus `usual`; then the fall of the last day, and the mean
    fall of the week, in units of a usual day's move: falls raise volatility more than rises do. All are unitless, so
    coefficients transfer between histories. Source: Corsi, A Simple Approximate Long-Memory Model of Realized
    Volatility (2009); Corsi, Renò, Discrete-Time Volatility Forecasting with Persistent Leverage Effect (2012).
    """
    logged = log_variance(windows)
    level = logged.mean(axis=1)
    falls = np.minimum(np.diff(np.log(windows[:, -SPANS[1] - 1 :, _CLOSE]), axis=1), 0) / np.exp(level / 2)[:, None]
    against = [logged[:, -sessions:].mean(axis=1) - level for sessions in SPANS]
    return np.stack([*against, falls[:, -1], falls.mean(axis=1)], axis=1)
