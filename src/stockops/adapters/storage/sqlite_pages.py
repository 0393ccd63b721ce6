"""Whether a SQLite file is as SQLite writes it, looked at without changing it, and what helps where it is not."""

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
    """Return what helps against a failure that is not the file's own; None for one that is: the file is to blame."""
    code = getattr(exc, "sqlite_errorcode", None)
    return None if code is None else _CURES.get(code & 0xFF)


def check(path: Path) -> None:
    """Raise sqlite3.Error for a damaged file. Pages and indexes tell; what a plain cell holds has no checksum."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        [(line,), *_] = database.execute("PRAGMA integrity_check(1)").fetchall()
    if line != "ok":
        raise sqlite3.DatabaseError(f"it is damaged ({line})")
