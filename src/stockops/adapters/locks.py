"""One way to keep two processes from the same work: a lock file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockops.adapters.whole_files import said
from stockops.errors import TryAgainError


@contextmanager
def locked(path: Path, timeout_seconds: float, busy: str) -> Iterator[None]:
    """Hold the lock file while the context lasts; TryAgainError saying `busy` when it is not free in time.

    The lock goes with the process that holds it, however that process ends.
    """
    from filelock import FileLock, Timeout  # which an answer from the cache does without

    lock = FileLock(path)
    with said(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=timeout_seconds)
        except Timeout:  # an OSError, but not one of writing
            raise TryAgainError(busy, "try again when it is done") from None
    try:
        yield
    finally:
        lock.release()
