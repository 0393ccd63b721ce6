"""Whether a SQLite file is as SQLite writes it, looked at without changing it."""

import contextlib
import sqlite3
from pathlib import Path


def check(path: Path) -> None:
    """Raise sqlite3.Error for a damaged file. Pages and indexes tell; what a plain cell holds has no checksum."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        [(line,), *_] = database.execute("PRAGMA integrity_check(1)").fetchall()
    if line != "ok":
        raise sqlite3.DatabaseError(f"it is damaged ({line})")
