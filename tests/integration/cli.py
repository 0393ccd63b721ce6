"""Run the CLI: in this process for its results, in a process of its own for what only that shows."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from stockops.cli import main

# What most tests do without: half a second to a second a call each, and tests of their own.
WITHOUT_SERVICES = {"STOCKOPS_FEATURE_STORE": "off", "STOCKOPS_TRACKING": "off", "STOCKOPS_PLOTS": "off"}
AS_OF = "2006-06-30"  # 471 sessions of the samples: an epoch takes a fraction of a second
SAMPLE = {"STOCKOPS_SOURCE": "sample", "STOCKOPS_AS_OF": AS_OF, "STOCKOPS_EPOCHS": "1"}


@dataclass(frozen=True)
class Result:
    """What a call left on its streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        [line] = self.out.splitlines()
        return dict(json.loads(line))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The NDJSON on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


def prepare(home: Path, *calls: tuple[str, ...], **environment: str) -> None:
    """Run commands in a home that several tests share, in this process."""
    with pytest.MonkeyPatch.context() as context:
        for name, value in {"STOCKOPS_HOME": str(home), **SAMPLE, **WITHOUT_SERVICES, **environment}.items():
            context.setenv(name, value)
        for call in calls:
            assert main([*call, "--quiet"]) == 0, call


class Cli:
    """Calls with one home and one environment, in this process."""

    def __init__(self, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._capfd = capfd
        self._monkeypatch = monkeypatch
        self.setenv(STOCKOPS_HOME=str(home), STOCKOPS_EPOCHS="1", **WITHOUT_SERVICES)

    def setenv(self, **environment: str) -> None:
        """Set environment variables for the calls that follow."""
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Result:
        """Run one command line."""
        self._capfd.readouterr()
        code = main(list(arguments))
        out, err = self._capfd.readouterr()
        return Result(code, out, err)

    def files(self) -> set[str]:
        """Every file below the home but lock files, the state store and the ledger."""
        found = (path for path in self.home.rglob("*") if path.is_file())
        names = {path.relative_to(self.home).as_posix() for path in found}
        return {
            name
            for name in names
            if not name.endswith(".lock") and not name.startswith(("outputs/state.db", "outputs/ledger.db"))
        }


@contextmanager
def within_reach_of_ctrl_c() -> Iterator[None]:
    """Let processes that are started meanwhile hear SIGINT.

    A test run in the background of a script ignores it, and would hand that on.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def start(*arguments: str, home: Path, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the CLI in a process of its own, one that Ctrl-C reaches."""
    with within_reach_of_ctrl_c():
        return subprocess.Popen(
            [sys.executable, "-m", "stockops", *arguments],
            env={**os.environ, "STOCKOPS_HOME": str(home), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def run(*arguments: str, home: Path, env: Mapping[str, str] | None = None, timeout: float = 120) -> Result:
    """Run the CLI in a process of its own."""
    process = start(*arguments, home=home, env=env)
    out, err = process.communicate(timeout=timeout)
    return Result(process.returncode, out, err)


def on_a_terminal(*arguments: str, home: Path, stdout: IO[str] | None = None, **env: str) -> str:
    """Return what a command writes to a terminal of 120 columns; its results may go elsewhere."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stockops", *arguments],
        env={**os.environ, "STOCKOPS_HOME": str(home), "COLUMNS": "120", "TERM": "xterm", **env},
        stdin=theirs,
        stdout=stdout or theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the other side has closed
        pass
    os.close(ours)
    assert process.wait(timeout=60) == 0, seen.decode()
    return seen.decode()
