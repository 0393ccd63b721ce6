"""Settings -> live adapters, each on first use. The only importer of `adapters`."""

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from stockops.errors import UsageError
from stockops.ports import BarFeed, ModelStore, Plotter
from stockops.records import Clock
from stockops.settings import Settings

if TYPE_CHECKING:
    from stockops.adapters.artifact_listing import ArtifactListing
    from stockops.adapters.retries import RetryPolicy


class Services:
    """What a command may ask for; nothing is opened, and no library imported, before it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def clock(self) -> Clock:
        """The call's time and the day it is to believe in."""
        return Clock(datetime.now(UTC), self._settings.as_of)

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
        return {"csv": self._csv, "sample": self._sample, "yahoo": self._yahoo, "finnhub": self._finnhub}[
            self._settings.source
        ]()

    def _csv(self) -> BarFeed:
        from stockops.adapters.files import CsvFeed

        folder = self._settings.data_dir
        if folder is None:
            raise UsageError("--source csv needs a folder of <SYMBOL>.csv files", "give --data-dir DIR")
        if not folder.is_dir():
            raise UsageError(f"--data-dir {folder} is not a folder")
        return CsvFeed(folder)

    def _sample(self) -> BarFeed:
        from stockops.adapters.sample import SampleFeed

        return SampleFeed()

    def _yahoo(self) -> BarFeed:
        from stockops.adapters.yahoo import YahooFeed

        cache = self._settings.home / "cache"
        feed = YahooFeed(
            cache_dir=cache / "yfinance",
            timeout_seconds=self._settings.http_timeout_seconds,
            retry=self._retry(),
        )
        return self._cached(feed)

    def _finnhub(self) -> BarFeed:
        from stockops.adapters.finnhub import FinnhubFeed

        key = self._settings.finnhub_api_key
        if key is None:
            raise UsageError("--source finnhub needs a key", "set FINNHUB_API_KEY")
        feed = FinnhubFeed(
            api_key=key.get_secret_value(),
            base_url=self._settings.finnhub_url,
            timeout_seconds=self._settings.http_timeout_seconds,
            retry=self._retry(),
        )
        return self._cached(feed)

    def _cached(self, feed: BarFeed) -> BarFeed:
        from stockops.adapters.cached_feed import CachedFeed

        return CachedFeed(feed, self._settings.home / "cache" / "prices" / feed.name)

    def _retry(self) -> "RetryPolicy":
        from stockops.adapters.retries import RetryPolicy

        return RetryPolicy(
            attempts=self._settings.http_attempts,
            first_wait_seconds=self._settings.http_wait_seconds,
            total_seconds=self._settings.http_total_seconds,
        )
