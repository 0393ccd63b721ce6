"""State in one SQLite file: the default, safe for every process of this machine, with no server to run."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stockops.adapters.locks import locked
from stockops.errors import ServiceError, StockopsError

_BUSY_SECONDS = 10.0  # writers queue; each holds the file for milliseconds
_FORMAT = 1
_TABLES = """
CREATE TABLE value (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL NOT NULL);
CREATE INDEX value_expires ON value (expires);
CREATE TABLE total (name TEXT PRIMARY KEY, total REAL NOT NULL);
"""


class SqliteState:
    """Port StateStore on a file; `now` is seconds since 1970, the same clock for every process."""

    needs = ("state",)

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._connection: sqlite3.Connection | None = None

    def get(self, key: str) -> bytes | None:
        """Return a value, or None."""
        rows = self._rows("SELECT value FROM value WHERE key = ? AND expires > ?", key, self._now())
        return bytes(rows[0][0]) if rows else None

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        """Keep a value for so long; what is over is swept out on the way."""
        now = self._now()
        with self._writing() as database:
            database.execute("DELETE FROM value WHERE expires <= ?", (now,))
            database.execute("REPLACE INTO value VALUES (?, ?, ?)", (key, value, now + seconds))

    def drop(self, key: str) -> bool:
        """Forget a value."""
        if self.seconds_left(key) is None:  # a file is made by the first value, not by the wish to be rid of one
            return False
        with self._writing() as database:
            gone = database.execute("DELETE FROM value WHERE key = ? AND expires > ?", (key, self._now()))
            return gone.rowcount > 0

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin so, sorted."""
        rows = self._rows("SELECT key FROM value WHERE expires > ? ORDER BY key", self._now())
        return [key for (key,) in rows if key.startswith(prefix)]

    def seconds_left(self, key: str) -> int | None:
        """Return how long a value has still to live."""
        rows = self._rows("SELECT expires FROM value WHERE key = ? AND expires > ?", key, self._now())
        return round(rows[0][0] - self._now()) if rows else None

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to running totals in one transaction."""
        with self._writing() as database:
            database.executemany(
                "INSERT INTO total VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET total = total + excluded.total",
                amounts.items(),
            )

    def totals(self) -> dict[str, float]:
        """Return every running total."""
        return dict(self._rows("SELECT name, total FROM total ORDER BY name"))

    def check(self) -> str:
        """Return SQLite's version and the file."""
        self._rows("SELECT key FROM value LIMIT 1")
        return f"SQLite {sqlite3.sqlite_version}, {self._path.parent.name}/{self._path.name}"

    def _rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a query finds; nothing where there is no file yet, and looking makes none."""
        with self._said():
            if self._connection is None and not self._path.exists():
                return []
            return self._open().execute(query, parameters).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give the database inside a transaction that holds the write lock from its start."""
        with self._said():
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            with database:  # commits, or rolls back what raised
                yield database

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            if _format_of(database) == 0:
                with locked(self._path.with_suffix(".lock"), _BUSY_SECONDS, f"another process is making {self._path}"):
                    _create(database)
            database.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last values, never the file
            self._connection = database
        return self._connection

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, StockopsError) as exc:
            message = f"the state store {self._path} cannot be used: {str(exc).splitlines()[0]}"
            hint = "move the file away (caches and task records are lost, models are not), or set REDIS_URL"
            raise ServiceError(message, hint, service="state") from exc


def _format_of(database: sqlite3.Connection) -> int:
    found = int(database.execute("PRAGMA user_version").fetchone()[0])
    if found > _FORMAT:
        raise sqlite3.DatabaseError(f"a newer stockops wrote it (format {found})")
    return found


def _create(database: sqlite3.Connection) -> None:
    """Make the tables, unless another process has just done so."""
    database.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
    if _format_of(database) == 0:
        database.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_FORMAT}; COMMIT;")
