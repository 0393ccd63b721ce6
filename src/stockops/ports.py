"""Ports: what the pipelines need from the outside world, in the pipelines' terms. Adapters implement them."""

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
    """Source of raw daily bars: one vendor or folder."""

    @property
    def name(self) -> str:
        """Its name in `--source`."""

    @property
    def live(self) -> bool:
        """True if bars still arrive, so today's may be incomplete; False for files."""

    def bars(self, symbol: str, first: date, last: date) -> "RawBars":
        """Return the available sessions from `first` to `last`.

        Raises DataError if the symbol is unknown, the span is empty or the response is malformed, TryAgainError if the
        vendor rate-limits, times out or is down, UsageError if it is not configured.
        """


class ModelStore(Protocol):
    """Model artifacts: checkpoints, their cards, scalers, metrics, plots, forecasts, reports."""

    def read(self, ref: "ModelRef", what: str) -> bytes | None:
        """Return an artifact, or None if it does not exist.

        what: its name without the `<ticker>_` prefix, or a path containing `/`, relative to the ticker's folder.
        """

    def write(self, ref: "ModelRef", files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Write artifacts in the given order, each atomically; return their paths relative to the home."""

    def refs(self, *, apart: bool = False) -> "list[ModelRef]":
        """Return the models that have a checkpoint, the parent first; apart: include those stored under an `as_of`."""

    def lock(self, ref: "ModelRef") -> AbstractContextManager[object]:
        """Lock a model against training by other processes; TryAgainError on timeout."""

    def name(self, ref: "ModelRef", what: str) -> str:
        """Return an artifact's path relative to the home, for messages."""


class Plotter(Protocol):
    """Draws the plots of a report, each as a PNG.

    worth: the last backtest's finding on the model's method, or a note that there is none. unit: of prices, None if
    unknown.
    """

    def predictions(self, evaluation: "ModelEvaluation", worth: str, unit: str | None) -> bytes:
        """Plot next-day forecasts against actual values, one panel per OHLCV channel."""

    def residuals(self, evaluation: "ModelEvaluation", worth: str) -> bytes:
        """Plot the residuals, actual minus next-day forecast, one panel per OHLCV channel."""

    def forecast(self, forecast: "Forecast") -> bytes:
        """Plot recent closes, the forecast path and its prediction intervals."""

    def drift(self, ticker: str, report: "DriftReport", table: "pd.DataFrame") -> bytes:
        """Plot the features over both windows of a report that was not skipped."""

    def backtest(self, result: "BacktestResult", evaluation: "EvaluationSet") -> bytes:
        """Plot a backtest: skill by horizon, coverage by year, a hard month."""


class BlobCache(Protocol):
    """Cache of values that are expensive to compute; it may be emptied at any time."""

    def get(self, key: str) -> bytes | None:
        """Return the cached value, or None."""

    def put(self, key: str, data: bytes) -> None:
        """Cache a value atomically."""

    def lock(self, key: str) -> AbstractContextManager[object]:
        """Lock a key while its value is computed; other processes wait, with TryAgainError on timeout."""


class BaselineForecaster(Protocol):
    """Statistical baselines from third-party libraries."""

    def forecasts(self, name: str, values: "Floats", rows: "Rows") -> "BaselineForecast":
        """Return the forecasts of the named baseline from each origin.

        values: OHLCV, (rows, 5), positive. rows: consecutive row numbers of the origins. The model is fitted once, on
        data known at the first origin, then updated with each session. UsageError if its library is not installed.
        """


class BackgroundWorkers(Protocol):
    """Worker processes that outlive the call that starts them, with liveness checks between processes."""

    @property
    def host_id(self) -> str:
        """Identifies this machine and home: only tasks started here can be detected as dead."""

    def starting(self, task_id: str) -> AbstractContextManager[object]:
        """Lock a task against being started by other processes."""

    def is_starting(self, task_id: str) -> bool:
        """Return whether a process is starting a task."""

    def start(self, job: "Job", ticker: str, task_id: str) -> None:
        """Start a worker and wait until it holds the task; ServiceError with the end of its log if it fails to."""

    def hold(self, task_id: str) -> AbstractContextManager[object]:
        """Hold a task in the worker while the context lasts; released however the process ends."""

    def is_held(self, task_id: str) -> bool:
        """Return whether a live worker holds a task."""

    def slot(self) -> AbstractContextManager[object]:
        """Wait for one of the limited worker slots and hold it while the context lasts."""

    def log(self, task_id: str) -> str:
        """Return the path of the log of a task's worker, relative to the home."""


class Executor(Protocol):
    """Runs work for many tickers."""

    @property
    def max_parallel(self) -> int | None:
        """How many tickers are processed at once; None if this machine does not decide that."""

    def map(self, work: "Callable[[str], T]", tickers: Sequence[str]) -> "Iterator[tuple[str, T | StockopsError]]":
        """Yield each ticker with the result of `work`, which must be picklable, in order of completion.

        A ticker whose worker dies is retried, and yields an error if that fails. Once the caller stops iterating, no
        further tickers are started.
        """


class Progress(Protocol):
    """Reports the progress of a long step."""

    def epochs(self, label: str, total: int) -> AbstractContextManager[Callable[[EpochLoss], None]]:
        """Show a progress bar while the context lasts; call the yielded function after each epoch."""


class GenerationProgress(Protocol):
    """Reports that a language model is generating its answer."""

    def writing(self, label: str) -> AbstractContextManager[Callable[[int], None]]:
        """Show activity while the context lasts; call the yielded function with the number of characters so far."""


class ProgressReporter(Progress, GenerationProgress, Protocol):
    """Both kinds of progress, as passed to a request."""


class Service(Protocol):
    """An optional service: a call may be able to do without it.

    Every method raises ServiceError, naming the service that failed, if it cannot do its job within a few seconds; no
    other exception of the underlying library escapes.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """The services it depends on, by their names in `degraded`."""

    def check(self) -> str:
        """Test the service; return its version and address, without secrets."""


class StateStore(Service, Protocol):
    """Key-value state with expiry, plus running totals, shared by all processes of a home."""

    @property
    def in_home(self) -> bool:
        """Whether it is stored on the home's own disk."""

    def close(self) -> None:
        """Close open resources; the next use reopens them."""

    def get(self, key: str) -> bytes | None:
        """Return a value, or None if it is missing or expired."""

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        """Store a value that expires after `seconds`, replacing any previous value and its expiry."""

    def delete(self, key: str) -> bool:
        """Delete a value; return whether it existed."""

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, sorted."""

    def seconds_left(self, key: str) -> int | None:
        """Return the seconds until a value expires; None if there is none."""

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to running totals atomically; no increment is lost between processes."""

    def totals(self) -> dict[str, float]:
        """Return every running total."""


class FeatureStore(Service, Protocol):
    """Features of every ticker: the full history offline, the latest session online."""

    def write(self, ticker: str, features: "pd.DataFrame") -> bool:
        """Write a ticker's history offline, atomically, and its last row online; return whether it was written.

        features: columns FEATURES, index the sessions' closes (aware, UTC, ascending), named event_timestamp. A history
        that ends before the stored one is ignored. Missing or outdated definitions are registered on the way.
        """

    def latest(self, ticker: str) -> "FeatureVector | None":
        """Return the online vector; None if the store has none for this ticker, or is still empty."""

    def apply(self) -> bool:
        """Register the definitions; return whether they were new or had changed."""

    def materialize(self, until: datetime) -> None:
        """Write the latest offline row of every ticker, up to `until`, online."""

    def tickers(self) -> list[str]:
        """Return the tickers with an offline history, sorted."""


class Tracker(Service, Protocol):
    """Records finished training runs and registers models."""

    def record(self, run: "TrainingRun") -> str:
        """Record a run with its files and register its model, if any, as production; return the run id."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A chat model's answer and the model name it reports. cut: whether the answer hit the token limit."""

    text: str
    model: str
    cut: bool = False


class ChatModel(Service, Protocol):
    """A language model that answers in JSON."""

    @property
    def name(self) -> str:
        """The provider's name in `analyze` and, if it fails, in `degraded`."""

    def complete(
        self,
        messages: "Sequence[Message]",
        schema: Mapping[str, Any],
        *,
        seconds: float,
        on_text: Callable[[int], None],
    ) -> Reply:
        """Return the complete, unvalidated answer to a conversation within `seconds`.

        schema: JSON schema that constrains the answer, as far as the server supports it. on_text: called with the
        number of characters received so far.
        """


@dataclass(frozen=True, slots=True)
class ChatModelSpec:
    """A configured chat model; its libraries are imported only when it is opened, so a cached report needs none.

    model: the model requested, "" for whatever the server has loaded.
    """

    name: str
    model: str
    open: Callable[[], ChatModel]


class Embedder(Service, Protocol):
    """Embeds texts as vectors of `hash_embedding.DIMENSIONS` numbers; similar meaning, small angle."""

    @property
    def name(self) -> str:
        """The embedding's name; vectors of different names are not comparable."""

    def embed(self, text: str) -> tuple[float, ...]:
        """Return the vector of a text."""


class NewsFeed(Service, Protocol):
    """Source of headlines."""

    def reaches(self, last: datetime, now: datetime) -> bool:
        """Return whether it still has items published up to `last`; if not, there is no need to ask."""

    def items(self, ticker: str, first: datetime, last: datetime) -> "list[NewsItem]":
        """Return a ticker's items for a span (aware times) as received; the caller filters and cleans."""


@dataclass(frozen=True, slots=True)
class ReportMatch:
    """A cached report near a question: its cosine similarity and its payload."""

    score: float
    payload: Mapping[str, Any]


class ReportStore(Service, Protocol):
    """Cached reports, each with the vector of the question it answers."""

    def nearest(self, vector: Sequence[float], match: Mapping[str, str], *, since: float) -> ReportMatch | None:
        """Return the nearest entry whose payload has the values of `match` and a `timestamp` (seconds) >= `since`."""

    def put(self, key: str, vector: Sequence[float], payload: Mapping[str, Any], *, expire_before: float) -> None:
        """Store an entry, replacing any with the same key; delete entries with a timestamp before `expire_before`."""

    def entries(self, match: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Return the payloads with the values of `match`, newest first; the report texts may be left out."""

    def delete(self, match: Mapping[str, str]) -> None:
        """Delete the entries with the values of `match`."""


class MetricsGateway(Service, Protocol):
    """Holds metrics for Prometheus after the process that measured them has ended."""

    def push(self, exposition: bytes) -> None:
        """Replace this home's metrics."""


class ForecastLedger(Service, Protocol):
    """Every forecast made, for comparison with actual values later."""

    def close(self) -> None:
        """Close open resources; the next use reopens them."""

    def append(self, entries: "Sequence[LedgerEntry]") -> None:
        """Add forecasts of one symbol; duplicates are ignored."""

    def rows(self, ticker: str, kind: str, source: str) -> "list[LedgerEntry]":
        """Return the stored forecasts of a symbol, oldest origin first; only the latest origins are retained."""
