"""Finds rows where the price level shifts: an unadjusted split, a change of unit, another series."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from stockops.market.evidence import Evidence
from stockops.market.split_ratios import RATIOS
from stockops.market.suspicion import CERTAIN, ODDS, Suspicion

_SMALLEST = 0.26  # log of the smallest gap considered: 30 %
_OUTLIER = 8.0  # minimum size of a move, in scales of its neighbours
_LEAST = 0.4  # log; falls by a quarter are common, so smaller splits are accepted only if declared
_CLOSE = 6.0  # largest distance from a ratio for a certain repair, in usual daily moves
_NEAR = 0.35  # largest log distance for a ratio to be considered
_SMALL_SPLIT, _UNCONFIRMED = 0.75, 3.0  # log size and extra odds: splits up to 2-for-1 that volume does not confirm
_SMALLEST_SPLIT, _DOUBTED = 0.55, 3.0  # the same for splits up to 3-for-2, always: shares do lose a third
_LAST = 1.5  # odds subtracted on the last two rows, which the vendor has not corrected yet

_UNITS = {100: 0.15, 1000: 0.01}  # pence and pounds, cents and dollars; a currency that dropped three zeros
_SHIFT = math.log(1e-3)  # prior of a split or a change of unit, per session
_BREAK = math.log(3e-7 / 8)  # prior of another series per session, spread over a factor of e**4 in both directions
_BAD_LAST = math.log(1e-3 / 8)  # prior of a bad tick on the last row, which is not corrected yet


def shifts(evidence: Evidence, *, splits: bool) -> Iterator[Suspicion]:
    """Yield the rows where the price level shifts. splits: whether the symbol can split."""
    large = (np.abs(evidence.gap) > _SMALLEST) & (np.abs(evidence.step) > 0.8 * _SMALLEST)
    for row in map(int, np.flatnonzero(large)):
        if _stands_out(evidence, row) and (found := _shift(evidence, row, splits)):
            yield found


def _stands_out(evidence: Evidence, row: int) -> bool:
    gaps, steps = evidence.overnight(row), evidence.scale(evidence.step, row)
    return bool(min(abs(evidence.gap[row]) / gaps, abs(evidence.step[row]) / steps) > _OUTLIER)


def _shift(evidence: Evidence, row: int, splits: bool) -> Suspicion | None:
    """Return the best explanation if it is far more likely than trading, else None."""
    guesses = [_another_series(evidence, row), *_units(evidence, row), *(_ratios(evidence, row) if splits else ())]
    density, guess = max(guesses, key=lambda pair: pair[0])
    odds, needed = density - evidence.as_trading(row), ODDS
    if guess.kind == "split":
        needed += _doubts(evidence, guess)
    if row >= len(evidence) - 2:
        needed -= _LAST
    if odds < needed:
        return None
    found: Suspicion = replace(guess, certain=odds > CERTAIN and _is_borne_out(evidence, guess))
    return found


def _doubts(evidence: Evidence, guess: Suspicion) -> float:
    """Return the extra log odds that a small split needs: moves of its size do happen."""
    size = abs(math.log(guess.volumes))
    needed = _DOUBTED if size < _SMALLEST_SPLIT else 0.0
    return needed + (_UNCONFIRMED if size < _SMALL_SPLIT and not _volume_agrees(evidence, guess, 0.0) else 0.0)


def _units(evidence: Evidence, row: int) -> Iterator[tuple[float, Suspicion]]:
    for size, share in _UNITS.items():
        for factor in (size, 1 / size):
            if abs(evidence.gap[row] - math.log(factor)) < _NEAR:
                density = _SHIFT + math.log(share) + evidence.as_shift(row, math.log(factor), 0.0)
                way = f"{size:,} times" if factor > 1 else f"a {'hundredth' if size == 100 else 'thousandth'} of"
                yield density, Suspicion("unit", row, row + 1, f"{way} the last close: a change of unit", factor)


def _ratios(evidence: Evidence, row: int) -> Iterator[tuple[float, Suspicion]]:
    for (new, old), share in RATIOS.items():
        factor = math.log(old / new)
        if abs(factor) > _LEAST and abs(evidence.gap[row] - factor) < _NEAR:
            density = _SHIFT + math.log(share) + evidence.as_shift(row, factor, -factor)
            guess = f"a {new}-for-{old} split that the rows before are not adjusted for"
            yield density, Suspicion("split", row, row + 1, guess, old / new, new / old)


def _another_series(evidence: Evidence, row: int) -> tuple[float, Suspicion]:
    """Return density and guess for a price that no ratio explains; on the last row it may also be a bad tick."""
    if row == len(evidence) - 1:
        guess = Suspicion("foreign", row, row + 1, "a bad tick, or a price of another series")
        return _BAD_LAST + evidence.as_other(row), guess
    guess = Suspicion("foreign", row, row + 1, "prices of another series, or in another currency")
    return _BREAK + evidence.as_other(row), guess


def _is_borne_out(evidence: Evidence, guess: Suspicion) -> bool:
    """Return whether the ratio fits closely and, for a split, volume agrees; for a unit, it has lasted."""
    if guess.prices is None:
        return False
    missed = abs(float(evidence.gap[guess.row]) - math.log(guess.prices))
    if missed > _CLOSE * evidence.scale(evidence.step, guess.row):
        return False
    if guess.kind == "unit":
        return guess.row < len(evidence) - 2
    return _volume_agrees(evidence, guess, 1)


def _volume_agrees(evidence: Evidence, guess: Suspicion, odds: float) -> bool:
    """Return whether a volume shift by the split is likelier than none, by more than these log odds."""
    volume = evidence.traded(guess.row)
    return volume is not None and volume.shift(math.log(guess.volumes)) - volume.shift(0.0) > odds
