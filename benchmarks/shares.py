"""A training command, and how much of its time went forward and backward through the network: prints JSON.

arguments: the words of the command. The time is that of the whole process, its imports included.
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
    """Add up the time spent in a function that calls no other of those timed."""

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
