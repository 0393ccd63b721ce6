"""Atomic file writes."""

import contextlib
import errno
import glob
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stockops.errors import TryAgainError, UsageError

_ABANDONED_SECONDS = 3_600


def write_whole(path: Path, data: bytes) -> None:
    """Create or replace one file; see write_together."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Create or replace files; a reader sees each file old or new, never partial.

    All contents reach the disk under temporary names (".NAME.….tmp") before the first file is replaced, so a full disk
    or Ctrl-C before that changes nothing. Missing folders are created. Raise UsageError if the path is not writable,
    TryAgainError if the disk is full.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            with translate_errors(path.parent):
                path.parent.mkdir(parents=True, exist_ok=True)
                staged.append((_stage(path, data), path))
        for temporary, path in staged:
            with translate_errors(path):
                temporary.replace(path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        for path in files:
            _sweep(path)


@contextmanager
def created_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a database that a library creates; it becomes `path` unless the context fails.

    What a failed or killed creation leaves is removed, with the logs that SQLite keeps beside it. The caller holds a
    lock: the temporary path is always the same.
    """
    new = path.with_name(f".{path.name}.new")
    _remove_all(new)
    try:
        yield new
        new.replace(path)
    except BaseException:
        _remove_all(new)
        raise


def _remove_all(database: Path) -> None:
    for left in database.parent.glob(f"{glob.escape(database.name)}*"):
        left.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Delete temporary files left by killed writers of this file; those of live writers are younger."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate an OSError into UsageError or, if the disk is full, TryAgainError, naming the path and the cause."""
    try:
        yield
    except OSError as exc:
        message = f"cannot write {path}: {exc.strerror}"
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise TryAgainError(message, "free some space") from exc
        raise UsageError(message, "choose a home that can be written with STOCKOPS_HOME") from exc


def _stage(path: Path, data: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(path))
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _mode(path: Path) -> int:
    """Return the mode of the file being replaced, else the default: mkstemp's 0600 would lock out other users."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o666 & ~_UMASK


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()
