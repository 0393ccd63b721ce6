"""Read-only integrity check of a SQLite file, and hints for SQLite errors."""

import contextlib
import sqlite3
from pathlib import Path

_CURES = {
    sqlite3.SQLITE_FULL: "free some space",
    sqlite3.SQLITE_IOERR: "see whether the disk is full, or failing",
    sqlite3.SQLITE_READONLY: "choose a home that can be written with STOCKOPS_HOME",
    sqlite3.SQLITE_CANTOPEN: "choose a home that can be written with STOCKOPS_HOME",
    sqlite3.SQLITE_PERM: "choose a home that can be written with STOCKOPS_HOME",
    sqlite3.SQLITE_BUSY: "another process holds it: try again later",
    sqlite3.SQLITE_LOCKED: "another process holds it: try again later",
}


def cure(exc: BaseException) -> str | None:
    """Return the hint for a failure with a cause outside the file; None for any other failure."""
    code = getattr(exc, "sqlite_errorcode", None)
    return None if code is None else _CURES.get(code & 0xFF)


def check(path: Path) -> None:
    """Raise sqlite3.Error for a damaged file; checks pages and indexes, since cell values have no checksum."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        [(line,), *_] = database.execute("PRAGMA integrity_check(1)").fetchall()
    if line != "ok":
        raise sqlite3.DatabaseError(f"it is damaged ({line})")
