"""What `make bench` runs: every figure a ratio to a yardstick taken in the same run, best of several.

Prints a table on stderr and JSON on stdout. A ratio says how many times as long as the yardstick.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

AS_OF = "2013-03-01"  # the samples' last common day: 2,148 sessions of AAPL


def seconds(arguments: list[str], home: Path, repeats: int) -> float:
    """Return the shortest wall time of a fresh process."""
    env = {**os.environ, "STOCKOPS_HOME": str(home), "STOCKOPS_SOURCE": "sample", "STOCKOPS_AS_OF": AS_OF}
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], env=env, check=True, capture_output=True)
        best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)

        def cli(*arguments: str, repeats: int = 3) -> Callable[[], float]:
            return lambda: seconds(["-m", "stockops", *arguments], home, repeats)

        def imported(names: str) -> float:
            return seconds(["-c", f"import {names}"], home, 5)

        typer, torch = imported("typer"), imported("torch")
        libraries = imported("torch, pandas, matplotlib.figure, exchange_calendars")
        trained = imported("torch, pandas, matplotlib.figure, exchange_calendars, sklearn.preprocessing")
        cli("train-parent", "--epochs", "1", repeats=1)()
        rows = [
            ("--help", "import typer", cli("--help", repeats=5)(), typer),
            ("outputs", "import typer", cli("outputs")(), typer),
            (
                "train-child (10 epochs, frozen)",
                "its libraries' imports",
                cli("train-child", "--ticker", "AAPL")(),
                trained,
            ),
            ("predict-child", "its libraries' imports", cli("predict-child", "--ticker", "AAPL")(), libraries),
            ("predict-child", "import torch", cli("predict-child", "--ticker", "AAPL")(), torch),
        ]
    for what, yardstick, took, unit in rows:
        sys.stderr.write(f"{what:34} {took:7.3f} s = {took / unit:5.2f} x {yardstick}\n")
    figures = [
        {"what": what, "yardstick": yardstick, "seconds": round(took, 3), "ratio": round(took / unit, 2)}
        for what, yardstick, took, unit in rows
    ]
    sys.stdout.write(json.dumps({"schema": 1, "cores": os.cpu_count(), "figures": figures}) + "\n")


if __name__ == "__main__":
    main()
