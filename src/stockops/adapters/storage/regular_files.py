"""The one way to read a file that somebody else may have put there: a regular one, of a size that fits its kind.

Opening a pipe waits for a writer, reading /dev/zero never ends, and what looks like a file may be a folder or a link
that leads to itself. Each is told for what it is, and nothing waits.
"""

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 64 << 20
_DESCRIPTORS = (Path("/dev/fd"), Path("/proc/self/fd"))
_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


class NotAFileError(Exception):
    """There is something of that name that cannot be read as a file; `str()` completes "X is …" or "X holds …"."""


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return a regular file's bytes. FileNotFoundError where nothing is, NotAFileError for what is no such file.

    The null device is an empty file to everybody.
    """
    if str(path) == os.devnull:
        return b""
    handle = _opened(path)
    try:
        if path.parent in _DESCRIPTORS:  # what a shell's <(command) is: somebody writes already
            os.set_blocking(handle, True)
        else:
            _check_kind(os.fstat(handle))
        with open(handle, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(handle)
    if len(data) > most:
        raise NotAFileError(f"holds more than {most >> 20} MiB")
    return data


def check(path: Path) -> bool:
    """Tell whether a file is there; NotAFileError for what is no file, and for one that is empty.

    For libraries that open a file themselves, and make a new one of nothing. It is not opened: closing it again would
    take the locks away that SQLite, in this process, may have on it.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as exc:
        raise _unreadable(exc) from None
    _check_kind(status)
    if not status.st_size:
        raise NotAFileError("is empty")
    return True


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError(f"is {_KINDS.get(stat.S_IFMT(status.st_mode), 'no file')}, not a file")


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except (OSError, ValueError) as exc:  # the latter: a NUL in its name
        raise _unreadable(exc) from None


def _unreadable(exc: OSError | ValueError) -> NotAFileError:
    number = getattr(exc, "errno", None)
    if number == errno.ELOOP:
        return NotAFileError("is a link that leads to itself")
    if number in (errno.ENXIO, errno.ENODEV):  # a socket, and a device without a driver
        return NotAFileError("is a socket, not a file")
    return NotAFileError(f"cannot be read: {getattr(exc, 'strerror', None) or exc}")
