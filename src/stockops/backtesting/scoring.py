"""Scores an evaluation set: per channel and horizon against the best naive forecast, and the ranges."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from stockops.arrays import Floats
from stockops.backtesting.evaluation_set import CLOSE, VOLUME, EvaluationSet
from stockops.backtesting.statistics import diebold_mariano, share, weighted_interval_score, winkler
from stockops.documents.backtest import (
    Channel,
    DieboldMariano,
    Direction,
    ExtremeLevel,
    ExtremeScore,
    HorizonFigures,
    PeerFigures,
    RangeComparison,
    RangeLevel,
    RangeScore,
)
from stockops.documents.fields import field_values
from stockops.forecasting.ranges import LEVELS, RANGED
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON

Flags = npt.NDArray[np.bool_]

HORIZONS = range(1, HORIZON + 1)


def channels(evaluation: EvaluationSet) -> dict[str, Channel]:
    """Return the figures of every channel by horizon, None if no forecast has matured.

    mase is scaled by the mean daily change before the evaluation set (`mase_scale`), which may be of another era.
    """
    return {
        name: Channel(
            unit="shares" if channel == VOLUME else "percent of the close at the origin",
            horizons={str(days): _figures(evaluation, channel, days) for days in HORIZONS},
        )
        for channel, name in enumerate(OHLCV)
    }


def peer(evaluation: EvaluationSet, forecast: Floats) -> dict[str, dict[str, PeerFigures]]:
    """Return the figures of a baseline forecast by channel and horizon.

    forecast: (origins, 5, 5), in the units of the evaluation set; NaN in channels that it does not forecast.
    skill: against the channel's best naive forecast. model_skill: of the model against this baseline, with the p-value
    of the Diebold-Mariano test of both.
    """
    return {
        name: {
            str(days): found for days in HORIZONS if (found := _peer(evaluation, forecast, channel, days)) is not None
        }
        for channel, name in enumerate(OHLCV)
        if not np.isnan(forecast[..., channel]).all()
    }


def intervals(evaluation: EvaluationSet, peers: Mapping[str, Floats | None]) -> dict[str, RangeLevel]:
    """Return coverage and Winkler score of the ranges on Close by level, with those of other ranges.

    peers: bounds of the baselines in the units of the evaluation set, None for those without. best_range: the one with
    the smallest Winkler score among naive ranges and baselines; winkler_ratio: the model's score over each of theirs.
    """
    others = {name: bounds for name, bounds in peers.items() if bounds is not None}
    return {str(round(100 * level)): _level(evaluation, index, others) for index, level in enumerate(LEVELS)}


def extremes(evaluation: EvaluationSet) -> dict[str, dict[str, ExtremeLevel]]:
    """Return coverage and Winkler score of the ranges on High and Low, by level."""
    return {
        name: {str(round(100 * level)): _held(evaluation, name, index) for index, level in enumerate(LEVELS)}
        for name in RANGED[1:]
    }


def coverage_by_year(evaluation: EvaluationSet) -> dict[str, dict[str, float]]:
    """Return {year: {"forecasts": count, level in percent: share}} over all horizons."""
    found: dict[str, dict[str, float]] = {}
    for year in np.unique(evaluation.years):
        inside = [_inside(evaluation, index, evaluation.years == year) for index in range(len(LEVELS))]
        if len(inside[0]):
            shares = {str(round(100 * level)): float(hit.mean()) for level, hit in zip(LEVELS, inside, strict=True)}
            found[str(year)] = {"forecasts": len(inside[0]), **shares}
    return found


def crps(evaluation: EvaluationSet) -> dict[str, float]:
    """Return {days: CRPS of Close, in percent of the close at the origin}, as the weighted interval score."""
    found: dict[str, float] = {}
    for days in HORIZONS:
        actual = evaluation.actual[:, days - 1, CLOSE]
        known = ~np.isnan(actual)
        scores = {
            level: _winkler(evaluation.bounds[:, 0], evaluation, index, days)[known]
            for index, level in enumerate(LEVELS)
        }
        error = np.abs(evaluation.forecast[known, days - 1, CLOSE] - actual[known])
        found[str(days)] = _mean(weighted_interval_score(error, scores))
    return found


def _figures(evaluation: EvaluationSet, channel: int, days: int) -> HorizonFigures | None:
    actual = evaluation.actual[:, days - 1, channel]
    known = ~np.isnan(actual)
    if not known.any():
        return None
    actual, predicted = actual[known], evaluation.forecast[known, days - 1, channel]
    loss = np.abs(predicted - actual)
    naive = _naive_losses(evaluation, channel, days, known)
    best = min(naive, key=lambda name: float(naive[name].mean()))
    mae, step = float(loss.mean()), float(evaluation.step[channel])
    return HorizonFigures(
        forecasts=len(loss),
        mae=mae,
        rmse=float(np.sqrt((loss**2).mean())),
        mase=mae / step if step > 0 else None,
        mase_scale=step,
        naive_mae={name: float(losses.mean()) for name, losses in naive.items()},
        best_naive=best,
        skill=_skill(loss, naive[best]),
        skill_against={name: _skill(loss, losses) for name, losses in naive.items()},
        diebold_mariano={name: _test(loss, losses, days) for name, losses in naive.items()},
        direction=_direction(evaluation, channel, days, known),
    )


def _test(losses: Floats, others: Floats, days: int) -> DieboldMariano | None:
    found = diebold_mariano(losses, others, days)
    return None if found is None else DieboldMariano(statistic=found.statistic, p_value=found.p_value)


def _naive_losses(evaluation: EvaluationSet, channel: int, days: int, known: Flags) -> dict[str, Floats]:
    """Return the absolute errors of every naive forecast of a channel."""
    actual = evaluation.actual[known, days - 1, channel]
    predicted = {name: forecast[known, days - 1, channel] for name, forecast in evaluation.naive.items()}
    return {name: np.abs(values - actual) for name, values in predicted.items() if not np.isnan(values).any()}


def _skill(losses: Floats, others: Floats) -> float | None:
    """Return 1 - mean loss / mean loss of the others; None if theirs is zero."""
    reference = float(others.mean())
    return 1 - float(losses.mean()) / reference if reference > 0 else None


def _direction(evaluation: EvaluationSet, channel: int, days: int, known: Flags) -> Direction | None:
    """Return how often the forecast direction from the channel's last value was right, with naive accuracies.

    naive_accuracy: of `always up`, and of the naive forecasts that differ from the last value. Forecasts of no change
    and sessions without change are left out.
    """
    last = evaluation.last[known, channel]
    came = np.sign(evaluation.actual[known, days - 1, channel] - last)
    foretold = {name: forecast[known, days - 1, channel] for name, forecast in evaluation.naive.items()}
    ours = np.sign(evaluation.forecast[known, days - 1, channel] - last)
    moved = (ours != 0) & (came != 0)
    found = share(ours[moved] == came[moved], days)
    if found is None:
        return None
    naive = {"always up": float((came[moved] > 0).mean())}
    naive |= {
        name: float((np.sign(values - last)[moved] == came[moved]).mean())
        for name, values in foretold.items()
        if not np.isnan(values).any() and (values != last).any()
    }
    return Direction(
        forecasts=int(moved.sum()),
        accuracy=found.value,
        interval_95=(found.low, found.high),
        naive_accuracy=naive,
    )


def _peer(evaluation: EvaluationSet, forecast: Floats, channel: int, days: int) -> PeerFigures | None:
    actual, predicted = evaluation.actual[:, days - 1, channel], forecast[:, days - 1, channel]
    known = ~np.isnan(actual) & ~np.isnan(predicted)
    if not known.any():
        return None
    loss = np.abs(predicted[known] - actual[known])
    ours = np.abs(evaluation.forecast[known, days - 1, channel] - actual[known])
    naive = _naive_losses(evaluation, channel, days, known)
    best = min(naive.values(), key=lambda losses: float(losses.mean()))
    test = _test(ours, loss, days)
    return PeerFigures(
        forecasts=len(loss),
        mae=float(loss.mean()),
        skill=_skill(loss, best),
        model_skill=_skill(ours, loss),
        p_value=test.p_value if test else None,
    )


def _level(evaluation: EvaluationSet, index: int, peers: Mapping[str, Floats]) -> RangeLevel:
    found: dict[str, RangeComparison] = {}
    for days in HORIZONS:
        known = ~np.isnan(evaluation.actual[:, days - 1, CLOSE])
        own = _range(evaluation.bounds[:, 0], evaluation, index, days, known)
        if own is None:
            continue
        naive = {
            name: score.winkler for name, score in _ranges(evaluation.naive_ranges, evaluation, index, days, known)
        }
        others = dict(_ranges(peers, evaluation, index, days, known))
        rivals = naive | {name: score.winkler for name, score in others.items()}
        found[str(days)] = RangeComparison(
            forecasts=int(known.sum()),
            **field_values(own),
            naive_winkler=naive,
            winkler_ratio={name: own.winkler / theirs for name, theirs in rivals.items() if theirs > 0},
            best_range=min(rivals, key=rivals.__getitem__),
            peers=others,
        )
    coverage = _mean(_inside(evaluation, index, np.ones(len(evaluation.dates), dtype=bool)))
    return RangeLevel(coverage=coverage, horizons=found)


def _held(evaluation: EvaluationSet, name: str, index: int) -> ExtremeLevel:
    channel, bounds = OHLCV.index(name), evaluation.bounds[:, RANGED.index(name)]
    found: dict[str, ExtremeScore] = {}
    for days in HORIZONS:
        known = ~np.isnan(evaluation.actual[:, days - 1, channel])
        if own := _range(bounds, evaluation, index, days, known, channel):
            found[str(days)] = ExtremeScore(forecasts=int(known.sum()), **field_values(own))
    return ExtremeLevel(horizons=found)


def _range(
    bounds: Floats, evaluation: EvaluationSet, index: int, days: int, known: Flags, channel: int = CLOSE
) -> RangeScore | None:
    hit = share(_hits(bounds, evaluation, index, days, channel)[known], days)
    if hit is None:
        return None
    score = _mean(_winkler(bounds, evaluation, index, days, channel)[known])
    return RangeScore(coverage=hit.value, interval_95=(hit.low, hit.high), winkler=score)


def _ranges(
    bounds: Mapping[str, Floats], evaluation: EvaluationSet, index: int, days: int, known: Flags
) -> Iterator[tuple[str, RangeScore]]:
    for name, others in bounds.items():
        if found := _range(others, evaluation, index, days, known):
            yield name, found


def _hits(bounds: Floats, evaluation: EvaluationSet, index: int, days: int, channel: int = CLOSE) -> Flags:
    """Return which values fell inside their range."""
    actual, within = evaluation.actual[:, days - 1, channel], bounds[:, index, days - 1]
    return (within[:, 0] <= actual) & (actual <= within[:, 1])


def _inside(evaluation: EvaluationSet, index: int, chosen: Flags) -> Flags:
    """Return the hits of all horizons among the chosen origins whose target is known."""
    parts = [
        _hits(evaluation.bounds[:, 0], evaluation, index, days)[
            chosen & ~np.isnan(evaluation.actual[:, days - 1, CLOSE])
        ]
        for days in HORIZONS
    ]
    return np.concatenate(parts)


def _winkler(bounds: Floats, evaluation: EvaluationSet, index: int, days: int, channel: int = CLOSE) -> Floats:
    low, high = bounds[:, index, days - 1].T
    return winkler(low, high, evaluation.actual[:, days - 1, channel], LEVELS[index])


def _mean(values: Floats | Flags) -> float:
    return float(values.mean())
