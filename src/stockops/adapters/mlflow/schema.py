"""Compare a database's schema with the installed MLflow through its migration files; an import takes seconds."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

_BEFORE = re.compile(r"^down_revision\b.*?=\s*[\"'](\w+)", re.MULTILINE)


def age(revision: str) -> Literal["current", "older", "newer"]:
    """Return whether a schema is the one MLflow accepts ("current"), an older one, or an unknown, thus newer one.

    Also "current" if no migration files are found: opening the database will tell.
    """
    migrations = {path.name.partition("_")[0]: path for path in _folder().glob("*_*.py")}
    if not migrations:
        return "current"
    if revision not in migrations:
        return "newer"
    replaced = {before for path in migrations.values() for before in _BEFORE.findall(path.read_text(encoding="utf-8"))}
    return "older" if revision in replaced else "current"


def _folder() -> Path:
    spec = find_spec("mlflow")  # a top-level package: nothing is imported
    places = (spec.submodule_search_locations if spec else None) or [""]
    return Path(places[0]) / "store" / "db_migrations" / "versions"
