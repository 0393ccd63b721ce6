"""Update MLflow's addresses after a home was moved or copied, so that nothing is written into the old home.

MLflow stores an absolute address for each experiment, run and model version. It accepts no relative one that means the
same from every folder, and has no API to change one: hence SQL.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

log = logging.getLogger("stockops.mlflow")

_WAIT_SECONDS = 20.0  # MLflow's own UI may be writing
_OURS = "/mlruns/artifacts"  # suffix of the address that every home gets; any other was chosen by a user
_NEW_FILES_GO_TO = (("experiments", "artifact_location"),)
_FILES_ARE_IN = (
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),  # stockops logs none, but users may log theirs alongside
)


def has_moved(location: str, artifacts: Path) -> bool:
    """Return whether an experiment stores its files in a home, as ours do, and not in the home of `artifacts`.

    location: MLflow's address. A home reached through a link or under another spelling has not moved.
    """
    return (
        location.startswith("file:") and location.endswith(_OURS) and _path(location).resolve() != artifacts.resolve()
    )


def follow(database: Path, location: str, artifacts: Path) -> None:
    """Rewrite every address at or below `location` in a SQLite file to the same one in `artifacts`; all or none.

    Files that exist only in the old place were not copied along: they stay there, and so do their addresses.
    Raises sqlite3.Error.
    """
    new = artifacts.as_uri()
    with closing(sqlite3.connect(database, timeout=_WAIT_SECONDS)) as opened, opened:  # the latter: one transaction
        opened.execute("BEGIN IMMEDIATE")
        for table, column in (*_NEW_FILES_GO_TO, *_FILES_ARE_IN):
            below = f"substr({column}, 1, length(?1) + 1) = ?1 || '/'"  # not LIKE: addresses contain % and _
            query = f"SELECT rowid, {column} FROM {table} WHERE {column} = ?1 OR {below}"
            there = [(new + old.removeprefix(location), old, row) for row, old in opened.execute(query, [location])]
            if (table, column) in _FILES_ARE_IN:
                there = [move for move in there if not _is_left_behind(move[1], move[0])]
            opened.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [(to, row) for to, _, row in there])
    log.info("the home has moved: MLflow's runs have their files in %s", artifacts)


def settle(database: Path, artifacts: Path) -> None:
    """Point MLflow's default experiment into the home; by default it is in whatever folder was current at its creation.

    database: a SQLite file with MLflow's tables. Raises sqlite3.Error.
    """
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0", [f"{artifacts.as_uri()}/0"]
        )


def _is_left_behind(old: str, new: str) -> bool:
    return _path(old).exists() and not _path(new).exists()


def _path(address: str) -> Path:
    return Path(url2pathname(urlsplit(address).path))
