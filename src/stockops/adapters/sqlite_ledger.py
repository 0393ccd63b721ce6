"""The ledger of forecasts in one SQLite file: rows are added, never changed; those of old origins go."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import Any

from stockops.adapters.sqlite_file import SqliteFile
from stockops.records import LedgerEntry

ORIGINS = 400  # kept of each model's symbol and source: over a year and a half
_FORMAT = 1
_COLUMNS = (
    "ticker, kind, source, model_version, origin, origin_close, target, horizon, open, high, low, close, volume, "
    "low_80, high_80, low_95, high_95, made_at"
)
_TABLES = f"""
CREATE TABLE forecast ({_COLUMNS},
  UNIQUE (ticker, kind, source, origin, horizon, model_version, origin_close, close));
"""
_SAME = "ticker = ? AND kind = ? AND source = ?"


class SqliteLedger:
    """Port Ledger on a file."""

    needs = ("ledger",)

    def __init__(self, path: Path) -> None:
        hint = "move the file away: what past forecasts came to is lost, models are not"
        self._file = SqliteFile(path, _TABLES, _FORMAT, service="ledger", what="the ledger of forecasts", hint=hint)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Add forecasts of one symbol, each once however often it was made."""
        places = ", ".join("?" * 18)
        same = (entries[0].ticker, entries[0].kind, entries[0].source)
        oldest = f"SELECT DISTINCT origin FROM forecast WHERE {_SAME} ORDER BY origin DESC LIMIT {ORIGINS}"
        with self._file.writing() as database:
            database.executemany(f"INSERT OR IGNORE INTO forecast VALUES ({places})", map(_row, entries))
            database.execute(
                f"DELETE FROM forecast WHERE {_SAME} AND origin < (SELECT min(origin) FROM ({oldest}))", same * 2
            )

    def rows(self, ticker: str, kind: str, source: str) -> list[LedgerEntry]:
        """Return the forecasts of a symbol, oldest origin first."""
        query = f"SELECT {_COLUMNS} FROM forecast WHERE {_SAME} ORDER BY origin, horizon, made_at"
        return [_entry(row) for row in self._file.rows(query, ticker, kind, source)]

    def check(self) -> str:
        """Return how many forecasts there are, and where."""
        [(count,)] = self._file.rows("SELECT count(*) FROM forecast") or [(0,)]
        return f"{count} forecasts, {self._file.place}"


def _row(entry: LedgerEntry) -> tuple[Any, ...]:
    *plain, close_80, close_95, made_at = astuple(entry)
    values = [value.isoformat() if isinstance(value, date) else value for value in plain]
    return (*values, *close_80, *close_95, made_at)


def _entry(row: tuple[Any, ...]) -> LedgerEntry:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values |= {day: date.fromisoformat(values[day]) for day in ("origin", "target")}
    values |= {f"close_{level}": (values.pop(f"low_{level}"), values.pop(f"high_{level}")) for level in (80, 95)}
    return LedgerEntry(**values)
