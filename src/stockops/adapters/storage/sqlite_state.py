"""State in one SQLite file: the default, shared safely by all processes on this machine, with no server."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stockops import strict_json
from stockops.adapters.storage.sqlite_file import SqliteFile

_FORMAT = 1
_TABLES = """
CREATE TABLE value (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL NOT NULL);
CREATE INDEX value_expires ON value (expires);
CREATE TABLE total (name TEXT PRIMARY KEY, total REAL NOT NULL);
"""


class SqliteState:
    """Port StateStore on a SQLite file; `now` returns seconds since 1970, the same clock for every process."""

    needs = ("state",)
    in_home = True

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        hint = "move the file away (caches and task records are lost, models are not), or set REDIS_URL"
        self._file = SqliteFile(path, _TABLES, _FORMAT, service="state", what="the state store", hint=hint)
        self._now = now

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def get(self, key: str) -> bytes | None:
        """Return a value, or None."""
        rows = self._file.rows("SELECT value FROM value WHERE key = ? AND expires > ?", key, self._now())
        return rows[0][0] if rows and isinstance(rows[0][0], bytes) else None

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        """Store a value that expires after `seconds`; delete expired values."""
        now = self._now()
        with self._file.writing() as database:
            database.execute("DELETE FROM value WHERE expires <= ?", (now,))
            database.execute("REPLACE INTO value VALUES (?, ?, ?)", (key, value, now + seconds))

    def delete(self, key: str) -> bool:
        """Delete a value; return whether there was one."""
        if self.seconds_left(key) is None:  # a delete must not create the file
            return False
        with self._file.writing() as database:
            gone = database.execute("DELETE FROM value WHERE key = ? AND expires > ?", (key, self._now()))
            return gone.rowcount > 0

    def keys(self, prefix: str) -> list[str]:
        """Return the keys with a prefix, sorted."""
        rows = self._file.rows("SELECT key FROM value WHERE expires > ? ORDER BY key", self._now())
        return [key for (key,) in rows if str(key).startswith(prefix)]

    def seconds_left(self, key: str) -> int | None:
        """Return the seconds until a value expires; None if there is none."""
        rows = self._file.rows("SELECT expires FROM value WHERE key = ? AND expires > ?", key, self._now())
        left = rows[0][0] - self._now() if rows and isinstance(rows[0][0], float) else math.nan
        return round(left) if math.isfinite(left) else None

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to running totals in one transaction."""
        with self._file.writing() as database:
            database.executemany(
                "INSERT INTO total VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET total = total + excluded.total",
                amounts.items(),
            )

    def totals(self) -> dict[str, float]:
        """Return every running total."""
        found = self._file.rows("SELECT name, total FROM total ORDER BY name")
        return {name: total for name, total in found if strict_json.number(total) is not None}

    def check(self) -> str:
        """Check the file; return the SQLite version and the file."""
        self._file.check()
        return self._file.place
