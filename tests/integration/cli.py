"""Run the CLI: in this process where possible, else in a separate process or on a terminal."""

import json
import os
import pty
import shutil
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

# Off in most tests: each takes half a second to a second per call and has its own tests.
WITHOUT_SERVICES = {"STOCKOPS_FEATURE_STORE": "off", "STOCKOPS_TRACKING": "off", "STOCKOPS_PLOTS": "off"}
AS_OF = "2006-06-30"  # 471 sessions of the sample data: an epoch takes a fraction of a second
SAMPLE = {"STOCKOPS_SOURCE": "sample", "STOCKOPS_AS_OF": AS_OF, "STOCKOPS_EPOCHS": "1"}


@dataclass(frozen=True)
class Result:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The single JSON document on stdout."""
        [line] = self.out.splitlines()
        return dict(json.loads(line))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The documents on stdout, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]


def prepare(home: Path, *calls: tuple[str, ...], **environment: str) -> None:
    """Run commands in this process, in a home shared by several tests."""
    with pytest.MonkeyPatch.context() as context:
        for name, value in {"STOCKOPS_HOME": str(home), **SAMPLE, **WITHOUT_SERVICES, **environment}.items():
            context.setenv(name, value)
        for call in calls:
            assert main([*call, "--quiet"]) == 0, call


def copy_tables(database: Path, home: Path) -> None:
    """Give a home without runs a copy of a database with MLflow's tables."""
    (home / "mlruns").mkdir(parents=True)
    shutil.copy(database, home / "mlruns")


class Cli:
    """Runs commands in this process, with one home and one environment."""

    def __init__(self, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._capfd = capfd
        self._monkeypatch = monkeypatch
        self.setenv(STOCKOPS_HOME=str(home), STOCKOPS_EPOCHS="1", **WITHOUT_SERVICES)

    def setenv(self, **environment: str) -> None:
        """Set environment variables for the following calls."""
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Result:
        """Run one command line."""
        self._capfd.readouterr()
        code = main(list(arguments))
        out, err = self._capfd.readouterr()
        return Result(code, out, err)

    def files(self) -> set[str]:
        """Every file below the home except lock files, the state store and the ledger."""
        found = (path for path in self.home.rglob("*") if path.is_file())
        names = {path.relative_to(self.home).as_posix() for path in found}
        return {
            name
            for name in names
            if not name.endswith(".lock") and not name.startswith(("outputs/state.db", "outputs/ledger.db"))
        }


@contextmanager
def within_reach_of_ctrl_c() -> Iterator[None]:
    """Let processes started meanwhile receive SIGINT.

    A test run in the background of a script ignores it, and its child processes would inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def start(*arguments: str, home: Path, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the CLI in a separate process that receives SIGINT."""
    with within_reach_of_ctrl_c():
        return subprocess.Popen(
            [sys.executable, "-m", "stockops", *arguments],
            env={**os.environ, "STOCKOPS_HOME": str(home), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def run(*arguments: str, home: Path, env: Mapping[str, str] | None = None, timeout: float = 120) -> Result:
    """Run the CLI in a separate process."""
    process = start(*arguments, home=home, env=env)
    out, err = process.communicate(timeout=timeout)
    return Result(process.returncode, out, err)


def on_a_terminal(*arguments: str, home: Path, stdout: IO[str] | None = None, **env: str) -> str:
    """Return what a command writes to a terminal of 120 columns; stdout: where its results go, else the terminal."""
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
    except OSError:  # the process has closed its end
        pass
    os.close(ours)
    assert process.wait(timeout=60) == 0, seen.decode()
    return seen.decode()
