"""What the pipelines ask of the outside world, in the pipelines' words. Adapters keep these promises."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from stockops.records import EpochLoss

if TYPE_CHECKING:
    import pandas as pd

    from stockops.agent.news import NewsItem
    from stockops.agent.prompt import Message
    from stockops.arrays import Floats
    from stockops.backtesting.evaluation_set import BaselineForecast, EvaluationSet, Rows
    from stockops.documents.backtest import BacktestResult
    from stockops.errors import StockopsError
    from stockops.forecasting.forecast import Forecast
    from stockops.forecasting.scores import ModelEvaluation
    from stockops.market.ohlcv import RawBars
    from stockops.monitoring.drift import DriftReport
    from stockops.records import FeatureVector, Job, LedgerEntry, ModelRef, TrainingRun


T = TypeVar("T")


class BarFeed(Protocol):
    """Raw daily bars of one vendor or folder."""

    @property
    def name(self) -> str:
        """What `--source` calls it."""

    @property
    def live(self) -> bool:
        """True where bars still arrive, so that today's may be unfinished; False for files."""

    def bars(self, symbol: str, first: date, last: date) -> "RawBars":
        """Return what it has of the sessions from `first` to `last`.

        Raises DataError when the symbol is unknown, nothing lies in the span or the answer is malformed,
        TryAgainError when the vendor limits, times out or is down, UsageError when it is not set up.
        """


