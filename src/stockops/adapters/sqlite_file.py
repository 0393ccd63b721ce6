"""A SQLite file that many processes of one machine read and write at once, and that looking does not make."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stockops.adapters.locks import locked
from stockops.errors import ServiceError, StockopsError

_BUSY_SECONDS = 10.0  # writers queue; each holds the file for milliseconds


class SqliteFile:
    """One file. tables: the SQL that makes them; format: raised when they change.

    service, what, hint: what a failure is called, of what it is, and the way out.
    """

    def __init__(self, path: Path, tables: str, form: int, *, service: str, what: str, hint: str) -> None:
        self._path = path
        self._tables = tables
        self._format = form
        self._service, self._what, self._hint = service, what, hint
        self._connection: sqlite3.Connection | None = None

    @property
    def place(self) -> str:
        """SQLite's version and the file."""
        return f"SQLite {sqlite3.sqlite_version}, {self._path.parent.name}/{self._path.name}"

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a query finds; nothing where there is no file yet."""
        with self._said():
            if self._connection is None and not self._path.exists():
                return []
            return self._open().execute(query, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the database inside a transaction that holds the write lock from its start."""
        with self._said():
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            with database:  # commits, or rolls back what raised
                yield database

    def close(self) -> None:
        """Close the file, if it is open: the last process to do so leaves it whole, without a log beside it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            if self._format_of(database) == 0:
                with locked(self._path.with_suffix(".lock"), _BUSY_SECONDS, f"another process is making {self._path}"):
                    self._create(database)
            database.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last values, never the file
            self._connection = database
        return self._connection

    def _format_of(self, database: sqlite3.Connection) -> int:
        found = int(database.execute("PRAGMA user_version").fetchone()[0])
        if found > self._format:
            raise sqlite3.DatabaseError(f"a newer stockops wrote it (format {found})")
        return found

    def _create(self, database: sqlite3.Connection) -> None:
        """Make the tables, unless another process has just done so."""
        database.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
        if self._format_of(database) == 0:
            made = f"BEGIN IMMEDIATE; {self._tables} PRAGMA user_version = {self._format}; COMMIT;"
            database.executescript(made)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, StockopsError) as exc:
            message = f"{self._what} {self._path} cannot be used: {str(exc).splitlines()[0]}"
            raise ServiceError(message, self._hint, service=self._service) from exc
