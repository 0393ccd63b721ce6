"""Frozen records that travel between stages, and the words both the CLI and the core use. No heavy imports."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Source = Literal["yahoo", "finnhub", "csv", "sample"]
Strategy = Literal["freeze", "fine_tune"]
Split = Literal["random", "chronological"]
Device = Literal["auto", "cpu", "cuda"]
OnMissing = Literal["train", "fail"]
Report = Literal["metrics", "forecast", "drift", "eval"]

SCHEMA = 1  # of every JSON document on stdout and under outputs/


@dataclass(frozen=True, slots=True)
class Clock:
    """The one clock: `now` is the caller's time (aware), `as_of` the day the call is made to believe in."""

    now: datetime
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model: the parent (`^GSPC`) or a ticker's child; `as_of` marks one kept apart for a look back."""

    kind: Literal["parent", "child"]
    ticker: str
    as_of: date | None = None

    @property
    def checkpoint(self) -> str:
        """The name of its checkpoint after the ticker and `_`."""
        return f"{self.kind}_model.pt"

    @property
    def command(self) -> str:
        """The command that trains it."""
        return "stockops train-parent" if self.kind == "parent" else f"stockops train-child --ticker {self.ticker}"


@dataclass(frozen=True, slots=True)
class EpochLoss:
    """Mean squared error of one epoch, on standardised changes; epoch 0 is before any training."""

    epoch: int
    loss: float | None
    validation_loss: float
    learning_rate: float
