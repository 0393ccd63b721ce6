"""Finds bars that briefly do not belong to their history: a move far away and back, or a repeated bar."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from stockops.arrays import Floats
from stockops.market.evidence import Evidence
from stockops.market.ohlcv import OHLCV
from stockops.market.suspicion import CERTAIN, ODDS, Suspicion

_SMALLEST = 0.26  # log of the smallest excursion considered: 30 %
_LONGEST = 3  # longest excursion, in sessions
_TICK = math.log(3e-5 / 8)  # prior of a bad bar per session, spread over a factor of e**4 in both directions
_UNITS = (100.0, 0.01, 1000.0, 0.001)
_SAME_UNIT = 0.15  # log tolerance for matching a unit, at least five usual moves: the price may have moved, too
_SPIKE, _BEYOND_USUAL = math.log(3.0), 60.0  # High or Low beyond the body: log of a factor, and multiple of the usual
_STUCK = 2  # repetitions of a bar that cannot be chance


def ticks(evidence: Evidence) -> Iterator[Suspicion]:
    """Yield runs of bars far from both neighbours, which are near each other."""
    done = 0
    for row in map(int, np.flatnonzero(np.abs(_largest(evidence)) > _SMALLEST)):
        if row < max(done, 1):
            continue
        for end in range(row + 1, min(row + _LONGEST, len(evidence) - 1) + 1):
            if found := _excursion(evidence, row, end):
                yield found
                done = found.end + 1
                break


def spikes(evidence: Evidence) -> Iterator[Suspicion]:
    """Yield bars of which only High or Low is far off."""
    bodies = np.stack([evidence.open, evidence.close])
    for name, beyond in (("High", evidence.high - bodies.max(axis=0)), ("Low", bodies.min(axis=0) - evidence.low)):
        for row in map(int, np.flatnonzero(beyond > _SPIKE)):
            if beyond[row] > _BEYOND_USUAL * evidence.scale(beyond, row) and not _is_a_storm(evidence, row):
                factor = math.exp(beyond[row])
                yield Suspicion(
                    "tick", row, row + 1, f"a {name} {factor:,.3g} times off the open and close: a bad tick"
                )


def repeated(bars: pd.DataFrame) -> Iterator[Suspicion]:
    """Yield runs of bars that repeat the one before in all five columns, despite trading."""
    values = bars[list(OHLCV)].to_numpy(dtype=float)
    same = np.r_[False, (values[1:] == values[:-1]).all(axis=1)] & (bars["Volume"].to_numpy() > 0)
    same &= bars["High"].to_numpy() > bars["Low"].to_numpy()
    edges = np.flatnonzero(np.diff(np.r_[False, same, False].astype(int)))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        if end - first >= _STUCK:
            guess = f"{end - first} bars that repeat the one before, its volume too: a feed that is stuck"
            yield Suspicion("repeated", int(first), int(end), guess)


def _largest(evidence: Evidence) -> Floats:
    """Return the larger move of each session, overnight or intraday, with which an excursion may begin."""
    larger: Floats = np.where(np.abs(evidence.gap) > np.abs(evidence.body), evidence.gap, evidence.body)
    return larger


def _excursion(evidence: Evidence, row: int, end: int) -> Suspicion | None:
    """Return the rows from `row` to before `end` as a bad tick, if the price at `end` is back near where it was."""
    before, after = float(evidence.close[row - 1]), float(evidence.open[end])
    away = float(np.median(evidence.close[row:end])) - before
    left = after - before
    if abs(away) < _SMALLEST or abs(left) > 0.4 * abs(away):
        return None
    odds = _TICK + evidence.as_bad_tick(row, end) - evidence.as_excursion(row, end)
    if odds < ODDS:
        return None
    steps = evidence.scale(evidence.step, row)
    unit = next((unit for unit in _UNITS if abs(away - math.log(unit)) < max(_SAME_UNIT, 5 * steps)), None)
    whole = abs(float(evidence.body[row])) < 0.5 * abs(away)
    guess = "away for one session and back" if end == row + 1 else f"away for {end - row} sessions and back"
    if unit and whole:
        return Suspicion("tick", row, end, f"{unit:g} times the price, {guess}: another unit", 1 / unit, 1.0, True)
    return Suspicion(
        "tick", row, end, f"{math.exp(away):.3g} times the price, {guess}: a bad tick", certain=odds > CERTAIN
    )


def _is_a_storm(evidence: Evidence, row: int) -> bool:
    """Return whether volume was so high that a price far away may be real."""
    volume = evidence.traded(row)
    return volume is not None and volume.spike() > 1.0
