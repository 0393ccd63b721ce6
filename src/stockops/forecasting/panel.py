"""Many histories made into one to learn from: windows drawn evenly, so none outweighs another and no memory grows."""

from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from stockops.forecasting.covariates import Covariates
from stockops.forecasting.trainer import TrainingSet
from stockops.market.windows import Windows

MOST = 32_768  # windows, whatever the number of histories: minutes and a gigabyte while they are learnt from

Rows = npt.NDArray[np.int64]


def gathered(tables: Iterable[TrainingSet], count: int, *, symbol: str, seed: int) -> TrainingSet:
    """Return one table of windows of up to `count` histories, each of which gives as many or all that it has.

    Windows held out stay held out, and those that a split leaves out (`windows.make`) are left out. They come in the
    order of their days. A table is let go before the next is asked for, so memory holds what was drawn and one history.
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
    """Return a table of some of the windows."""
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
