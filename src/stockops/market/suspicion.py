"""The finding on a bar that looks like a vendor's mistake."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["split", "unit", "tick", "repeated", "foreign"]

ODDS = 2.5  # log odds of a defect over trading from which it is reported: twelve to one
CERTAIN = 5.0  # log odds from which it may be repaired


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A bar, or a run of bars, that trading hardly explains.

    row, end: the first row and the one after the last. guess: what may have happened. prices, volumes: factors that
    repair it, applied to the rows before `row` for a split or a change of unit, to the rows themselves for a tick;
    prices is None if the rows can only be dropped. certain: sure enough to repair.
    """

    kind: Kind
    row: int
    end: int
    guess: str
    prices: float | None = None
    volumes: float = 1.0
    certain: bool = False
