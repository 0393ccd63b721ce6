"""Translate failures of Feast and its dependencies for the user."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockops.adapters.feast import feast_import
from stockops.adapters.storage import sqlite_pages
from stockops.errors import ServiceError, StockopsError
from stockops.wording import one_line


@contextmanager
def translate_errors(folder: Path, redis_url: str) -> Iterator[None]:
    """Raise every failure of a feature store as a ServiceError, naming redis if that is what failed."""
    try:
        yield
    except ServiceError:
        raise
    except StockopsError as exc:  # from our locks and files
        raise _unserved(folder, exc.message, exc.hint) from exc
    except _of_libraries() as exc:
        raise _explained(exc, folder, redis_url) from exc


def _of_libraries() -> tuple[type[Exception], ...]:
    """Return what Feast raises: its own errors, those of its stores, and Python's for much of the rest."""
    feast_import.load()
    from feast.errors import FeastError
    from pyarrow import ArrowException
    from redis import RedisError

    return FeastError, ArrowException, RedisError, sqlite3.Error, OSError, ValueError, LookupError, RuntimeError


def _explained(exc: Exception, folder: Path, redis_url: str) -> ServiceError:
    from redis import RedisError

    from stockops.adapters.storage import redis_client

    if isinstance(exc, RedisError):
        return redis_client.failure(redis_url, exc)
    reason = one_line(exc) or type(exc).__name__
    if isinstance(exc, sqlite3.Error):
        hint = sqlite_pages.cure(exc) or "move the file away, then run: stockops features materialize"
        return _unserved(folder / "data" / "online_store.db", reason, hint)
    return _unserved(folder, reason, "run: stockops features apply")


def _unserved(place: Path, reason: str, hint: str) -> ServiceError:
    return ServiceError(f"the feature store {place} cannot be used: {reason}", hint, service="feast")
