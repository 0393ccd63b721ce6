"""One way to keep two processes from the same work: a lock file."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockops.adapters.storage.atomic_write import translate_errors
from stockops.errors import TryAgainError

_TURN_SECONDS = 0.1  # between two looks for a free one


@contextmanager
def locked(path: Path, timeout_seconds: float, busy: str) -> Iterator[None]:
    """Hold the lock file while the context lasts; TryAgainError saying `busy` when it is not free in time.

    The lock goes with the process that holds it, however that process ends.
    """
    from filelock import FileLock, Timeout  # which an answer from the cache does without

    lock = FileLock(path)
    with translate_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=timeout_seconds)
        except Timeout:  # an OSError, but not one of writing
            raise TryAgainError(busy, "try again when it is done") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def one_of(folder: Path, name: str, count: int) -> Iterator[None]:
    """Hold one of so many lock files while the context lasts; wait until one is free."""
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
