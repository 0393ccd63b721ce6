"""What a call, or one ticker of several, prints where it fails."""

from dataclasses import dataclass
from typing import Literal

from stockops.records import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error: its kind, as the exit codes are named, what is wrong, and the way out."""

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCall:
    """What a call prints that failed as a whole."""

    schema: Literal[1] = SCHEMA
    error: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTicker:
    """The row of a ticker that failed."""

    schema: Literal[1] = SCHEMA
    ticker: str
    status: Literal["failed"] = "failed"
    error: Problem
