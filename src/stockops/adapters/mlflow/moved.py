"""MLflow's database of a home that was moved or copied: its addresses follow, and nobody writes into the old home.

MLflow keeps an absolute address for an experiment, for each run and for each version of a model. It takes no relative
one that means the same from every folder, and offers no call that changes one: hence SQL.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

log = logging.getLogger("stockops.mlflow")

_WAIT_SECONDS = 20.0  # for MLflow's own pages, which may be writing
_OURS = "/mlruns/artifacts"  # how the address ends that every home is given; another one was somebody's choice
_NEW_FILES_GO_TO = (("experiments", "artifact_location"),)
_FILES_ARE_IN = (
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),  # no model of ours is one; people may log theirs beside them
)


def has_moved(location: str, artifacts: Path) -> bool:
    """Tell whether an experiment's files are in a home, as ours are, and that home is not the one of `artifacts`.

    location: the address that MLflow has. A home that is reached by a link, or by another spelling, has not moved.
    """
    return (
        location.startswith("file:") and location.endswith(_OURS) and _path(location).resolve() != artifacts.resolve()
    )


def follow(database: Path, location: str, artifacts: Path) -> None:
    """Let every address at or below `location` in a SQLite file be the same one in `artifacts`; all of them or none.

    Files that are in the old place alone were not copied along: they stay there, and so do their addresses.
    Raises sqlite3.Error.
    """
    new = artifacts.as_uri()
    with closing(sqlite3.connect(database, timeout=_WAIT_SECONDS)) as opened, opened:  # the latter: one transaction
        opened.execute("BEGIN IMMEDIATE")
        for table, column in (*_NEW_FILES_GO_TO, *_FILES_ARE_IN):
            below = f"substr({column}, 1, length(?1) + 1) = ?1 || '/'"  # no LIKE: an address holds % and _
            query = f"SELECT rowid, {column} FROM {table} WHERE {column} = ?1 OR {below}"
            there = [(new + old.removeprefix(location), old, row) for row, old in opened.execute(query, [location])]
            if (table, column) in _FILES_ARE_IN:
                there = [move for move in there if not _is_left_behind(move[1], move[0])]
            opened.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [(to, row) for to, _, row in there])
    log.info("the home has moved: MLflow's runs have their files in %s", artifacts)


def settle(database: Path, artifacts: Path) -> None:
    """Put the experiment that MLflow makes by itself into the home: else it is in the folder that was current then.

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
