"""Settings -> live adapters, each created on first use. With `health_checks`, the only importer of `adapters`."""

import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stockops.errors import UsageError
from stockops.optional_services import OptionalServices
from stockops.ports import (
    BackgroundWorkers,
    BarFeed,
    BaselineForecaster,
    BlobCache,
    ChatModel,
    ChatModelSpec,
    Embedder,
    Executor,
    FeatureStore,
    ForecastLedger,
    MetricsGateway,
    ModelStore,
    NewsFeed,
    Plotter,
    ReportStore,
    StateStore,
    Tracker,
)
from stockops.records import Clock, PriceOptions
from stockops.settings import Settings

if TYPE_CHECKING:
    from stockops.adapters.llm.llm_http import LlmServer
    from stockops.adapters.market_data.finnhub_api import FinnhubApi
    from stockops.adapters.network.retries import RetryPolicy
    from stockops.adapters.prometheus.metrics_http import MetricsServer
    from stockops.adapters.storage.artifact_listing import ArtifactListing
    from stockops.market.calendar import TradingCalendar
    from stockops.monitoring.catalogue import Sample
    from stockops.pipelines.prices import PriceHistory


log = logging.getLogger("stockops.services")

_MOST_TEXT = 4 << 20


class Services:
    """The services available to a command; each is opened, and its library imported, on first use only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.optional = OptionalServices()

    def close(self) -> None:
        """Close the opened database files, so that each is complete without a log beside it; they reopen on use."""
        for name in ("state", "ledger"):
            if store := self.__dict__.get(name):
                store.close()

    @cached_property
    def clock(self) -> Clock:
        """The time of the call, and its `as_of` if set."""
        return Clock(datetime.now(UTC), self._settings.as_of)

    @staticmethod
    def wall_time() -> datetime:
        """Return the current time, for timestamps of events; results depend on `clock` instead."""
        return datetime.now(UTC)

    @cached_property
    def state(self) -> StateStore:
        """Key-value state: Redis if configured, else a file under `outputs/`."""
        if url := self._settings.redis_address:
            from stockops.adapters.storage.redis_state import RedisState

            return RedisState(url, self._settings.service_timeout_seconds)
        from stockops.adapters.storage.sqlite_state import SqliteState

        return SqliteState(self._settings.home / "outputs" / "state.db")

    @cached_property
    def features(self) -> FeatureStore | None:
        """Feast, unless switched off."""
        if self._settings.feature_store == "off":
            return None
        from stockops.adapters.feast.feature_store import FeastStore

        return FeastStore(
            home=self._settings.home,
            redis_url=self._settings.redis_address,
            timeout_seconds=self._settings.service_timeout_seconds,
        )

    @cached_property
    def tracker(self) -> Tracker | None:
        """MLflow, unless switched off: a server, DagsHub's, or a SQLite file under `mlruns/`."""
        if self._settings.tracking == "off":
            return None
        from stockops.adapters.mlflow.tracker import MlflowTracker

        settings = self._settings
        uri, hub = settings.mlflow_tracking_uri, ""
        if settings.dagshub_user_name and settings.dagshub_repo_name:
            hub = f"{settings.dagshub_url.rstrip('/')}/{settings.dagshub_user_name}/{settings.dagshub_repo_name}.mlflow"
        address = uri.get_secret_value() if uri else hub
        # The token is for DagsHub: never send it to another server.
        ours = settings.dagshub_token and address.startswith(settings.dagshub_url.rstrip("/") + "/")
        return MlflowTracker(
            home=settings.home,
            uri=address,
            username=(settings.dagshub_user_name or "") if ours else "",
            password=settings.dagshub_token.get_secret_value() if ours and settings.dagshub_token else "",
        )

    def workers(self, environment: Mapping[str, str]) -> BackgroundWorkers:
        """Return the background workers; `environment` passes this call's flags on to them."""
        from stockops.adapters.execution.worker_processes import WorkerProcesses

        return WorkerProcesses(self._settings.home, self._settings.max_workers, environment)

    def engine(self, threads: int) -> Executor:
        """Return the executor for many tickers; on a cluster, each ticker requests as many cores as `threads`."""
        settings = self._settings
        if settings.engine == "ray":
            from stockops.adapters.execution.ray_executor import RayExecutor

            if settings.ray_address and (files := self._in_files):
                log.warning("nodes of a cluster would share files that are safe on one machine only: set %s", files)
            return RayExecutor(settings.ray_address, threads)
        from stockops.adapters.execution.local_executor import LocalExecutor, cores

        return LocalExecutor(settings.jobs or cores())

    @property
    def _in_files(self) -> str:
        """The variables that would move to a server what is now in SQLite files."""
        settings = self._settings
        missing = [] if settings.redis_address else ["REDIS_URL"]
        if settings.tracking == "on" and not (settings.mlflow_tracking_uri or settings.dagshub_repo_name):
            missing.append("MLFLOW_TRACKING_URI")
        return " and ".join(missing)

    def history_digest(self, ticker: str) -> str:
        """Return a digest of the file with a ticker's bars; "" for a vendor, whose bars depend on the clock alone."""
        from stockops.adapters.market_data import source_files

        if self._settings.source == "csv" and self._settings.data_dir:
            return source_files.digest(source_files.csv(self._settings.data_dir, ticker))
        if self._settings.source == "sample":
            return source_files.digest(source_files.sample(ticker))
        return ""

    @cached_property
    def models(self) -> ModelStore:
        """Checkpoints and artifacts under `outputs/`."""
        from stockops.adapters.storage.model_files import ModelFiles

        return ModelFiles(self._settings.home, self._settings.lock_timeout_seconds)

    @cached_property
    def ledger(self) -> ForecastLedger:
        """Every forecast made."""
        from stockops.adapters.storage.sqlite_ledger import SqliteLedger

        return SqliteLedger(self._settings.home / "outputs" / "ledger.db")

    @cached_property
    def artifacts(self) -> "ArtifactListing":
        """The contents of `outputs/`."""
        from stockops.adapters.storage.artifact_listing import ArtifactListing

        return ArtifactListing(self._settings.home)

    @cached_property
    def plots(self) -> Plotter | None:
        """Plots as PNG files; None if switched off."""
        if self._settings.plots == "off":
            return None
        from stockops.adapters.charts.png_plotter import PngPlotter

        return PngPlotter()

    @cached_property
    def blob_cache(self) -> BlobCache:
        """Cache of the models trained by backtests."""
        from stockops.adapters.storage.blob_cache import FileBlobCache

        return FileBlobCache(self._settings.home / "cache" / "backtest", self._settings.lock_timeout_seconds)

    @cached_property
    def peers(self) -> BaselineForecaster:
        """Statistical baselines from third-party libraries."""
        from stockops.adapters.baselines.statistical import StatisticalBaselines

        return StatisticalBaselines()

    @cached_property
    def feed(self) -> BarFeed:
        """The source of daily bars set by `--source`; never replaced by another."""
        settings = self._settings
        if settings.source == "csv":
            from stockops.adapters.market_data.csv_feed import CsvFeed

            return CsvFeed(self.data_dir(), self.calendar_of)
        if settings.source == "sample":
            from stockops.adapters.market_data.sample_feed import SampleFeed

            return SampleFeed()
        from stockops.adapters.market_data.cached_feed import CachedFeed
        from stockops.adapters.network.retries import RetryPolicy

        retry = RetryPolicy(
            attempts=settings.http_attempts,
            first_wait_seconds=settings.http_wait_seconds,
            total_seconds=settings.http_total_seconds,
        )
        feed = self.vendor(settings.http_timeout_seconds, retry)
        return CachedFeed(feed, settings.home / "cache" / "prices" / feed.name, settings.downloads)

    @cached_property
    def price_options(self) -> PriceOptions:
        """Rules for accepting prices."""
        settings = self._settings
        return PriceOptions(
            max_missing=settings.max_missing_sessions,
            max_behind=settings.max_behind,
            policy=settings.prices,
            calendars=settings.calendar,
            currencies=settings.currency,
        )

    @cached_property
    def history(self) -> "PriceHistory":
        """The prices visible to this call."""
        from stockops.pipelines.prices import PriceHistory

        return PriceHistory(
            feed=self.feed,
            calendar_of=self.calendar_of,
            clock=self.clock,
            options=self.price_options,
            optional=self.optional,
        )

    def calendar_of(self, symbol: str) -> "TradingCalendar":
        """Return the trading calendar of a symbol, the configured one if there is one."""
        from stockops.market import calendar

        return calendar.of(symbol, self.price_options.calendars.of(symbol))

    def vendor(self, timeout_seconds: float, retry: "RetryPolicy") -> BarFeed:
        """Return the feed of a live source, without the price cache."""
        settings = self._settings
        if settings.source == "yahoo":
            from stockops.adapters.market_data.yahoo import YahooFeed

            return YahooFeed(
                calendar_of=self.calendar_of, cache_dir=self._yahoo_cache, timeout_seconds=timeout_seconds, retry=retry
            )
        from stockops.adapters.market_data.finnhub import FinnhubFeed

        return FinnhubFeed(self._finnhub(timeout_seconds, retry), self.calendar_of)

    def _finnhub(self, timeout_seconds: float, retry: "RetryPolicy") -> "FinnhubApi":
        from stockops.adapters.market_data.finnhub_api import FinnhubApi

        key = self._settings.finnhub_api_key
        if key is None:
            raise UsageError("--source finnhub needs a key", "set FINNHUB_API_KEY")
        return FinnhubApi(
            api_key=key.get_secret_value(),
            base_url=self._settings.finnhub_url,
            timeout_seconds=timeout_seconds,
            retry=retry,
        )

    @property
    def _yahoo_cache(self) -> Path:
        return self._settings.home / "cache" / "yfinance"

    @cached_property
    def news(self) -> NewsFeed | None:
        """Headlines: Finnhub's if there is a key, else Yahoo's; None if switched off."""
        settings = self._settings
        if settings.news == "off":
            return None
        if settings.finnhub_api_key:
            from stockops.adapters.market_data.finnhub_news import FinnhubNews
            from stockops.adapters.network.retries import RetryPolicy

            wait = min(1, settings.http_wait_seconds)  # reports do without news: they do not wait for long
            retry = RetryPolicy(attempts=2, first_wait_seconds=wait, total_seconds=settings.http_timeout_seconds)
            return FinnhubNews(self._finnhub(settings.http_timeout_seconds, retry))
        from stockops.adapters.market_data.yahoo_news import YahooNews

        return YahooNews(self._yahoo_cache, settings.http_timeout_seconds)

    @cached_property
    def chat_models(self) -> tuple[ChatModelSpec, ...]:
        """The configured language models, first choice first."""
        settings = self._settings
        models = []
        if settings.llama_cpp_base_url:
            models.append(ChatModelSpec("llama.cpp", settings.llm_model, self._open_llama_cpp))
        if settings.ollama_base_url:
            models.append(ChatModelSpec("ollama", settings.ollama_model, self._open_ollama))
        return tuple(models)

    def _open_llama_cpp(self) -> ChatModel:
        from stockops.adapters.llm.llama_cpp import LlamaCppChat

        settings = self._settings
        server = self._llama_cpp("llama.cpp", settings.llama_cpp_base_url or "")
        return LlamaCppChat(server, settings.llm_model, settings.llm_max_tokens)

    def _open_ollama(self) -> ChatModel:
        from stockops.adapters.llm.ollama import OllamaChat

        settings = self._settings
        server = self._ollama(settings.ollama_base_url or "")
        return OllamaChat(server, settings.ollama_model, settings.llm_max_tokens, settings.llm_context_tokens)

    @cached_property
    def embedders(self) -> tuple[Embedder, ...]:
        """The configured embedding servers, first choice first."""
        settings = self._settings
        if not (settings.llama_cpp_embed_url or settings.ollama_base_url):
            return ()
        from stockops.adapters.llm import embeddings

        model, seconds = settings.embed_model, settings.http_timeout_seconds
        embedders: list[Embedder] = []
        if settings.llama_cpp_embed_url:
            server = self._llama_cpp("llama.cpp embeddings", settings.llama_cpp_embed_url)
            embedders.append(embeddings.of_llama_cpp(server, model, seconds))
        if settings.ollama_base_url:
            embedders.append(embeddings.of_ollama(self._ollama(settings.ollama_base_url), model, seconds))
        return tuple(embedders)

    def _llama_cpp(self, service: str, url: str) -> "LlmServer":
        from stockops.adapters.llm.llm_http import LlmServer

        key = self._settings.llm_api_key
        return LlmServer(service, url.rstrip("/").removesuffix("/v1"), key.get_secret_value() if key else "")

    @staticmethod
    def _ollama(url: str) -> "LlmServer":
        from stockops.adapters.llm.llm_http import LlmServer

        return LlmServer("ollama", url.rstrip("/"))

    @cached_property
    def reports(self) -> ReportStore:
        """Cached reports: a Qdrant server if configured, else its in-process engine."""
        settings = self._settings
        if url := settings.qdrant_address:
            from stockops.adapters.vector_store.qdrant_server import QdrantServer

            key = settings.qdrant_api_key
            return QdrantServer(url, key.get_secret_value() if key else "", settings.service_timeout_seconds)
        from stockops.adapters.vector_store.qdrant_embedded import QdrantEmbedded

        return QdrantEmbedded(settings.home / "cache" / "stock_analysis")

    def gauges(self) -> "list[Sample]":
        """Return the gauges, read now: the machine, Redis, the artifacts."""
        from stockops.adapters.prometheus import artifact_gauges, host_metrics, redis_gauges

        settings = self._settings
        redis = redis_gauges.samples(settings.redis_address, settings.service_timeout_seconds)
        return [*host_metrics.samples(settings.home), *redis, *artifact_gauges.samples(settings.home)]

    @staticmethod
    def expose(totals: Mapping[str, float] | None, gauges: "Sequence[Sample]") -> bytes:
        """Return metrics in the Prometheus text format."""
        from stockops.adapters.prometheus.exposition import exposition

        return exposition(totals, gauges)

    @cached_property
    def gateway(self) -> MetricsGateway | None:
        """The pushgateway, None if not configured; by default each home is a separate instance."""
        settings = self._settings
        if settings.pushgateway_url is None:
            return None
        from stockops.adapters.prometheus.pushgateway import Pushgateway

        instance = settings.instance or f"{socket.gethostname()}:{settings.home}"
        return Pushgateway(settings.pushgateway_url.get_secret_value(), instance)

    @staticmethod
    def listener(listen: str, page: Callable[[], bytes]) -> "MetricsServer":
        """Return a server of /metrics; `page` is called for each scrape."""
        from stockops.adapters.prometheus.metrics_http import MetricsServer

        return MetricsServer(listen, page)

    def check_target(self, path: Path | None) -> None:
        """Raise UsageError, before any work is done, for an output file chosen by the user that must not be written."""
        if path is None:
            return
        from stockops.adapters.storage import user_files

        settings = self._settings
        user_files.check(path, settings.home, filter(None, (settings.data_dir, settings.tickers_file)))

    @staticmethod
    def write_file(path: Path, data: bytes) -> None:
        """Write a file chosen by the user, atomically."""
        from stockops.adapters.storage import user_files

        user_files.write(path, data)

    @staticmethod
    def read_text(path: Path) -> str:
        """Return the text of a file chosen by the user; ValueError says what is wrong with it."""
        from stockops.adapters.storage import regular_files

        try:
            return regular_files.read(path, _MOST_TEXT).decode("utf-8-sig")
        except FileNotFoundError:
            raise ValueError("is not there") from None
        except regular_files.NotAFileError as exc:
            raise ValueError(str(exc)) from None
        except UnicodeDecodeError:
            raise ValueError("is no UTF-8 text") from None

    def data_dir(self) -> Path:
        """Return the folder of `--source csv`; UsageError if unset or missing."""
        folder = self._settings.data_dir
        if folder is None:
            raise UsageError("--source csv needs a folder of <SYMBOL>.csv files", "give --data-dir DIR")
        if not folder.is_dir():
            raise UsageError(f"--data-dir {folder} is not a folder")
        return folder
