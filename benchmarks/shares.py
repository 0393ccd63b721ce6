"""Runs a training command and prints, as JSON, its time and the part spent in forward and backward passes.

Arguments: the command line. The time is that of the whole process, including imports.
"""

import contextlib
import functools
import io
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import torch

from stockops.cli import main
from stockops.forecasting.lstm import PriceLSTM

inside = 0.0


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accumulate the time spent in a function, which must not call another timed one."""

    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        global inside
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            inside += time.perf_counter() - started

    return wrapped


for owner, name in ((PriceLSTM, "state"), (PriceLSTM, "change"), (torch.Tensor, "backward")):
    setattr(owner, name, timed(getattr(owner, name)))
with contextlib.redirect_stdout(io.StringIO()):
    code = main(sys.argv[1:])
whole = time.time() - psutil.Process().create_time()
sys.stdout.write(json.dumps({"seconds": whole, "inside": inside}) + "\n")
sys.exit(code)
