"""Repairs suspicious bars if the defect is certain."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stockops.documents.prices import Repair
from stockops.market import plausibility
from stockops.market.ohlcv import PRICES
from stockops.market.suspicion import Suspicion

_ROUNDS = 5  # a repair may reveal what a larger defect had hidden


def repair(
    bars: pd.DataFrame, suspicions: Sequence[Suspicion], *, splits: bool
) -> tuple[pd.DataFrame, tuple[Repair, ...], tuple[Suspicion, ...]]:
    """Return the bars with certain defects repaired, the repairs, and the remaining suspicions.

    A split or a change of unit rescales the rows before it, a tick in another unit its own rows; any other tick is
    dropped, leaving a gap. Remaining suspicions refer to rows of the returned table. splits: as for plausibility.find.
    """
    done: list[Repair] = []
    left = tuple(suspicions)
    for _ in range(_ROUNDS):
        certain = [suspicion for suspicion in left if suspicion.certain]
        if not certain:
            break
        done += [_describe(bars, suspicion) for suspicion in certain]
        bars = _put_right(bars, certain)
        left = plausibility.find(bars, splits=splits)
    return bars, tuple(done), left


def _put_right(bars: pd.DataFrame, suspicions: Sequence[Suspicion]) -> pd.DataFrame:
    prices, volumes = np.ones(len(bars)), np.ones(len(bars))
    mask = np.ones(len(bars), dtype=bool)
    for suspicion in suspicions:
        rows = slice(suspicion.row, suspicion.end) if suspicion.kind == "tick" else slice(0, suspicion.row)
        if suspicion.prices is None:
            mask[rows] = False
        else:
            prices[rows] *= suspicion.prices
            volumes[rows] *= suspicion.volumes
    mended = bars.copy()
    mended[list(PRICES)] = mended[list(PRICES)].mul(prices, axis=0)
    mended["Volume"] *= volumes
    return mended[mask]


def _describe(bars: pd.DataFrame, suspicion: Suspicion) -> Repair:
    day = f"{pd.Timestamp(bars.index[suspicion.row]):%Y-%m-%d}"
    if suspicion.prices is None:
        done = "left out"
    elif suspicion.kind == "tick":
        done = f"its prices multiplied by {suspicion.prices:g}"
    else:
        done = f"earlier prices multiplied by {suspicion.prices:.6g}"
        done += f", volumes by {suspicion.volumes:g}" if suspicion.volumes != 1 else ""
    return Repair(date=day, kind=suspicion.kind, what=f"{suspicion.guess}: {done}")
