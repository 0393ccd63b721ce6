"""Writes to paths given by the user, refusing those that would overwrite something valuable.

Links are followed; pipes and character devices are written to, block devices refused. Also refused are stockops' own
files in the home and the prices and lists that the call reads.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from stockops.adapters.storage.atomic_write import write_whole
from stockops.errors import UsageError

_KEPT = ("outputs", "mlruns", "feature_store", "cache", "logs", "locks", ".env")  # in the home
_CHOOSE = "choose another file"


def check(path: Path, home: Path, inputs: Iterable[Path]) -> None:
    """Raise UsageError for a target that must not be written; to be called before any work is done."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}", "make it, or choose another")
    real = _real(path)
    for name in _KEPT:
        if _is_within(real, _real(home / name)):
            raise UsageError(f"cannot write {path}: {name} holds what stockops keeps", _CHOOSE)
    for given in inputs:
        if _is_within(real, _real(given)):
            raise UsageError(f"cannot write {path}: this call reads {given}", _CHOOSE)
    if kind := _refused(path):
        raise UsageError(f"cannot write {path}: it is {kind}", _CHOOSE)


def write(path: Path, data: bytes) -> None:
    """Write a target that passed `check`: a regular file atomically, a pipe or device as a stream."""
    try:
        if _is_stream(path):
            _pour(path, data)
        else:
            write_whole(_real(path), data)
    except UsageError as exc:
        raise UsageError(exc.message, _CHOOSE) from exc


def _pour(path: Path, data: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)  # a pipe without a reader fails at once
    except OSError as exc:
        reason = "nobody reads that pipe" if exc.errno == errno.ENXIO else exc.strerror
        raise UsageError(f"cannot write {path}: {reason}") from exc
    os.set_blocking(handle, True)
    try:
        with open(handle, "wb") as stream:
            stream.write(data)
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}") from exc


def _is_stream(path: Path) -> bool:
    mode = _mode(path)
    return mode is not None and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode))


def _refused(path: Path) -> str:
    """Return what kind of unwritable thing a path is, "" if it can be written."""
    mode = _mode(path)
    if mode is None:
        return "a link that leads to itself" if _is_loop(path) else ""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFBLK: "a disk", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "")


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (OSError, RuntimeError):
        return None


def _is_loop(path: Path) -> bool:
    try:
        path.resolve(strict=True)
    except (RuntimeError, OSError) as exc:
        return isinstance(exc, RuntimeError) or exc.errno == errno.ELOOP
    return False


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_within(path: Path, place: Path) -> bool:
    return path == place or place in path.parents
