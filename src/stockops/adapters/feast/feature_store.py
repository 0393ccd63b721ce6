"""The feature store on Feast (port FeatureStore): history in Parquet files, the latest session in SQLite or Redis.

What writes holds one lock per home: without it two processes that write Feast's registry undo each other, and
a materialisation puts back what a write has just replaced. What only reads holds none.
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

_COMPARED = 50  # tickers whose online vector `check` looks at
_LOCK_SECONDS = 10.0  # others write for milliseconds, and materialise hundreds of tickers for seconds


class FeastStore:
    """Port FeatureStore. redis_url "": the online store is a SQLite file in the home."""

    def __init__(self, *, home: Path, redis_url: str, timeout_seconds: float) -> None:
        self.needs = ("feast", "redis") if redis_url else ("feast",)
        self._folder = home / "feature_store"
        self._files = FeatureFiles(self._folder / "data" / "features.parquet")
        self._redis_url = redis_url
        self._timeout_seconds = timeout_seconds

    def write(self, ticker: str, features: "pd.DataFrame") -> bool:
        """Keep a ticker's history, unless it ends before the one that is kept, and put its last row online."""
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
        """Return the online vector, or None; a home without features is told without Feast."""
        if not (self._folder / "data" / "registry.db").exists():
            return None
        repository = self._repository
        with self._translate_errors():
            return repository.get(ticker)

    def apply(self) -> bool:
        """Register the definitions, in a new registry where the one that is there is damaged."""
        with self._writing() as repository:
            repository.mend()
            return _apply(repository)

    def materialize(self, until: datetime) -> None:
        """Put the latest offline row of every ticker, not after `until`, online."""
        with self._writing() as repository:
            _apply(repository)
            repository.materialize(until)

    def tickers(self) -> list[str]:
        """Return the tickers whose history is kept offline, sorted."""
        return self._files.tickers()

    def check(self) -> str:
        """Read every file and a vector; return Feast's version, the online store and how many tickers are kept."""
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
        """Raise ServiceError where an online vector is not that of its session: a flipped bit of it is no error."""
        wrong = []
        for ticker, time, *values in offline.head(_COMPARED).itertuples(index=False):
            vector = self.latest(ticker)
            if vector and vector.event_time == time and tuple(vector.values.values()) != tuple(values):
                wrong.append(ticker)
        self.latest(MARKET)  # there may be no ticker to look at: the store is tried all the same
        if wrong:
            cure = " ".join(f"--ticker {ticker}" for ticker in wrong)
            message = f"the online features of {', '.join(wrong)} are not those of their session"
            raise ServiceError(message, f"run: stockops features materialize {cure}", service="feast")

    @cached_property
    def _repository(self) -> "Repository":
        feast_import.load()
        from stockops.adapters.feast.repository import Repository

        if self._redis_url:
            self._redis()  # a wrong address is the user's mistake, not a service that is down
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
        """Give the repository to one process of the home at a time."""
        repository = self._repository
        with (
            self._translate_errors(),
            locked(self._folder / "data" / ".lock", _LOCK_SECONDS, "another process writes features"),
        ):
            yield repository

    def _translate_errors(self) -> AbstractContextManager[None]:
        return translate_errors(self._folder, self._redis_url)


def _apply(repository: "Repository") -> bool:
    """Register the definitions where they are not yet or have changed; tell whether that was so."""
    if repository.is_current():
        return False
    repository.apply()
    return True
