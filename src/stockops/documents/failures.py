"""What a call, or one ticker of several, prints if it fails."""

from dataclasses import dataclass
from typing import Literal

from stockops.records import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error: its kind, named like the exit codes, what is wrong, and how to fix it."""

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCall:
    """The document of a call that failed as a whole."""

    schema: Literal[1] = SCHEMA
    error: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTicker:
    """The row of a ticker that failed."""

    schema: Literal[1] = SCHEMA
    ticker: str
    status: Literal["failed"] = "failed"
    error: Problem
