"""Name the process that writes a record, so that a reader can tell whether that process is still alive."""

import os
import socket

_START_SECONDS = 2.0  # a start time derives from boot time, hence from a clock that may be adjusted


def this_process() -> str:
    """Return the name of this process: host, process id and start in seconds since 1970."""
    import psutil

    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"


def is_alive(name: str) -> bool | None:
    """Return whether a process is alive, None for one of another machine; ValueError if it is no name of a process.

    A process with the same id but another start time is a different process.
    """
    import psutil

    host, number, start = name.rsplit(" ", 2)
    pid, started = int(number), float(start)
    if host != socket.gethostname():
        return None
    try:
        found = psutil.Process(pid)
        dead = found.status() == psutil.STATUS_ZOMBIE  # killed, and not yet reaped by its parent
        return not dead and abs(found.create_time() - started) <= _START_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
