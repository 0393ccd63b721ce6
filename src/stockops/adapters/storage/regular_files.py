"""Safe reads of files that others may have put in place: regular files only, up to a size limit.

Opening a pipe blocks until there is a writer, reading /dev/zero never ends, and a path may be a folder or a link to
itself. Each raises an error that names what it is, without blocking.
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
    """The path exists but cannot be read as a file; `str()` continues a sentence that starts with the path."""


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return a regular file's bytes; raise FileNotFoundError if there is nothing, NotAFileError if it is unreadable.

    NotAFileError also covers a file of more than `most` bytes. The null device counts as an empty file.
    """
    if str(path) == os.devnull:
        return b""
    handle = _opened(path)
    try:
        if path.parent in _DESCRIPTORS:  # a shell's <(command): it already has a writer
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
    """Return whether a file exists; raise NotAFileError if it is not a regular file or is empty.

    For libraries that open files themselves and would treat an empty one as new. The file is not opened: closing it
    would release any locks that SQLite holds on it in this process.
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
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        raise _unreadable(exc) from None


def _unreadable(exc: OSError | ValueError) -> NotAFileError:
    number = getattr(exc, "errno", None)
    if number == errno.ELOOP:
        return NotAFileError("is a link that leads to itself")
    if number in (errno.ENXIO, errno.ENODEV):  # a socket, and a device without a driver
        return NotAFileError("is a socket, not a file")
    return NotAFileError(f"cannot be read: {getattr(exc, 'strerror', None) or exc}")
