"""The forecast ledger in one SQLite file: rows are added, never changed, and deleted when their origins are too old.

SQLite has no checksums: a price with a flipped bit is still a price. So each row carries a digest of its values, and a
row that does not match its digest or is invalid is skipped with a warning.
"""

import hashlib
import logging
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import Any

from stockops.adapters.storage.sqlite_file import SqliteFile
from stockops.errors import ServiceError
from stockops.records import LedgerEntry

log = logging.getLogger("stockops.ledger")

ORIGINS = 400  # retained per ticker, kind and source: over a year and a half
_FORMAT = 2
_COLUMNS = (
    "ticker, kind, source, model_version, origin, origin_close, target, horizon, open, high, low, close, volume, "
    "low_80, high_80, low_95, high_95, made_at"
)
_TABLES = f"""
CREATE TABLE forecast ({_COLUMNS}, digest,
  UNIQUE (ticker, kind, source, origin, horizon, model_version, origin_close, close));
"""
_SAME = "ticker = ? AND kind = ? AND source = ?"
_OF_ONE = f"SELECT {_COLUMNS}, digest FROM forecast WHERE {_SAME} ORDER BY origin, horizon, made_at"


class SqliteLedger:
    """Port ForecastLedger on a SQLite file."""

    needs = ("ledger",)

    def __init__(self, path: Path) -> None:
        hint = "move the file away: what past forecasts came to is lost, models are not"
        self._file = SqliteFile(
            path, _TABLES, _FORMAT, service="ledger", what="the ledger of forecasts", hint=hint, rebuild=_with_digests
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Add forecasts of one symbol, ignoring duplicates, and delete those of its oldest origins."""
        places = ", ".join("?" * 19)
        same = (entries[0].ticker, entries[0].kind, entries[0].source)
        oldest = f"SELECT DISTINCT origin FROM forecast WHERE {_SAME} ORDER BY origin DESC LIMIT {ORIGINS}"
        with self._file.writing() as database:
            database.executemany(f"INSERT OR IGNORE INTO forecast VALUES ({places})", map(_row, entries))
            database.execute(
                f"DELETE FROM forecast WHERE {_SAME} AND origin < (SELECT min(origin) FROM ({oldest}))", same * 2
            )

    def rows(self, ticker: str, kind: str, source: str) -> list[LedgerEntry]:
        """Return the forecasts of a symbol, oldest origin first."""
        rows = self._file.rows(_OF_ONE, ticker, kind, source)
        found = [entry for row in rows if (entry := _entry(row)) is not None]
        if damaged := len(rows) - len(found):
            log.warning("%s: the ledger holds %d damaged forecasts: left out", ticker, damaged)
        return found

    def check(self) -> str:
        """Return the number of forecasts and the file; raise ServiceError if the file or any row is damaged."""
        self._file.check()
        rows = self._file.rows(f"SELECT {_COLUMNS}, digest FROM forecast NOT INDEXED")
        found = [row for same in {row[:3] for row in rows} for row in self._file.rows(_OF_ONE, *same)]  # via the index
        if damaged := len(rows) - sum(_entry(row) is not None for row in found):
            what = f"{damaged} of {len(rows)} forecasts in {self._file.place} are damaged"
            raise ServiceError(what, "they are left out of what is measured; the others are whole", service="ledger")
        return f"{len(rows)} forecasts, {self._file.place}"


def _with_digests(database: sqlite3.Connection) -> None:
    """Add digests to the rows of format 1, which had none."""
    database.execute("ALTER TABLE forecast ADD COLUMN digest")
    for key, *values in database.execute(f"SELECT rowid, {_COLUMNS} FROM forecast").fetchall():
        database.execute("UPDATE forecast SET digest = ? WHERE rowid = ?", (_digest(values), key))


def _row(entry: LedgerEntry) -> tuple[Any, ...]:
    *plain, close_80, close_95, made_at = astuple(entry)
    values = [_stored(value) for value in (*plain, *close_80, *close_95, made_at)]
    return (*values, _digest(values))


def _stored(value: Any) -> Any:
    """Return a value as SQLite returns it, NumPy floats as Python floats."""
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, float) else value


def _digest(values: Sequence[Any]) -> str:
    return hashlib.sha256(repr(list(values)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _entry(row: tuple[Any, ...]) -> LedgerEntry | None:
    """Return a row as an entry; None if it fails its digest or is invalid."""
    *values, digest = row
    if digest != _digest(values):
        return None
    try:
        entry = _read(tuple(values))
    except (ValueError, TypeError):
        return None
    numbers = [entry.origin_close, entry.open, entry.high, entry.low, entry.close, entry.volume]
    numbers += [*entry.close_80, *entry.close_95]
    whole = all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)
    return entry if whole and isinstance(entry.horizon, int) else None


def _read(row: tuple[Any, ...]) -> LedgerEntry:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values |= {day: date.fromisoformat(values[day]) for day in ("origin", "target")}
    values |= {f"close_{level}": (values.pop(f"low_{level}"), values.pop(f"high_{level}")) for level in (80, 95)}
    return LedgerEntry(**values)
