"""Processes forked from one that has imported what they need: each alone would take a second or more for that.

`start` forks from one that has imported MLflow, Feast and torch, `start_race` from one with a test's own module.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from contextlib import chdir
from multiprocessing.process import BaseProcess

from tests.places import ROOT

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.integration.slow_imports"])


def start(work: Callable[..., object], *arguments: object) -> BaseProcess:
    """Start a function of a module in a process of its own, with the environment of this moment."""
    process = context.Process(target=_work, args=(dict(os.environ), work, arguments))
    with chdir(ROOT):  # the first call starts the one that imports, which has no other path to look for `tests` on
        process.start()
    return process


def start_race(work: Callable[..., object], *calls: tuple[object, ...]) -> BaseProcess:
    """Start a process that makes each of these calls in a fork of its own, and exits with 0 if all of them do."""
    process = multiprocessing.get_context("spawn").Process(target=_race, args=(work, calls))
    process.start()
    return process


def _race(work: Callable[..., object], calls: tuple[tuple[object, ...], ...]) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=work, args=call) for call in calls]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


def _work(environment: dict[str, str], work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(*arguments)
