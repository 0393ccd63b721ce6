"""The expected spread of the next sessions: a regression of their variance on what is known at the origin.

A HAR model on daily ranges, which nothing beats by much, plus other useful predictors of volatility: volume, the
market's own volatility, the calendar, the season of quarterly reports. Linear and fitted in closed form, so a child
with few sessions takes from its parent what it cannot learn itself. Sources: Corsi, A Simple Approximate Long-Memory
Model of Realized Volatility (2009); Clements, Preve, A Practical Guide to Harnessing the HAR Volatility Model (2021).
"""

import math

import numpy as np

from stockops.arrays import Floats
from stockops.forecasting import volatility
from stockops.forecasting.covariates import TRAITS, Covariates
from stockops.forecasting.normalization import WINDOW_CONTEXT, window_context
from stockops.forecasting.volatility import QUIET, daily_variance
from stockops.market.windows import HORIZON

TERMS = 1 + WINDOW_CONTEXT + TRAITS + 1
_WILD = 2.0  # largest spread: a price that may be seven times as high the next day
_PRIOR = 250  # weight of a parent's coefficients, in sessions
_FREE = 0.2  # share of that weight on the intercept: each ticker has its own level
_RARE = 1e-4  # minimum variance of a term, so that one which never varied stays at its prior


def terms(windows: Floats, covariates: Covariates) -> Floats:
    """Return the regressors of the variance over the next 1 to 5 sessions, (windows, 5, 26).

    A constant; the `window_context`; the mean traits of the coming sessions up to each; their season.
    """
    shared = np.column_stack([np.ones(len(windows)), window_context(windows, covariates)])
    shared = np.repeat(shared[:, None], HORIZON, axis=1)
    ahead = np.cumsum(covariates.traits[:, 1:], axis=1) / np.arange(1, HORIZON + 1)[:, None]
    return np.concatenate([shared, ahead, covariates.season[..., None]], axis=2)


def spread(weights: Floats, windows: Floats, covariates: Covariates) -> Floats:
    """Return the expected standard deviation of the log return over the next 1 to 5 sessions, (windows, 5).

    weights: (5, 26), for the log variance relative to the window's mean.
    """
    above = np.einsum("whk,hk->wh", terms(windows, covariates), weights)
    logged = 0.5 * (volatility.usual(windows)[:, None] + above)
    found: Floats = np.exp(np.clip(logged, math.log(QUIET), math.log(_WILD)))
    return found


def fit(windows: Floats, target: Floats, covariates: Covariates, prior: Floats | None) -> Floats:
    """Fit the weights, (5, 26), on windows (windows, 60, 7) and their targets (windows, 5, 7).

    Least squares, shrunk toward the prior, (5, 26), as if it had been observed in 250 sessions; without a prior, very
    slightly toward zero.
    """
    came = np.concatenate([windows[:, -1:], target], axis=1)
    variance = np.cumsum(np.maximum(daily_variance(came), QUIET**2), axis=1)
    above = np.log(variance) - volatility.usual(windows)[:, None]
    known = terms(windows, covariates)
    weights = np.zeros((HORIZON, TERMS)) if prior is None else prior.copy()
    for day in range(HORIZON):
        seen = known[:, day]
        strength = (1.0 if prior is None else _PRIOR) * np.maximum(seen.var(axis=0), _RARE)
        strength[0] = 0.0 if prior is None else _PRIOR * _FREE
        left = above[:, day] - seen @ weights[day]
        weights[day] += np.linalg.solve(seen.T @ seen + np.diag(strength), seen.T @ left)
    return weights
