"""Windows of a feature table, and the split into training and validation.

A window is 60 rows of context ending at its origin; its target is the 5 rows that follow.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from stockops.arrays import Floats
from stockops.errors import DataError
from stockops.records import Split

Rows = npt.NDArray[np.int64]

CONTEXT = 60  # sessions in a window
HORIZON = 5  # sessions forecast
VALIDATION = 0.2  # share of the windows held out
MIN_WINDOWS = 100  # with fewer, a held-out fifth is too small to mean anything
TRAINABLE = CONTEXT + HORIZON + MIN_WINDOWS - 1  # rows with features needed for that many
FORECASTABLE = CONTEXT + 1  # rows with features: one window, and one session to score it


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of one history.

    context: (windows, 60, 7); target: (windows, 5, 7), both in raw units, read-only views.
    training, validation: indices of windows, ascending, without overlap.
    """

    context: Floats
    target: Floats
    training: Rows
    validation: Rows


def make(values: Floats, *, symbol: str, split: Split, seed: int) -> Windows:
    """Cut a feature table, shape (rows, 7), into windows and split them.

    `random` holds out a random fifth: neighbours share 64 of 65 rows, so its validation loss can select an
    epoch but does not estimate future error. `chronological` holds out the latest fifth and drops
    the 5 windows before it, so that no row is a target in both. Raises DataError below 100 windows.
    """
    count = len(values) - CONTEXT - HORIZON + 1
    if count < MIN_WINDOWS:
        raise DataError(
            f"{symbol}: too few rows to train on: {len(values)} rows with features make {max(count, 0)} windows "
            f"of {CONTEXT} + {HORIZON} sessions, and {MIN_WINDOWS} are needed",
            f"wait for {MIN_WINDOWS - count} more sessions or use a longer history",
        )
    spans = sliding_window_view(values, CONTEXT + HORIZON, axis=0).transpose(0, 2, 1)
    training, validation = _split(count, split, seed)
    return Windows(spans[:, :CONTEXT], spans[:, CONTEXT:], training, validation)


def targets(values: Floats, rows: Rows) -> Floats:
    """Return the five rows after each origin, (origins, 5, ...), NaN past the last row. values: (rows, ...)."""
    padded = np.concatenate([values, np.full((HORIZON, *values.shape[1:]), np.nan)])
    found: Floats = padded[rows[:, None] + np.arange(1, HORIZON + 1)]
    return found


def _split(count: int, split: Split, seed: int) -> tuple[Rows, Rows]:
    held_out = round(count * VALIDATION)
    if split == "random":
        shuffled = np.random.default_rng(seed).permutation(count)
        return np.sort(shuffled[held_out:]), np.sort(shuffled[:held_out])
    first = count - held_out
    return np.arange(first - HORIZON), np.arange(first, count)
