"""A trial in figures: per channel and horizon, each beside its best naive forecast, and of the ranges."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stockops.arrays import Floats
from stockops.backtesting.evaluation_set import CLOSE, VOLUME, EvaluationSet
from stockops.backtesting.statistics import Proportion, diebold_mariano, share, weighted_interval_score, winkler
from stockops.forecasting.ranges import LEVELS, RANGED
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON
from stockops.records import Document

Flags = npt.NDArray[np.bool_]

HORIZONS = range(1, HORIZON + 1)


def channels(trial: EvaluationSet) -> Document:
    """Return {channel: {unit, horizons: {days: figures}}}; figures as `_figures` gives them, None without forecasts.

    mase has the mean daily change before the test as its scale (`mase_scale`), which may be of quite another era.
    """
    return {
        name: {
            "unit": "shares" if channel == VOLUME else "percent of the close at the origin",
            "horizons": {str(days): _figures(trial, channel, days) for days in HORIZONS},
        }
        for channel, name in enumerate(OHLCV)
    }


def peer(trial: EvaluationSet, forecast: Floats) -> Document:
    """Return how another forecast (origins, 5, 5), in the trial's units, did; NaN in channels it does not speak of.

    skill: against the channel's best naive forecast. model_skill: of the model against this peer, with the p-value of
    the Diebold-Mariano test of both.
    """
    return {
        name: {str(days): found for days in HORIZONS if (found := _peer(trial, forecast, channel, days)) is not None}
        for channel, name in enumerate(OHLCV)
        if not np.isnan(forecast[..., channel]).all()
    }


def intervals(trial: EvaluationSet, peers: Mapping[str, Floats | None]) -> Document:
    """Return {level in percent: {days: coverage and Winkler score, with those of other ranges}}, and of all days.

    peers: bounds of other forecasters in the trial's units, None of those without. best_range: whose Winkler score is
    the smallest among naive ranges and peers; winkler_ratio: the model's, divided by each of theirs.
    """
    others = {name: bounds for name, bounds in peers.items() if bounds is not None}
    return {str(round(100 * level)): _level(trial, index, others) for index, level in enumerate(LEVELS)}


def extremes(trial: EvaluationSet) -> Document:
    """Return {High, Low: {level in percent: {days: coverage and Winkler score}}}: how the ranges on those two held."""
    return {
        name: {str(round(100 * level)): _held(trial, name, index) for index, level in enumerate(LEVELS)}
        for name in RANGED[1:]
    }


def coverage_by_year(trial: EvaluationSet) -> Document:
    """Return {year: {forecasts, level in percent: share}} over all horizons."""
    found: Document = {}
    for year in np.unique(trial.years):
        inside = [_inside(trial, index, trial.years == year) for index in range(len(LEVELS))]
        if len(inside[0]):
            shares = {str(round(100 * level)): float(hit.mean()) for level, hit in zip(LEVELS, inside, strict=True)}
            found[str(year)] = {"forecasts": len(inside[0]), **shares}
    return found


def crps(trial: EvaluationSet) -> Document:
    """Return {days: CRPS of Close, in percent of the close at the origin}, as the weighted interval score."""
    found: Document = {}
    for days in HORIZONS:
        actual = trial.actual[:, days - 1, CLOSE]
        known = ~np.isnan(actual)
        scores = {level: _winkler(trial.bounds[:, 0], trial, index, days)[known] for index, level in enumerate(LEVELS)}
        error = np.abs(trial.forecast[known, days - 1, CLOSE] - actual[known])
        found[str(days)] = _mean(weighted_interval_score(error, scores))
    return found


def _figures(trial: EvaluationSet, channel: int, days: int) -> Document | None:
    actual = trial.actual[:, days - 1, channel]
    known = ~np.isnan(actual)
    if not known.any():
        return None
    actual, said = actual[known], trial.forecast[known, days - 1, channel]
    loss = np.abs(said - actual)
    naive = _naive_losses(trial, channel, days, known)
    best = min(naive, key=lambda name: float(naive[name].mean()))
    mae, step = float(loss.mean()), float(trial.step[channel])
    return {
        "forecasts": len(loss),
        "mae": mae,
        "rmse": float(np.sqrt((loss**2).mean())),
        "mase": mae / step if step > 0 else None,
        "mase_scale": step,
        "naive_mae": {name: float(losses.mean()) for name, losses in naive.items()},
        "best_naive": best,
        "skill": _skill(loss, naive[best]),
        "skill_against": {name: _skill(loss, losses) for name, losses in naive.items()},
        "diebold_mariano": {name: _test(loss, losses, days) for name, losses in naive.items()},
        "direction": _direction(trial, channel, days, known),
    }


def _test(losses: Floats, others: Floats, days: int) -> Document | None:
    found = diebold_mariano(losses, others, days)
    return None if found is None else {"statistic": found.statistic, "p_value": found.p_value}


def _naive_losses(trial: EvaluationSet, channel: int, days: int, known: Flags) -> dict[str, Floats]:
    """Return the absolute errors of every naive forecast of a channel."""
    actual = trial.actual[known, days - 1, channel]
    said = {name: forecast[known, days - 1, channel] for name, forecast in trial.naive.items()}
    return {name: np.abs(values - actual) for name, values in said.items() if not np.isnan(values).any()}


def _skill(losses: Floats, others: Floats) -> float | None:
    """Return 1 - mean loss / mean loss of the others; None where those never erred."""
    reference = float(others.mean())
    return 1 - float(losses.mean()) / reference if reference > 0 else None


def _direction(trial: EvaluationSet, channel: int, days: int, known: Flags) -> Document | None:
    """Return how often a forecast rise or fall from the channel's last value came, beside what is as easily had.

    naive_accuracy: of `always up`, and of the naive forecasts that differ from the last value. Forecasts of no change,
    and sessions without one, tell nothing and are left out.
    """
    last = trial.last[known, channel]
    came = np.sign(trial.actual[known, days - 1, channel] - last)
    foretold = {name: forecast[known, days - 1, channel] for name, forecast in trial.naive.items()}
    ours = np.sign(trial.forecast[known, days - 1, channel] - last)
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
    return {"forecasts": int(moved.sum()), **_shared("accuracy", found), "naive_accuracy": naive}


def _peer(trial: EvaluationSet, forecast: Floats, channel: int, days: int) -> Document | None:
    actual, said = trial.actual[:, days - 1, channel], forecast[:, days - 1, channel]
    known = ~np.isnan(actual) & ~np.isnan(said)
    if not known.any():
        return None
    loss = np.abs(said[known] - actual[known])
    ours = np.abs(trial.forecast[known, days - 1, channel] - actual[known])
    naive = _naive_losses(trial, channel, days, known)
    best = min(naive.values(), key=lambda losses: float(losses.mean()))
    test = _test(ours, loss, days)
    return {
        "forecasts": len(loss),
        "mae": float(loss.mean()),
        "skill": _skill(loss, best),
        "model_skill": _skill(ours, loss),
        "p_value": test and test["p_value"],
    }


def _level(trial: EvaluationSet, index: int, peers: Mapping[str, Floats]) -> Document:
    found: Document = {}
    for days in HORIZONS:
        known = ~np.isnan(trial.actual[:, days - 1, CLOSE])
        own = _range(trial.bounds[:, 0], trial, index, days, known)
        if own is None:
            continue
        naive = {name: found["winkler"] for name, found in _ranges(trial.naive_ranges, trial, index, days, known)}
        others = dict(_ranges(peers, trial, index, days, known))
        found[str(days)] = {
            "forecasts": int(known.sum()), **own, **_compared(own["winkler"], naive, others), "peers": others,
        }  # fmt: skip
    return {"coverage": _mean(_inside(trial, index, np.ones(len(trial.dates), dtype=bool))), "horizons": found}


def _held(trial: EvaluationSet, name: str, index: int) -> Document:
    channel, bounds, found = OHLCV.index(name), trial.bounds[:, RANGED.index(name)], {}
    for days in HORIZONS:
        known = ~np.isnan(trial.actual[:, days - 1, channel])
        if own := _range(bounds, trial, index, days, known, channel):
            found[str(days)] = {"forecasts": int(known.sum()), **own}
    return {"horizons": found}


def _range(
    bounds: Floats, trial: EvaluationSet, index: int, days: int, known: Flags, channel: int = CLOSE
) -> Document | None:
    hit = share(_hits(bounds, trial, index, days, channel)[known], days)
    return (
        None
        if hit is None
        else {**_shared("coverage", hit), "winkler": _mean(_winkler(bounds, trial, index, days, channel)[known])}
    )


def _ranges(
    bounds: Mapping[str, Floats], trial: EvaluationSet, index: int, days: int, known: Flags
) -> Iterator[tuple[str, Document]]:
    for name, others in bounds.items():
        if found := _range(others, trial, index, days, known):
            yield name, found


def _compared(score: float, naive: Mapping[str, float], peers: Mapping[str, Document]) -> Document:
    others = {**naive, **{name: found["winkler"] for name, found in peers.items()}}
    ratios = {name: score / other for name, other in others.items() if other > 0}
    return {"naive_winkler": dict(naive), "winkler_ratio": ratios, "best_range": min(others, key=others.__getitem__)}


def _hits(bounds: Floats, trial: EvaluationSet, index: int, days: int, channel: int = CLOSE) -> Flags:
    """Tell which values fell into their range."""
    actual, within = trial.actual[:, days - 1, channel], bounds[:, index, days - 1]
    return (within[:, 0] <= actual) & (actual <= within[:, 1])


def _inside(trial: EvaluationSet, index: int, chosen: Flags) -> Flags:
    """Return the hits of all horizons among the chosen origins, those whose target has come."""
    parts = [
        _hits(trial.bounds[:, 0], trial, index, days)[chosen & ~np.isnan(trial.actual[:, days - 1, CLOSE])]
        for days in HORIZONS
    ]
    return np.concatenate(parts)


def _winkler(bounds: Floats, trial: EvaluationSet, index: int, days: int, channel: int = CLOSE) -> Floats:
    low, high = bounds[:, index, days - 1].T
    return winkler(low, high, trial.actual[:, days - 1, channel], LEVELS[index])


def _shared(name: str, found: Proportion) -> Document:
    return {name: found.value, "interval_95": [found.low, found.high]}


def _mean(values: npt.NDArray[Any]) -> float:
    return float(values.mean())