class ModelStore(Protocol):
    """The artifacts of models: checkpoints, their cards, scalers, metrics, pictures, forecasts, reports."""

    def read(self, ref: "ModelRef", what: str) -> bytes | None:
        """Return an artifact, or None where there is none.

        what: its name after the ticker and `_`, or a path below the ticker's folder, with a `/` in it.
        """

    def write(self, ref: "ModelRef", files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Write artifacts, each whole or not at all, in the order given; return their paths below the home."""

    def refs(self, *, apart: bool = False) -> "list[ModelRef]":
        """Return the models that have a checkpoint, the parent first; apart: those kept for looks back, too."""

    def lock(self, ref: "ModelRef") -> AbstractContextManager[object]:
        """Keep other processes from training the same model; TryAgainError when one does for too long."""

    def name(self, ref: "ModelRef", what: str) -> str:
        """Return an artifact's path below the home, for messages."""


class Plotter(Protocol):
    """The pictures of a report, as PNG files.

    worth: what the last backtest found of the model's method, or that there is none. unit: of prices, None where nobody
    says.
    """

    def predictions(self, evaluation: "ModelEvaluation", worth: str, unit: str | None) -> bytes:
        """Draw next-day forecasts against what came, one panel per OHLCV channel."""

    def residuals(self, evaluation: "ModelEvaluation", worth: str) -> bytes:
        """Draw what came less the next-day forecast, one panel per OHLCV channel."""

    def forecast(self, forecast: "Forecast") -> bytes:
        """Draw recent closes, the forecast path and its ranges."""

    def drift(self, ticker: str, report: "DriftReport", table: "pd.DataFrame") -> bytes:
        """Draw the features over both windows of a report that was not skipped."""

    def backtest(self, result: "BacktestResult", evaluation: "EvaluationSet") -> bytes:
        """Draw a backtest: skill by horizon, coverage by year, a hard month."""


class BlobCache(Protocol):
    """Where what took long to make waits for another call that would make the same; it may be emptied at any time."""

    def get(self, key: str) -> bytes | None:
        """Return what lies there, or None."""

    def put(self, key: str, data: bytes) -> None:
        """Lay something there, whole or not at all."""

    def lock(self, key: str) -> AbstractContextManager[object]:
        """Keep other processes from making the same; they wait, and TryAgainError when that takes too long."""


class BaselineForecaster(Protocol):
    """Statistical forecasters of others."""

    def forecasts(self, name: str, values: "Floats", rows: "Rows") -> "BaselineForecast":
        """Return the forecasts of one of them from each origin.

        values: OHLCV, (rows, 5), positive. rows: of the origins, in one run. It is fitted once, on what is before the
        first of them, and then told of every session up to the origin. UsageError where its library is not installed.
        """


class BackgroundWorkers(Protocol):
    """Processes that outlive the call that starts them, and how one tells that another lives."""

    @property
    def host_id(self) -> str:
        """Which machine and home: only tasks from here can be told dead."""

    def starting(self, task_id: str) -> AbstractContextManager[object]:
        """Keep other processes from starting the same task."""

    def is_starting(self, task_id: str) -> bool:
        """Tell whether a process is starting a task."""

    def start(self, job: "Job", ticker: str, task_id: str) -> None:
        """Start a worker and wait until it holds the task; ServiceError with its last words when it does not."""

    def hold(self, task_id: str) -> AbstractContextManager[object]:
        """Hold a task while the context lasts, in the worker; given up however the process ends."""

    def is_held(self, task_id: str) -> bool:
        """Tell whether a living worker holds a task."""

    def slot(self) -> AbstractContextManager[object]:
        """Wait for a place among the workers that may run at once, and keep it while the context lasts."""

    def log(self, task_id: str) -> str:
        """Return the path, below the home, of what the worker of a task says."""


class Executor(Protocol):
    """Where many tickers are worked on."""

    @property
    def max_parallel(self) -> int | None:
        """How many tickers are worked on at once; None where that is not for this machine to say."""

    def map(self, work: "Callable[[str], T]", tickers: Sequence[str]) -> "Iterator[tuple[str, T | StockopsError]]":
        """Return what `work`, which can be pickled, gives for each ticker, as they are done.

        A ticker whose worker is lost is worked on anew; an error where that does not help. Those that nobody waits
        for any more are not begun.
        """


class Progress(Protocol):
    """Where a long step says how far it is."""

    def epochs(self, label: str, total: int) -> AbstractContextManager[Callable[[EpochLoss], None]]:
        """Show a bar while the context lasts; call the function after each epoch."""


class GenerationProgress(Protocol):
    """Where a language model's answer shows that it comes."""

    def writing(self, label: str) -> AbstractContextManager[Callable[[int], None]]:
        """Show that somebody writes while the context lasts; call the function with the characters so far."""


class ProgressReporter(Progress, GenerationProgress, Protocol):
    """Both: what a request is given to tell how far it is."""


class Service(Protocol):
    """Something outside that a call may be able to do without.

    Every method of a service raises ServiceError, naming the service that does not serve, when it cannot keep
    its promise within a few seconds; nothing else that its library raises gets out.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """The services it stands on, as `degraded` names them."""

    def check(self) -> str:
        """Try it out; return its version and where it is, without secrets."""


class StateStore(Service, Protocol):
    """Key-value state with expiry and running totals, shared by every process of a home."""

    @property
    def in_home(self) -> bool:
        """Whether it is kept on the home's own disk."""

    def close(self) -> None:
        """Let go of what is open; the next use opens it again."""

    def get(self, key: str) -> bytes | None:
        """Return a value, or None where there is none or its time is over."""

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        """Keep a value for so long; an older one is replaced, its time too."""

    def delete(self, key: str) -> bool:
        """Forget a value; tell whether there was one."""

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin so, sorted."""

    def seconds_left(self, key: str) -> int | None:
        """Return how long a value has still to live; None where there is none."""

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to running totals, all or none; no increment is lost between processes."""

    def totals(self) -> dict[str, float]:
        """Return every running total."""


class FeatureStore(Service, Protocol):
    """The features of every ticker: all of history offline, the latest session online."""

    def write(self, ticker: str, features: "pd.DataFrame") -> bool:
        """Keep a ticker's history offline, whole or not at all, and put its last row online.

        features: the columns FEATURES, index the sessions' closes (aware, UTC, ascending), name event_timestamp.
        A history that ends before the one that is kept changes nothing; returns whether it was kept. The
        definitions are applied before, where they are not yet or have changed.
        """

    def latest(self, ticker: str) -> "FeatureVector | None":
        """Return the online vector; None where the store has none of this ticker, or nothing at all yet."""

    def apply(self) -> bool:
        """Register the definitions; tell whether they were new or had changed."""

    def materialize(self, until: datetime) -> None:
        """Put the latest offline row of every ticker, not after `until`, online."""

    def tickers(self) -> list[str]:
        """Return the tickers whose history is kept offline, sorted."""


class Tracker(Service, Protocol):
    """Where finished trainings are recorded and models registered."""

    def record(self, run: "TrainingRun") -> str:
        """Record a run with its files, register its model as the one in production; return the run's id."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a chat model sent, and which model it says it is. cut: it ran into its bound on tokens."""

    text: str
    model: str
    cut: bool = False


class ChatModel(Service, Protocol):
    """A language model that answers in JSON."""

    @property
    def name(self) -> str:
        """What `analyze` calls the provider, and `degraded` where it does not serve."""

    def complete(
        self,
        messages: "Sequence[Message]",
        schema: Mapping[str, Any],
        *,
        seconds: float,
        on_text: Callable[[int], None],
    ) -> Reply:
        """Return the whole answer to a conversation, within so many seconds; nobody has checked it yet.

        schema: JSON schema that the answer is bound to, as far as the server can. on_text: told how many
        characters have come.
        """


@dataclass(frozen=True, slots=True)
class ChatModelSpec:
    """A chat model that is configured; its libraries are imported when it is opened, which a kept report spares.

    model: what is asked for, "" for whatever the server has loaded.
    """

    name: str
    model: str
    open: Callable[[], ChatModel]


class Embedder(Service, Protocol):
    """Texts as vectors of `hash_embedding.DIMENSIONS` numbers; near in meaning, near in angle."""

    @property
    def name(self) -> str:
        """Which embedding: vectors of different names cannot be compared."""

    def embed(self, text: str) -> tuple[float, ...]:
        """Return the vector of a text."""


class NewsFeed(Service, Protocol):
    """Where headlines come from."""

    def reaches(self, last: datetime, now: datetime) -> bool:
        """Tell whether it still has what was written up to `last`; where not, nobody need ask."""

    def items(self, ticker: str, first: datetime, last: datetime) -> "list[NewsItem]":
        """Return what was written of a ticker in a span (aware), as it came; the caller selects and cleans."""


@dataclass(frozen=True, slots=True)
class ReportMatch:
    """A kept report that lies near a question: how near (cosine), and what was kept."""

    score: float
    payload: Mapping[str, Any]


class ReportStore(Service, Protocol):
    """Reports with the vector of the question that they answer."""

    def nearest(self, vector: Sequence[float], match: Mapping[str, str], *, since: float) -> ReportMatch | None:
        """Return the nearest entry whose payload has these values and a `timestamp` (seconds) not before `since`."""

    def put(self, key: str, vector: Sequence[float], payload: Mapping[str, Any], *, expire_before: float) -> None:
        """Keep an entry in the place of one of the same key; entries with an older timestamp are forgotten."""

    def entries(self, match: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Return the payloads that have these values, newest first; the texts of their reports may be left out."""

    def delete(self, match: Mapping[str, str]) -> None:
        """Forget the entries that have these values."""


class MetricsGateway(Service, Protocol):
    """Where metrics wait for Prometheus when the process that measured them has ended."""

    def push(self, exposition: bytes) -> None:
        """Replace what it holds of this home."""


class ForecastLedger(Service, Protocol):
    """Every forecast that was made, to be compared with what came."""

    def close(self) -> None:
        """Let go of what is open; the next use opens it again."""

    def append(self, entries: "Sequence[LedgerEntry]") -> None:
        """Add forecasts of one symbol; one that is there already is not added again."""

    def rows(self, ticker: str, kind: str, source: str) -> "list[LedgerEntry]":
        """Return the forecasts of a symbol, oldest origin first; as many origins as are kept."""
