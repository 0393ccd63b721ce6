"""How wildly a price moves: the variance of a day from its four prices, and what of it the days after inherit."""

import math

import numpy as np

from stockops.arrays import Floats
from stockops.market.features import FEATURES

_CLOSE = FEATURES.index("Close")
_DECAY = 0.85  # of a session's weight in today's volatility
_LATELY = 0.7  # how far volatility is what it was lately, and not what is usual
QUIET = 1e-4  # a price that moves less than a basis point a day gives no unit to measure in
SPANS = (1, 5, 22)  # sessions: a day, a week, a month (Corsi, 2009)
TERMS = len(SPANS) + 2


def daily_variance(rows: Floats) -> Floats:
    """Return the variance of each session's log return but the first's, (..., sessions - 1); 0 and less where it stood.

    rows: open, high, low, close and whatever follows, (..., sessions, channels). That of the night (last close to
    open) and of the day (Garman-Klass, from open, high, low and close), which tells several times more than the close.
    Source: Garman, Klass, On the Estimation of Security Price Volatilities from Historical Data (1980).
    """
    opened, high, low, close = np.moveaxis(np.log(rows[..., : _CLOSE + 1]), -1, 0)
    night = np.square(opened[..., 1:] - close[..., :-1])
    day = 0.5 * np.square(high - low) - (2 * math.log(2) - 1) * np.square(close - opened)
    found: Floats = night + day[..., 1:]
    return found


def log_variance(rows: Floats) -> Floats:
    """Return the logarithm of `daily_variance`, that of a basis point where a price stood."""
    found: Floats = np.log(np.maximum(daily_variance(rows), QUIET**2))
    return found


def volatility(windows: Floats) -> Floats:
    """Return the standard deviation of a daily log return as it stands at the end of a window, shape (windows,).

    The estimate lies between the mean of `daily_variance` over the window and one that weighs the last days most, in
    logarithms: volatility comes back to what is usual. The mean return is taken as zero; never below a basis point.
    """
    variance = daily_variance(windows)
    weights = _DECAY ** np.arange(variance.shape[1] - 1, -1, -1)
    lately, usual = variance @ (weights / weights.sum()), variance.mean(axis=1)
    found: Floats = np.maximum(np.sqrt(lately**_LATELY * usual ** (1 - _LATELY)), QUIET)
    return found


def usual(windows: Floats) -> Floats:
    """Return the mean over a window of the logarithm of the daily variance, (windows,)."""
    found: Floats = log_variance(windows).mean(axis=1)
    return found


def terms(windows: Floats) -> Floats:
    """Return what a HAR model reads of a window, (windows, 5): how far volatility is from what is usual in it.

    The mean log variance of the last day, week and month less `usual`; then the fall of the last day, and the mean one
    of the week, in usual days' moves: falls raise volatility more than rises do. None has a unit, so what one history
    teaches of them holds for another. Source: Corsi, A Simple Approximate Long-Memory Model of Realized Volatility
    (2009); Corsi, Renò, Discrete-Time Volatility Forecasting with Persistent Leverage Effect (2012).
    """
    logged = log_variance(windows)
    level = logged.mean(axis=1)
    falls = np.minimum(np.diff(np.log(windows[:, -SPANS[1] - 1 :, _CLOSE]), axis=1), 0) / np.exp(level / 2)[:, None]
    against = [logged[:, -sessions:].mean(axis=1) - level for sessions in SPANS]
    return np.stack([*against, falls[:, -1], falls.mean(axis=1)], axis=1)
