"""Frozen records that travel between stages, and the words both the CLI and the core use. No heavy imports."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal

Document = dict[str, Any]  # JSON, as a command prints or writes it

Source = Literal["yahoo", "finnhub", "csv", "sample"]
Strategy = Literal["freeze", "fine_tune"]
Split = Literal["random", "chronological"]
Device = Literal["auto", "cpu", "cuda"]
OnMissing = Literal["train", "background", "fail"]
Switch = Literal["on", "off"]
EngineName = Literal["local", "ray"]
Job = Literal["train-parent", "train-child", "predict-parent", "predict-child"]
TaskStatus = Literal["queued", "running", "completed", "failed"]
Recommendation = Literal["BULLISH", "BEARISH", "NEUTRAL"]
Confidence = Literal["High", "Medium", "Low"]
Sentiment = Literal["Positive", "Negative", "Mixed", "Neutral"]
Level = Literal["degraded", "critical"]  # of `--fail-on`
FailOn = Literal["worse", "tied"]  # of a backtest
DriftOn = Literal["levels", "returns"]
PricePolicy = Literal["strict", "repair", "trust"]
ReportKind = Literal["metrics", "forecast", "analysis", "drift", "eval", "performance", "backtest"]
Refit = Literal["never", "yearly"]
Baseline = Literal[
    "drift", "har", "garch", "parent", "scratch", "freeze", "fine_tune", "AutoARIMA", "AutoETS", "AutoTheta"
]

MARKET = "^GSPC"  # the parent's symbol: the S&P 500 index
METHOD = 3  # what a model's weights mean; raise it with every change of units, anchor or inputs
WORTH_A_WORD = 21  # sessions unseen by a model that are mentioned: a month
SCHEMA: Final = 1  # of every JSON document on stdout and under outputs/


@dataclass(frozen=True, slots=True)
class Clock:
    """The one clock: `now` is the caller's time (aware), `as_of` the day the call is made to believe in."""

    now: datetime
    as_of: date | None = None

    def until(self, day: date) -> "Clock":
        """Return the same clock, made to believe in that day where it does not believe in an earlier one."""
        return replace(self, as_of=min(day, self.as_of or day, self.now.date()))


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model: the parent (`^GSPC`) or a ticker's child; `as_of` marks one kept apart for a look back."""

    kind: Literal["parent", "child"]
    ticker: str
    as_of: date | None = None

    @classmethod
    def of(cls, ticker: str) -> "ModelRef":
        """Return the model of a ticker: the index has one, the parent."""
        return PARENT if ticker == MARKET else cls("child", ticker)

    @property
    def checkpoint(self) -> str:
        """The name of its checkpoint after the ticker and `_`."""
        return f"{self.kind}_model.pt"

    @property
    def task(self) -> str:
        """What `status` calls the background task that trains it."""
        return "parent" if self.kind == "parent" else self.ticker

    def places(self, as_of: date | None) -> tuple["ModelRef", ...]:
        """Where a model that a call as of that day may use can lie, first choice first."""
        return (self, replace(self, as_of=as_of)) if as_of else (self,)

    @property
    def command(self) -> str:
        """The command that trains it."""
        return "stockops train-parent" if self.kind == "parent" else f"stockops train-child --ticker {self.ticker}"


PARENT = ModelRef("parent", MARKET)


@dataclass(frozen=True, slots=True)
class PerSymbol:
    """A setting that may differ from symbol to symbol. every: of the symbols not named, the market's apart."""

    every: str | None = None
    named: tuple[tuple[str, str], ...] = ()

    def of(self, symbol: str) -> str | None:
        """Return what is set for a symbol."""
        return dict(self.named).get(symbol, None if symbol == MARKET else self.every)

    def __str__(self) -> str:
        """Return it as it is written in an environment variable."""
        return ",".join([*filter(None, [self.every]), *("=".join(pair) for pair in self.named)])


@dataclass(frozen=True, slots=True)
class PriceOptions:
    """What decides which prices are taken for true.

    max_missing: longest hole that is let pass. max_behind: sessions that a live history may end too early and still be
    forecast from. policy: what becomes of suspicious bars. calendars, currencies: where a symbol's own are not right.
    """

    max_missing: int = 3
    max_behind: int = 20
    policy: PricePolicy = "strict"
    calendars: PerSymbol = PerSymbol()
    currencies: PerSymbol = PerSymbol()


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a training was told. epochs None: 20 for the parent, 5 for one of a panel, 10 for a child.

    universe: symbols that the parent learns from beside the index.
    """

    strategy: Strategy = "freeze"
    split: Split = "random"
    epochs: int | None = None
    seed: int = 7
    device: Device = "auto"
    threads: int = 2
    universe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EpochLoss:
    """Mean absolute error of one epoch, of changes in the network's units; epoch 0 is before any training."""

    epoch: int
    loss: float | None
    validation_loss: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The features of one session as the online store has them; `event_time` is that session's close (UTC)."""

    ticker: str
    event_time: datetime
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A finished training, for the experiment tracker.

    model: name in the registry, None for a model that is not to be served (kept apart for a look back).
    model_tags: what a reader of the registry needs to use the model: its files, its input and output. doubt: why it
    should perhaps not be served, "" for no reason.
    """

    name: str
    started: datetime
    ended: datetime
    params: Mapping[str, str]
    tags: Mapping[str, str]
    history: tuple[EpochLoss, ...]
    metrics: Mapping[str, float]
    files: Mapping[str, bytes]
    model: str | None
    model_tags: Mapping[str, str]
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One forecast of one session, `horizon` sessions after its origin; prices as they were adjusted then."""

    ticker: str
    kind: str
    source: str
    model_version: str
    origin: date
    origin_close: float
    target: date
    horizon: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_80: tuple[float, float]
    close_95: tuple[float, float]
    made_at: str
