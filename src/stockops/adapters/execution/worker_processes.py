"""Background workers as detached processes on this machine; lock files show which are alive."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from stockops.adapters.storage.atomic_write import translate_errors
from stockops.adapters.storage.locks import locked, one_of
from stockops.errors import ServiceError
from stockops.records import Job
from stockops.wording import one_line

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_LAST_WORDS = 300  # bytes read from the end of the log of a worker that failed to start


@dataclass(frozen=True, slots=True)
class WorkerProcesses:
    """Port BackgroundWorkers. environment: the call's flags as environment variables, passed to its workers."""

    home: Path
    most: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def host_id(self) -> str:
        """Return the host name and a digest of the home."""
        return f"{socket.gethostname()}:{hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:12]}"

    def starting(self, task_id: str) -> AbstractContextManager[object]:
        """Lock a task against being started by other processes."""
        return locked(self._start_lock(task_id), 2 * _START_SECONDS, f"another process is starting {task_id}")

    def is_starting(self, task_id: str) -> bool:
        """Return whether a process is starting a task."""
        return _is_taken(self._start_lock(task_id))

    def start(self, job: Job, ticker: str, task_id: str) -> None:
        """Start a worker in its own session, out of reach of Ctrl-C and of a closing terminal."""
        path = self.home / self.log(task_id)
        with translate_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "stockops", "work", job, ticker],
                    env={**os.environ, **self.environment, "STOCKOPS_HOME": str(self.home)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                )
        until = time.monotonic() + _START_SECONDS
        while process.poll() is None and not self.is_held(task_id):
            if time.monotonic() > until:
                process.kill()
            time.sleep(_LOOK_SECONDS)
        if process.returncode:
            words = path.read_bytes()[-_LAST_WORDS:].decode(errors="replace").strip().splitlines()
            reason = one_line(words[-1]) if words else f"exit {process.returncode}"
            raise ServiceError(
                f"the worker of {task_id} did not start: {reason}",
                f"see {self.log(task_id)}",
                service="workers",
            )
        process.returncode = 0  # it outlives this process: keep Popen from warning that it still runs

    def hold(self, task_id: str) -> AbstractContextManager[object]:
        """Hold a task; waits briefly, since `is_held` in another process takes the lock for a moment."""
        return locked(self._task_lock(task_id), 5.0, f"another worker is at {task_id}")

    def is_held(self, task_id: str) -> bool:
        """Return whether a live worker holds a task."""
        return _is_taken(self._task_lock(task_id))

    def slot(self) -> AbstractContextManager[object]:
        """Wait for one of the slots, as many as workers may run at once."""
        return one_of(self.home / "locks", "worker", self.most)

    def log(self, task_id: str) -> str:
        """Return the path of a worker's log, relative to the home."""
        return f"logs/task-{task_id}.log"

    def _task_lock(self, task_id: str) -> Path:
        return self._lock(f"task-{task_id}")

    def _start_lock(self, task_id: str) -> Path:
        return self._lock(f"start-{task_id}")

    def _lock(self, name: str) -> Path:
        return self.home / "locks" / f"{name}.lock"


def _is_taken(path: Path) -> bool:
    """Return whether a live process holds a lock file."""
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
