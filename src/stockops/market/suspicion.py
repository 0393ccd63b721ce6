"""What is said of a bar that looks like a vendor's mistake."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["split", "unit", "tick", "repeated", "foreign"]

ODDS = 2.5  # log odds of a defect over trading from which it is said: twelve to one
CERTAIN = 5.0  # from which it may be repaired


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A bar, or a run of them, that trading hardly explains.

    row, end: the first row and the one after the last. guess: what may have happened. prices, volumes: what puts it
    right, as factors: of the rows before `row` for a split or a change of unit, of the rows themselves for a tick;
    None where only leaving the rows out would. certain: sure enough to repair.
    """

    kind: Kind
    row: int
    end: int
    guess: str
    prices: float | None = None
    volumes: float = 1.0
    certain: bool = False
