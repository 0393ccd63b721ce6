"""The feature store on Feast (port FeatureStore): history in Parquet files, the latest session in SQLite or Redis.

Writers hold one lock per home: without it two processes writing Feast's registry overwrite each other's changes, and a
materialisation restores what a write has just replaced. Readers hold none.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stockops.adapters.feast import feast_import
from stockops.adapters.feast.failures import translate_errors
from stockops.adapters.feast.ticker_files import FeatureFiles, table
from stockops.adapters.storage import sqlite_pages
from stockops.adapters.storage.locks import locked
from stockops.errors import ServiceError
from stockops.records import MARKET, FeatureVector

if TYPE_CHECKING:
    import pandas as pd
    import redis

    from stockops.adapters.feast.repository import Repository

_COMPARED = 50  # tickers whose online vector `check` verifies
_LOCK_SECONDS = 10.0  # a write takes milliseconds, materialising hundreds of tickers takes seconds


class FeastStore:
    """Port FeatureStore. redis_url "": the online store is a SQLite file in the home."""

    def __init__(self, *, home: Path, redis_url: str, timeout_seconds: float) -> None:
        self.needs = ("feast", "redis") if redis_url else ("feast",)
        self._folder = home / "feature_store"
        self._files = FeatureFiles(self._folder / "data" / "features.parquet")
        self._redis_url = redis_url
        self._timeout_seconds = timeout_seconds

    def write(self, ticker: str, features: "pd.DataFrame") -> bool:
        """Write a ticker's history, unless it ends before the stored one, and its last row online."""
        rows = table(ticker, features)
        with self._writing() as repository:
            last = self._files.last(ticker)
            if last is not None and features.index[-1] < last:
                return False
            self._files.write(ticker, rows)
            _apply(repository)
            repository.put(rows.iloc[-1:])
        return True

    def latest(self, ticker: str) -> FeatureVector | None:
        """Return the online vector, or None; a home without features is detected without importing Feast."""
        if not (self._folder / "data" / "registry.db").exists():
            return None
        repository = self._repository
        with self._translate_errors():
            return repository.get(ticker)

    def apply(self) -> bool:
        """Register the definitions, in a new registry if the existing one is damaged."""
        with self._writing() as repository:
            repository.mend()
            return _apply(repository)

    def materialize(self, until: datetime) -> None:
        """Write the latest offline row of every ticker, up to `until`, online."""
        with self._writing() as repository:
            _apply(repository)
            repository.materialize(until)

    def tickers(self) -> list[str]:
        """Return the tickers with an offline history, sorted."""
        return self._files.tickers()

    def check(self) -> str:
        """Check every file and the online vectors; return Feast's version, the online store and the ticker count."""
        version = feast_import.load()
        online = self._ping() if self._redis_url else "SQLite"
        with self._translate_errors():
            database = self._folder / "data" / "online_store.db"
            if not self._redis_url and database.is_file():
                sqlite_pages.check(database)
            offline = self._files.latest()
        self._compare(offline)
        return f"{version}, online in {online}, {len(offline)} tickers offline"

    def _compare(self, offline: "pd.DataFrame") -> None:
        """Raise ServiceError if an online vector differs from its session's: a flipped bit in it raises nothing."""
        wrong = []
        for ticker, time, *values in offline.head(_COMPARED).itertuples(index=False):
            vector = self.latest(ticker)
            if vector and vector.event_time == time and tuple(vector.values.values()) != tuple(values):
                wrong.append(ticker)
        self.latest(MARKET)  # there may be no ticker to compare: query the store anyway
        if wrong:
            cure = " ".join(f"--ticker {ticker}" for ticker in wrong)
            message = f"the online features of {', '.join(wrong)} are not those of their session"
            raise ServiceError(message, f"run: stockops features materialize {cure}", service="feast")

    @cached_property
    def _repository(self) -> "Repository":
        feast_import.load()
        from stockops.adapters.feast.repository import Repository

        if self._redis_url:
            self._redis()  # a wrong address is a user error, not a service that is down
        return Repository(self._folder, self._redis_url, self._timeout_seconds)

    def _redis(self) -> "redis.Redis":
        from stockops.adapters.storage import redis_client

        return redis_client.connect(self._redis_url, self._timeout_seconds)

    def _ping(self) -> str:
        from stockops.adapters.storage import redis_client

        server = self._redis()
        with self._translate_errors():
            server.ping()
        return f"Redis at {redis_client.address(self._redis_url)}"

    @contextmanager
    def _writing(self) -> Iterator["Repository"]:
        """Yield the repository under the home's write lock."""
        repository = self._repository
        with (
            self._translate_errors(),
            locked(self._folder / "data" / ".lock", _LOCK_SECONDS, "another process writes features"),
        ):
            yield repository

    def _translate_errors(self) -> AbstractContextManager[None]:
        return translate_errors(self._folder, self._redis_url)


def _apply(repository: "Repository") -> bool:
    """Register the definitions if they are missing or have changed; return whether they were."""
    if repository.is_current():
        return False
    repository.apply()
    return True
