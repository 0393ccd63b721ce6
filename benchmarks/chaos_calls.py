"""Runs the command line in processes forked from a warm one, so that hundreds of them can be killed quickly.

A call can kill itself at its Nth write: Python's audit events report when a file is opened for writing, renamed or
removed, or a folder is created, so the program needs no hooks.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LATE = 124  # exit code of a call that timed out
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}


@dataclass(frozen=True)
class Called:
    """The result of a call; code: -9 if it was killed, LATE if it timed out."""

    code: int
    seconds: float
    out: str
    err: str
    writes: int
    peak_bytes: int

    @property
    def document(self) -> dict[str, Any]:
        """The last JSON document on stdout; empty if there is none."""
        lines = self.out.splitlines()
        return dict(json.loads(lines[-1])) if lines else {}


class Running:
    """A call in progress."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], kill_at_write: int | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-")
        self._started = time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            _be(Path(self._folder.name), list(arguments), environment, kill_at_write)

    def kill(self) -> None:
        """Send SIGKILL to the process."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> Called:
        """Return the result; after `seconds` the call is killed and counts as LATE."""
        until, late = self._started + seconds, False
        while True:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > until and not late:
                self.kill()
                late = True
            time.sleep(0.01)
        took = time.monotonic() - self._started
        folder = Path(self._folder.name)
        out, err = ((folder / name).read_text(errors="replace") for name in ("out", "err"))
        writes = len((folder / "writes").read_bytes()) if (folder / "writes").exists() else 0
        self._folder.cleanup()
        code = LATE if late else os.waitstatus_to_exitcode(status)
        return Called(code, took, out, err, writes, usage.ru_maxrss * 1024)


def call(*arguments: str, env: Mapping[str, str], seconds: float = 60.0, kill_at_write: int | None = None) -> Called:
    """Run one call and return its result."""
    return Running(arguments, env, kill_at_write).wait(seconds)


def warm() -> None:
    """Import what calls need, once for all of them."""
    import matplotlib.figure  # noqa: F401
    import torch  # noqa: F401

    import stockops.cli
    import stockops.pipelines.analysis
    import stockops.pipelines.monitor
    import stockops.pipelines.training_job
    import stockops.services  # noqa: F401


def _be(folder: Path, arguments: list[str], environment: Mapping[str, str], kill_at_write: int | None) -> None:
    """Run the call in this process; never returns."""
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    os.environ.update(environment)
    _listen(folder / "writes", Path(environment["STOCKOPS_HOME"]), kill_at_write)
    from stockops.cli import main

    code = 1
    try:
        code = int(main(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _listen(log: Path, home: Path, kill_at_write: int | None) -> None:
    """Log each write below the home as one byte, and kill this process at the given one."""
    counter = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    below, seen = str(home), 0

    def hear(event: str, told: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "open":
            if not isinstance(told[2], int) or not told[2] & _WRITES:
                return
        elif event not in _CHANGES:
            return
        if not str(os.fsdecode(told[0]) if isinstance(told[0], (str, bytes, os.PathLike)) else "").startswith(below):
            return
        seen += 1
        os.write(counter, b".")
        if seen == kill_at_write:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)
