"""A SQLite file shared by many processes on one machine; reading never creates it."""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stockops.adapters.storage import regular_files, sqlite_pages
from stockops.adapters.storage.atomic_write import created_whole
from stockops.adapters.storage.locks import locked
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.errors import ServiceError, StockopsError
from stockops.wording import one_line

_BUSY_SECONDS = 10.0  # writers queue; each holds the lock for milliseconds


class SqliteFile:
    """One SQLite file, opened on first use.

    tables: SQL that creates the tables. form: their format version, raised when they change. rebuild: upgrades them
    from the previous format. service, what, hint: the service, subject and default hint of a ServiceError.
    """

    def __init__(
        self,
        path: Path,
        tables: str,
        form: int,
        *,
        service: str,
        what: str,
        hint: str,
        rebuild: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> None:
        self._path = path
        self._rebuild = rebuild
        self._tables = tables
        self._format = form
        self._service, self._what, self._hint = service, what, hint
        self._connection: sqlite3.Connection | None = None

    @property
    def place(self) -> str:
        """The SQLite version and the file."""
        return f"SQLite {sqlite3.sqlite_version}, {self._path.parent.name}/{self._path.name}"

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none if there is no file yet."""
        with self._translate_errors():
            if self._connection is None and not regular_files.check(self._path):
                return []
            return self._open().execute(query, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a transaction that holds the write lock from the start."""
        with self._translate_errors():
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            with database:  # commits, or rolls back on an exception
                yield database

    def check(self) -> None:
        """Raise ServiceError if the file is damaged or foreign; a missing file passes."""
        with self._translate_errors():
            if regular_files.check(self._path):
                sqlite_pages.check(self._path)
                self._open()

    def close(self) -> None:
        """Close the file if open; the last process to close it merges and removes the write-ahead log."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not regular_files.check(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with locked(self._path.with_suffix(".lock"), _BUSY_SECONDS, f"another process is making {self._path}"):
                    self._create()
            database = self._connected(self._path)
            try:
                self._check_format(database)
                database.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last values, never the file
            except BaseException:
                database.close()
                raise
            self._connection = database
        return self._connection

    def _connected(self, path: Path) -> sqlite3.Connection:
        """Return a connection; if file or folder is not writable, a read-only one that needs no write-ahead log."""
        place = f"file:{quote(str(path.absolute()))}"
        if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            place += "?mode=ro&immutable=1"
        return sqlite3.connect(place, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)

    def _check_format(self, database: sqlite3.Connection) -> None:
        """Raise sqlite3.DatabaseError for a foreign or newer format; upgrade an older one."""
        found = int(database.execute("PRAGMA user_version").fetchone()[0])
        if found > self._format:
            raise sqlite3.DatabaseError(f"a newer stockops wrote it (format {found})")
        if not found:
            raise sqlite3.DatabaseError("it is none of ours, or was never finished")
        if found < self._format:
            with database:
                database.execute("BEGIN IMMEDIATE")
                if int(database.execute("PRAGMA user_version").fetchone()[0]) == found:  # unless already upgraded
                    self._rebuild(database)
                    database.execute(f"PRAGMA user_version = {self._format}")

    def _create(self) -> None:
        """Create the file under a temporary name, then rename it, so that it is never partial; skip if it exists."""
        if self._path.exists():
            return
        with created_whole(self._path) as new, contextlib.closing(self._connected(new)) as database:
            database.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not block each other
            database.executescript(f"BEGIN; {self._tables} PRAGMA user_version = {self._format}; COMMIT;")

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except ServiceError:
            raise
        except (sqlite3.Error, OSError, StockopsError, NotAFileError) as exc:
            raise self._failure(exc) from exc
        except (TypeError, ValueError, OverflowError) as exc:  # a SQLite cell may hold any type
            raise self._failure(ValueError("it holds a value of another kind")) from exc

    def _failure(self, exc: Exception) -> ServiceError:
        """Return a failure as a ServiceError whose hint fits the cause: a healthy file should not be moved away."""
        if isinstance(exc, StockopsError):
            reason, hint = exc.message, exc.hint
        else:
            reason, hint = one_line(exc), sqlite_pages.cure(exc) or _cure(exc) or self._hint
        return ServiceError(f"{self._what} {self._path} cannot be used: {reason}", hint, service=self._service)


def _cure(exc: Exception) -> str | None:
    if not isinstance(exc, OSError):
        return None
    full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
    return "free some space" if full else "choose a home that can be written with STOCKOPS_HOME"
