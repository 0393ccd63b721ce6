"""Feast's command line, each call a fork of one process that has imported it: that alone takes six seconds.

Not one of `forked`: those have imported the reduced Feast that stockops uses, and a user's `feast` is the whole one.
"""

import importlib
import multiprocessing
import os
import runpy
import sys
from multiprocessing.connection import Connection
from pathlib import Path

_PROGRAM = Path(sys.executable).with_name("feast")
_SECONDS = 60


class FeastProgram:
    """Runs Feast's own program until it is closed."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._calls, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs,))
        self._process.start()
        theirs.close()

    def __call__(self, folder: Path, *arguments: str) -> None:
        """Run a command in a folder and check that it exits with 0."""
        self._calls.send((folder, *arguments))
        assert self._calls.poll(_SECONDS)
        assert self._calls.recv() == 0

    def close(self) -> None:
        """End the process."""
        self._calls.close()
        self._process.join(_SECONDS)
        assert self._process.exitcode == 0


def _serve(calls: Connection) -> None:
    importlib.import_module("feast.cli.cli")
    fork = multiprocessing.get_context("fork")
    while True:
        try:
            call = calls.recv()
        except EOFError:
            return
        process = fork.Process(target=_run, args=call)
        process.start()
        process.join()
        calls.send(process.exitcode)


def _run(folder: Path, *arguments: str) -> None:
    os.chdir(folder)
    os.environ.pop("STOCKOPS_HOME", None)
    sys.argv = [str(_PROGRAM), *arguments]
    runpy.run_path(str(_PROGRAM), run_name="__main__")
