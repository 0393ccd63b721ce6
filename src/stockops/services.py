"""Settings -> live adapters, each on first use. The only importer of `adapters`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stockops.best_effort import BestEffort
from stockops.errors import UsageError
from stockops.ports import BarFeed, FeatureStore, ModelStore, Plotter, StateStore, Tracker, Workers
from stockops.records import Clock
from stockops.settings import Settings

if TYPE_CHECKING:
    from stockops.adapters.artifact_listing import ArtifactListing
    from stockops.adapters.retries import RetryPolicy


class Services:
    """What a command may ask for; nothing is opened, and no library imported, before it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.effort = BestEffort()

    @cached_property
    def clock(self) -> Clock:
        """The call's time and the day it is to believe in."""
        return Clock(datetime.now(UTC), self._settings.as_of)

    @staticmethod
    def wall_time() -> datetime:
        """Return the time of day, for records of what happens now; what a result depends on takes the clock."""
        return datetime.now(UTC)

    @cached_property
    def state(self) -> StateStore:
        """Key-value state: Redis where it is configured, else a file under `outputs/`."""
        if url := self._settings.redis_address:
            from stockops.adapters.redis_state import RedisState

            return RedisState(url, self._settings.service_timeout_seconds)
        from stockops.adapters.sqlite_state import SqliteState

        return SqliteState(self._settings.home / "outputs" / "state.db")

    @cached_property
    def features(self) -> FeatureStore | None:
        """Feast, unless it is switched off."""
        if self._settings.feature_store == "off":
            return None
        from stockops.adapters.feast_store import FeastStore

        return FeastStore(
            home=self._settings.home,
            redis_url=self._settings.redis_address,
            timeout_seconds=self._settings.service_timeout_seconds,
        )

    @cached_property
    def tracker(self) -> Tracker | None:
        """MLflow, unless it is switched off: a server, DagsHub's, or a SQLite file under `mlruns/`."""
        if self._settings.tracking == "off":
            return None
        from stockops.adapters.mlflow_tracker import MlflowTracker

        settings = self._settings
        uri, hub = settings.mlflow_tracking_uri, ""
        if settings.dagshub_user_name and settings.dagshub_repo_name:
            hub = f"{settings.dagshub_url.rstrip('/')}/{settings.dagshub_user_name}/{settings.dagshub_repo_name}.mlflow"
        address = uri.get_secret_value() if uri else hub
        # The token is DagsHub's: no other server is shown it.
        ours = settings.dagshub_token and address.startswith(settings.dagshub_url.rstrip("/") + "/")
        return MlflowTracker(
            home=settings.home,
            uri=address,
            username=(settings.dagshub_user_name or "") if ours else "",
            password=settings.dagshub_token.get_secret_value() if ours and settings.dagshub_token else "",
        )

    def workers(self, environment: Mapping[str, str]) -> Workers:
        """Return the background workers, told of this call's flags through their environment."""
        from stockops.adapters.worker_processes import WorkerProcesses

        return WorkerProcesses(self._settings.home, self._settings.max_workers, environment)

    def history_digest(self, ticker: str) -> str:
        """Return a digest of the file that a ticker's bars come from; "" for a vendor, whose bars the clock tells."""
        from stockops.adapters import source_files

        if self._settings.source == "csv" and self._settings.data_dir:
            return source_files.digest(source_files.csv(self._settings.data_dir, ticker))
        if self._settings.source == "sample":
            return source_files.digest(source_files.sample(ticker))
        return ""

    @cached_property
    def models(self) -> ModelStore:
        """Checkpoints and artifacts under `outputs/`."""
        from stockops.adapters.model_files import ModelFiles

        return ModelFiles(self._settings.home, self._settings.lock_timeout_seconds)

    @cached_property
    def artifacts(self) -> "ArtifactListing":
        """What lies under `outputs/`."""
        from stockops.adapters.artifact_listing import ArtifactListing

        return ArtifactListing(self._settings.home)

    @cached_property
    def plots(self) -> Plotter:
        """PNG pictures."""
        from stockops.adapters.plots import PngPlotter

        return PngPlotter()

    @cached_property
    def feed(self) -> BarFeed:
        """Where daily bars come from, as `--source` says; never swapped for another."""
        settings = self._settings
        if settings.source == "csv":
            from stockops.adapters.files import CsvFeed

            return CsvFeed(self.data_dir())
        if settings.source == "sample":
            from stockops.adapters.sample import SampleFeed

            return SampleFeed()
        from stockops.adapters.cached_feed import CachedFeed
        from stockops.adapters.retries import RetryPolicy

        retry = RetryPolicy(
            attempts=settings.http_attempts,
            first_wait_seconds=settings.http_wait_seconds,
            total_seconds=settings.http_total_seconds,
        )
        feed = self.vendor(settings.http_timeout_seconds, retry)
        return CachedFeed(feed, settings.home / "cache" / "prices" / feed.name)

    def vendor(self, timeout_seconds: float, retry: "RetryPolicy") -> BarFeed:
        """Return the feed of a live source as it is, without what was fetched before."""
        settings = self._settings
        if settings.source == "yahoo":
            from stockops.adapters.yahoo import YahooFeed

            folder = settings.home / "cache" / "yfinance"
            return YahooFeed(cache_dir=folder, timeout_seconds=timeout_seconds, retry=retry)
        from stockops.adapters.finnhub import FinnhubFeed

        key = settings.finnhub_api_key
        if key is None:
            raise UsageError("--source finnhub needs a key", "set FINNHUB_API_KEY")
        return FinnhubFeed(
            api_key=key.get_secret_value(),
            base_url=settings.finnhub_url,
            timeout_seconds=timeout_seconds,
            retry=retry,
        )

    def data_dir(self) -> Path:
        """Return the folder of `--source csv`; UsageError where there is none."""
        folder = self._settings.data_dir
        if folder is None:
            raise UsageError("--source csv needs a folder of <SYMBOL>.csv files", "give --data-dir DIR")
        if not folder.is_dir():
            raise UsageError(f"--data-dir {folder} is not a folder")
        return folder
