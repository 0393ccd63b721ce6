"""Frozen records passed between stages, and the vocabulary shared by the CLI and the core. No heavy imports."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal

Document = dict[str, Any]  # JSON that a command prints or writes

Source = Literal["yahoo", "finnhub", "csv", "sample"]
LIVE_SOURCES: tuple[Source, ...] = ("yahoo", "finnhub")  # bars still arrive
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
METHOD = 3  # version of what a model's weights mean; increment it when units, reference row or inputs change
WORTH_A_WORD = 21  # unseen sessions beyond which a model's age is mentioned: a month
SCHEMA: Final = 1  # version of every JSON document on stdout and under outputs/


@dataclass(frozen=True, slots=True)
class Clock:
    """The single clock: `now` is the caller's time (aware), `as_of` the day that the call treats as today, if set."""

    now: datetime
    as_of: date | None = None

    def until(self, day: date) -> "Clock":
        """Return this clock with `as_of` set to `day`, or to its own `as_of` or `now` if that is earlier."""
        return replace(self, as_of=min(day, self.as_of or day, self.now.date()))


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Identifies a model: the parent (`^GSPC`) or a ticker's child; one with an `as_of` is stored separately."""

    kind: Literal["parent", "child"]
    ticker: str
    as_of: date | None = None

    @classmethod
    def of(cls, ticker: str) -> "ModelRef":
        """Return the model of a ticker; that of the index is the parent."""
        return PARENT if ticker == MARKET else cls("child", ticker)

    @property
    def checkpoint(self) -> str:
        """The name of its checkpoint, without the `<ticker>_` prefix."""
        return f"{self.kind}_model.pt"

    @property
    def task(self) -> str:
        """The id in `status` of the background task that trains it."""
        return "parent" if self.kind == "parent" else self.ticker

    def places(self, as_of: date | None) -> tuple["ModelRef", ...]:
        """Where to look for a model that a call with this `as_of` may use, first choice first."""
        return (self, replace(self, as_of=as_of)) if as_of else (self,)

    @property
    def command(self) -> str:
        """The command that trains it."""
        return "stockops train-parent" if self.kind == "parent" else f"stockops train-child --ticker {self.ticker}"


PARENT = ModelRef("parent", MARKET)


@dataclass(frozen=True, slots=True)
class PerSymbol:
    """A setting that may differ by symbol. every: for all symbols not in `named`, except the market's."""

    every: str | None = None
    named: tuple[tuple[str, str], ...] = ()

    def of(self, symbol: str) -> str | None:
        """Return the value for a symbol, or None."""
        return dict(self.named).get(symbol, None if symbol == MARKET else self.every)

    def __str__(self) -> str:
        """Return the setting as written in an environment variable."""
        return ",".join([*filter(None, [self.every]), *("=".join(pair) for pair in self.named)])


@dataclass(frozen=True, slots=True)
class PriceOptions:
    """Rules for accepting prices.

    max_missing: longest accepted gap, in sessions. max_behind: sessions by which a live history may lag and still be
    forecast from. policy: handling of suspicious bars. calendars, currencies: overrides of a symbol's own.
    """

    max_missing: int = 3
    max_behind: int = 20
    policy: PricePolicy = "strict"
    calendars: PerSymbol = PerSymbol()
    currencies: PerSymbol = PerSymbol()


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of a training run. epochs None: 20 for the parent, 5 with a universe, 10 for a child.

    universe: symbols that the parent learns from in addition to the index.
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
    """Mean absolute error of one epoch, on changes in the network's units; epoch 0 precedes any training."""

    epoch: int
    loss: float | None
    validation_loss: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The features of one session from the online store; `event_time` is that session's close (UTC)."""

    ticker: str
    event_time: datetime
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A finished training run, for the experiment tracker.

    model: name in the registry, None for a model that is not to be served (trained for an `as_of`). model_tags: what a
    user of the registry needs to use the model: its files, input and output. doubt: a reason not to serve it, or "".
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
    """One forecast of one session, `horizon` sessions after its origin; prices as adjusted at that time."""

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
