"""Samples one training set from many histories: evenly, so that none dominates and memory stays bounded."""

from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from stockops.forecasting.covariates import Covariates
from stockops.forecasting.trainer import TrainingSet
from stockops.market.windows import Windows

MOST = 32_768  # windows in total, for any number of histories: training takes minutes and a gigabyte

Rows = npt.NDArray[np.int64]


def gathered(tables: Iterable[TrainingSet], count: int, *, symbol: str, seed: int) -> TrainingSet:
    """Return one training set with windows from up to `count` histories: an equal number from each, or all it has.

    Held-out windows stay held out; those in neither part of a split (`windows.make`) are dropped. Windows are sorted by
    target day. A history is released before the next is requested, so memory holds the sampled windows and one history.
    """
    draw = np.random.default_rng(seed)
    parts = [_drawn(table, MOST // count, draw) for table in tables]
    targets = [day for part in parts for day in part.targets_from]
    order = np.argsort(np.array(targets, dtype="datetime64[D]"), kind="stable")
    held_out = np.concatenate([_mask(part) for part in parts])[order]
    cut = Windows(
        context=np.concatenate([part.windows.context for part in parts])[order],
        target=np.concatenate([part.windows.target for part in parts])[order],
        training=np.flatnonzero(~held_out),
        validation=np.flatnonzero(held_out),
    )
    return TrainingSet(
        symbol, cut, _joined([part.covariates for part in parts], order), tuple(targets[i] for i in order)
    )


def _drawn(table: TrainingSet, most: int, draw: np.random.Generator) -> TrainingSet:
    """Return a training set of at most `most` windows, drawn at random."""
    cut = table.windows
    usable = np.sort(np.concatenate([cut.training, cut.validation]))
    chosen = np.sort(draw.permutation(usable)[:most])
    held_out = np.isin(chosen, cut.validation)
    return TrainingSet(
        symbol=table.symbol,
        windows=Windows(cut.context[chosen], cut.target[chosen], np.flatnonzero(~held_out), np.flatnonzero(held_out)),
        covariates=table.covariates.at(chosen),
        targets_from=tuple(table.targets_from[row] for row in chosen),
    )


def _mask(table: TrainingSet) -> npt.NDArray[np.bool_]:
    held_out = np.zeros(len(table.windows.context), dtype=bool)
    held_out[table.windows.validation] = True
    return held_out


def _joined(parts: Sequence[Covariates], order: Rows) -> Covariates:
    return Covariates(
        *(np.concatenate([getattr(part, one.name) for part in parts])[order] for one in fields(Covariates))
    )
