"""Measures wall time, peak memory and output of fresh processes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.25
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Ran:
    """A finished process: its time, the peak memory of it and its children, its stdout."""

    seconds: float
    peak_bytes: int
    out: str


def run(arguments: Sequence[str], env: Mapping[str, str], *, may_leave_with: tuple[int, ...] = (0,)) -> Ran:
    """Run this Python with the arguments; exits with an error unless the exit code is expected."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = _Peak(process.pid)
    out, err = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode not in may_leave_with:
        raise SystemExit(f"{' '.join(arguments)} left with {process.returncode}:\n{err}")
    return Ran(seconds, peak.stop(), out)


def best(calls: Mapping[str, tuple[Sequence[str], Mapping[str, str]]], rounds: int) -> dict[str, float]:
    """Return the shortest wall time of each call; calls alternate, so that a slow minute affects all of them."""
    taken = [{name: run(*call).seconds for name, call in calls.items()} for _ in range(rounds)]
    return {name: min(turn[name] for turn in taken) for name in calls}


def stockops(*arguments: str) -> list[str]:
    """Return the arguments that run a stockops command."""
    return ["-m", "stockops", *arguments]


def script(name: str, *arguments: str) -> list[str]:
    """Return the arguments that run a script of this folder."""
    return [str(_FOLDER / name), *arguments]


class _Peak:
    """Samples the memory of a process and its children until stopped; shared pages count once."""

    def __init__(self, pid: int) -> None:
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self._peak

    def _watch(self, pid: int) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            try:
                root = psutil.Process(pid)
                members = [root, *root.children(recursive=True)]
            except psutil.Error:
                return
            self._peak = max(self._peak, sum(map(_share, members)))


def _share(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:  # it has just ended
        return 0
