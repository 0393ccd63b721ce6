"""Lock files that keep two processes from doing the same work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockops.adapters.storage.atomic_write import translate_errors
from stockops.errors import TryAgainError

_TURN_SECONDS = 0.1  # between attempts to find a free slot


@contextmanager
def locked(path: Path, timeout_seconds: float, busy: str) -> Iterator[None]:
    """Hold a lock file inside the context; raise TryAgainError with message `busy` if it is not free in time.

    The lock is released when the process that holds it ends, however it ends.
    """
    from filelock import FileLock, Timeout  # not needed for a cache hit

    lock = FileLock(path)
    with translate_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=timeout_seconds)
        except Timeout:  # an OSError, but not a write error
            raise TryAgainError(busy, "try again when it is done") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def one_of(folder: Path, name: str, count: int) -> Iterator[None]:
    """Hold one of `count` lock files inside the context; wait until one is free."""
    from filelock import FileLock, Timeout

    with translate_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    slots = [FileLock(folder / f"{name}-{number}.lock") for number in range(count)]
    while True:
        for slot in slots:
            try:
                slot.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield
            finally:
                slot.release()
            return
        time.sleep(_TURN_SECONDS)
