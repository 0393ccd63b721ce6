"""Processes forked from one that has imported MLflow, Feast and torch: each alone would take seconds for that."""

import multiprocessing
import os
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


def _work(environment: dict[str, str], work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(*arguments)
