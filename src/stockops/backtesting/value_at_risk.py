"""Tests value at risk: how often losses exceeded it, whether exceedances cluster, and how far they went beyond."""

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from stockops.backtesting.evaluation_set import CLOSE, EvaluationSet
from stockops.documents.backtest import Exceedances, RiskFigures, Shortfall
from stockops.forecasting.risk import Losses
from stockops.market.windows import HORIZON

Flags = npt.NDArray[np.bool_]

_ALLOWED = (0.05, 0.01)  # nominal share of losses beyond the 95 and 99 % value at risk, in the order of `Losses.var`


def figures(evaluation: EvaluationSet, expected_losses: Losses) -> dict[str, RiskFigures]:
    """Return {days: figures of var_95, var_99 and es_95} for one and five sessions ahead.

    Five-session losses are taken from every fifth origin only, so that no two share a day.
    """
    return {str(days): _of(evaluation, expected_losses, days) for days in (1, HORIZON)}


def kupiec(exceeded: Flags, allowed: float) -> float:
    """Return the p-value of the number of exceedances given the allowed share; 1 if it is met exactly.

    Source: Kupiec, Techniques for Verifying the Accuracy of Risk Measurement Models (1995), unconditional coverage.
    """
    count, hits = len(exceeded), int(exceeded.sum())
    found, expected = (_likelihood(hits, count - hits, share) for share in (hits / count, allowed))
    return float(stats.chi2.sf(2 * (found - expected), 1))


def christoffersen(exceeded: Flags) -> float | None:
    """Return the p-value for exceedances being independent of the previous one; None for fewer than two of them.

    Source: Christoffersen, Evaluating Interval Forecasts (1998), independence against a first-order Markov chain.
    """
    if exceeded.sum() < 2:
        return None
    before, after = exceeded[:-1], exceeded[1:]
    apart = 0.0
    for state in (False, True):
        then = after[before == state]
        apart += _likelihood(int(then.sum()), int((~then).sum()), float(then.mean()) if len(then) else 0.0)
    together = _likelihood(int(after.sum()), int((~after).sum()), float(after.mean()))
    return float(stats.chi2.sf(2 * max(apart - together, 0.0), 1))


def _likelihood(hits: int, others: int, share: float) -> float:
    """Return the log-likelihood of this many hits and non-hits given the share of hits."""
    return float(special.xlogy(hits, share) + special.xlog1py(others, -share))


def _of(evaluation: EvaluationSet, expected_losses: Losses, days: int) -> RiskFigures:
    known = np.flatnonzero(~np.isnan(evaluation.actual[:, days - 1, CLOSE]))[::days]
    lost = 1 - evaluation.actual[known, days - 1, CLOSE] / evaluation.last[known, CLOSE]
    var_95, var_99 = (
        _exceedances(lost > expected_losses.var[known, level, days - 1], allowed)
        for level, allowed in enumerate(_ALLOWED)
    )
    beyond = lost > expected_losses.var[known, 0, days - 1]
    mean, expected = (
        float(part[beyond].mean()) if beyond.any() else None
        for part in (lost, expected_losses.shortfall[known, days - 1])
    )
    es_95 = Shortfall(mean_loss=mean, expected=expected)
    return RiskFigures(forecasts=len(known), var_95=var_95, var_99=var_99, es_95=es_95)


def _exceedances(exceeded: Flags, allowed: float) -> Exceedances:
    return Exceedances(
        exceedances=int(exceeded.sum()),
        share=float(exceeded.mean()) if len(exceeded) else None,
        allowed=allowed,
        kupiec_p=kupiec(exceeded, allowed) if len(exceeded) else None,
        christoffersen_p=christoffersen(exceeded),
    )
