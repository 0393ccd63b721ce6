"""Forecast scores and their significance. Nothing here is specific to stocks."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from stockops.arrays import Floats

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Proportion:
    """A proportion with its 95 % confidence interval."""

    value: float
    low: float
    high: float


def share(hits: Flags, horizon: int) -> Proportion | None:
    """Return the share of hits among consecutive forecasts of one horizon; None without forecasts.

    The interval is Wilson's (1927). Forecasts h sessions ahead made each session overlap, so n of them carry about as
    much information as n / h independent ones: the interval is for that many.
    """
    if not len(hits):
        return None
    value = float(hits.mean())
    cases = max(1, round(len(hits) / horizon))
    interval = stats.binomtest(round(value * cases), cases).proportion_ci(method="wilson")
    return Proportion(value, min(value, float(interval.low)), max(value, float(interval.high)))


@dataclass(frozen=True, slots=True)
class DieboldMariano:
    """Test of two forecasts. statistic below 0: the first has the smaller losses. p_value: two-sided."""

    statistic: float
    p_value: float


def diebold_mariano(losses: Floats, others: Floats, horizon: int) -> DieboldMariano | None:
    """Return the test of equal expected loss of two forecasts of the same cases, in the order of their origins.

    horizon: sessions ahead; the losses of h-step forecasts are correlated over h - 1 sessions, which the variance of
    their mean difference takes into account. If that estimate is not positive, the lags are left out, as in R's
    forecast::dm.test. None for fewer than horizon + 2 cases, or if the losses differ by a constant. Losses that never
    differ: p = 1.
    Source: Diebold, Mariano, Comparing Predictive Accuracy (1995), with the small-sample correction and Student's t
    of Harvey, Leybourne, Newbold (1997).
    """
    difference = losses - others
    cases = len(difference)
    if cases < horizon + 2:
        return None
    mean, centred = float(difference.mean()), difference - difference.mean()
    covariances = [float(centred[lag:] @ centred[: cases - lag]) / cases for lag in range(horizon)]
    variance = covariances[0] + 2 * sum(covariances[1:])
    if variance <= 0:
        variance = covariances[0]
    if variance <= 0:
        return DieboldMariano(0.0, 1.0) if mean == 0 else None
    correction = (cases + 1 - 2 * horizon + horizon * (horizon - 1) / cases) / cases
    statistic = mean / math.sqrt(variance / cases) * math.sqrt(max(correction, 0.0))
    return DieboldMariano(statistic, float(2 * stats.t.sf(abs(statistic), cases - 1)))


def winkler(low: Floats, high: Floats, actual: Floats, level: float) -> Floats:
    """Return the Winkler (interval) score of each range: its width plus 2 / (1 - level) times the distance outside it.

    Smaller is better; smallest in expectation for the true quantiles. Source: Winkler, A Decision-Theoretic Approach
    to Interval Estimation (1972); Gneiting, Raftery, Strictly Proper Scoring Rules (2007).
    """
    outside = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    score: Floats = (high - low) + 2 / (1 - level) * outside
    return score


def weighted_interval_score(middle_error: Floats, scores: dict[float, Floats]) -> Floats:
    """Return the weighted interval score: it approximates the CRPS of a forecast given by a median and some ranges.

    middle_error: |actual - median|; scores: Winkler scores by level. Source: Bracher, Ray, Gneiting, Reich, Evaluating
    Epidemic Forecasts in an Interval Format (2021).
    """
    weighted = 0.5 * middle_error + sum((1 - level) / 2 * score for level, score in scores.items())
    result: Floats = weighted / (len(scores) + 0.5)
    return result
