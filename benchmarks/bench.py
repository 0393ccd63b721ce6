"""Benchmarks run by `make bench`: each figure is a ratio to a yardstick measured in the same run on the same machine.

Prints a table on stderr and JSON on stdout. `make bench BENCH="--data FOLDER --tickers 10,100,500"` uses the user's own
CSV files, which must include ^GSPC, and lists of these lengths.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import histories
from measure import Ran, best, run, script, stockops

_ROOT = Path(__file__).parents[1]
_NOTHING_BESIDE = {"STOCKOPS_FEATURE_STORE": "off", "STOCKOPS_TRACKING": "off"}
_SHORT = (0, 3)  # accepted exit codes: a list may include a history too short to train on


@dataclass(frozen=True)
class Figure:
    """A time in seconds and that of its yardstick; `goal`: which ratio is good enough."""

    what: str
    seconds: float
    yardstick: str
    yardstick_seconds: float
    goal: str = ""

    @property
    def ratio(self) -> float:
        return self.seconds / self.yardstick_seconds


@dataclass(frozen=True)
class Batch:
    """A list of tickers processed by one call."""

    command: str
    tickers: int
    done: int
    seconds: float
    peak_bytes: int

    @property
    def per_minute(self) -> float:
        return 60 * self.done / self.seconds


class Bench:
    """One benchmark run: a folder of histories, and a home in which models are created as needed."""

    def __init__(self, folder: Path, source: Path | None, most: int, jobs: int | None) -> None:
        self.folder, self.home, self.data = folder, folder / "home", folder / "data"
        self.tickers = histories.make(self.data, source, most)
        self.ticker = self.tickers[0]
        self.threads = os.environ.get("STOCKOPS_THREADS", "2")
        self.env = {
            "STOCKOPS_HOME": str(self.home),
            "STOCKOPS_SOURCE": "csv",
            "STOCKOPS_DATA_DIR": str(self.data),
            "STOCKOPS_THREADS": self.threads,
            "STOCKOPS_QUIET": "1",
            **({"STOCKOPS_JOBS": str(jobs)} if jobs else {}),
        }
        self.apart = {**self.env, **_NOTHING_BESIDE}

    def training(self) -> Iterator[Figure]:
        """Train a parent and a child; must run first, since the other parts need the models."""
        parent = json.loads(run(script("shares.py", "train-parent"), self.env).out)
        goal = "at least 0.85"
        yield Figure("parent: forward and backward", parent["inside"], "train-parent", parent["seconds"], goal)
        best_case = json.loads(run(script("yardsticks.py", str(self.data), self.ticker, self.threads), {}).out)
        gemm = best_case["pass_flops"] / best_case["gemm_flops_per_second"]
        once, windows = best_case["pass_seconds"], best_case["windows"]
        yield Figure(f"{windows} windows through the LSTM", once, "its FLOPs at GEMM speed", gemm)
        libraries = ["-c", "import torch, pandas, matplotlib.figure, exchange_calendars"]
        child = stockops("train-child", "--ticker", self.ticker)
        cold = best({"child": (child, self.env), "imports": (libraries, {})}, 3)
        whole, imports = cold["child"], cold["imports"]
        warm = float(run(script("warm.py", "2", "train-child", "--ticker", self.ticker), self.env).out)
        yield Figure("train-child, the next ticker", warm, "its windows through the LSTM", once, "at most 3")
        yield Figure("train-child, a fresh process", whole, "imports and three such passes", imports + 3 * once)
        plain = self._plain()
        yield Figure("plain loop", plain, "train-child", whole, "at least 5")
        yield Figure("plain loop, Feast by its command", plain + self._feast(), "train-child", whole, "at least 10")

    def start_up(self) -> Iterator[Figure]:
        """Time help, a cache hit and a cache miss against unavoidable imports."""
        predict = stockops("predict-child", "--ticker", self.ticker)
        miss = [*predict, "--no-cache"]
        run(predict, self.env)
        calls = {
            "import typer": (["-c", "import typer"], {}),
            "import torch": (["-c", "import torch"], {}),
            "--help": (stockops("--help"), self.env),
            "predict-child, hit": (predict, self.env),
            "predict-child, miss, no Feast": (miss, self.apart),
            "predict-child, miss, Feast": (miss, self.env),
        }
        goals = {"hit": ("typer", "at most 4"), "no Feast": ("torch", "at most 1"), "Feast": ("torch", "at most 1.75")}
        found = best(calls, 10)
        for what in list(calls)[2:]:
            library, goal = goals.get(what.split(", ")[-1], ("typer", ""))
            yield Figure(what, found[what], f"import {library}", found[f"import {library}"], goal)

    def backtest(self) -> Iterator[Figure]:
        """Backtest two tickers from the same start; the first call trains the parent."""
        test = stockops("backtest", "--start", self._start(), "--baselines", "none", "--ticker")
        first = run([*test, self.ticker], self.apart).seconds
        again = run([*test, self.tickers[1]], self.apart).seconds
        yield Figure("backtest, the next ticker of a start", again, "the first, with a parent's training", first)

    def batches(self, sizes: list[int]) -> Iterator[Batch]:
        """Train and forecast lists of each length."""
        for size in sizes:
            names = self.folder / f"tickers{size}"
            names.write_text("\n".join(self.tickers[:size]) + "\n")
            for command in ("train-child", "predict-child"):
                extra = ["--no-cache"] if command == "predict-child" else []
                words = stockops(command, "--tickers-file", str(names), *extra)
                yield _batch(command, size, run(words, self.env, may_leave_with=_SHORT))

    def _start(self) -> str:
        """Return the start of the backtests, about two years before the earlier end of both histories."""
        ends = [histories.last_session(self.data, ticker) for ticker in self.tickers[:2]]
        return f"{min(ends).year - 2}-01-03"

    def _plain(self) -> float:
        parent = self.home / "outputs" / "parent" / "^GSPC_parent_model.pt"
        words = [str(self.data), self.ticker, str(parent), str(self.folder / "plain.pt"), "10"]
        return run(script("reference.py", *words), {}).seconds

    def _feast(self) -> float:
        """Return the seconds for two calls of Feast's command line, as a script makes after each download."""
        store = self.home / "feature_store"
        for file in (_ROOT / "feature_store").glob("feature*"):
            shutil.copy(file, store)
        call = ["-c", "import sys; from feast.cli.cli import cli; cli(sys.argv[1:])", "-c", str(store)]
        apply = run([*call, "apply"], {}).seconds
        return apply + run([*call, "materialize-incremental", "2030-01-01T00:00:00"], {}).seconds


def _batch(command: str, size: int, ran: Ran) -> Batch:
    rows = [json.loads(line) for line in ran.out.splitlines()]
    done = sum(row.get("status") != "failed" for row in rows)
    return Batch(command, size, done, ran.seconds, ran.peak_bytes)


def _say(figure: Figure | Batch) -> None:
    if isinstance(figure, Figure):
        goal = f"  ({figure.goal})" if figure.goal else ""
        line = f"{figure.what:42} {figure.seconds:8.3f} s = {figure.ratio:6.2f} x {figure.yardstick}{goal}"
    else:
        line = (
            f"{figure.command} of {figure.tickers:4}: {figure.done} in {figure.seconds:.1f} s, "
            f"{figure.seconds / figure.done:.2f} s each, {figure.per_minute:.0f} a minute, "
            f"{figure.peak_bytes / 2**30:.2f} GiB"
        )
    sys.stderr.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of <SYMBOL>.csv files; the packaged samples if not said")
    parser.add_argument("--tickers", default="4,16", help="lengths of lists, apart by commas")
    parser.add_argument("--jobs", type=int, help="workers; as many as cores if not said")
    given = parser.parse_args()
    sizes = sorted(int(size) for size in given.tickers.split(","))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.data, max(sizes), given.jobs)
        figures, batches = [], []
        for part in (bench.training(), bench.start_up(), bench.backtest()):
            for figure in part:
                _say(figure)
                figures.append({**asdict(figure), "ratio": round(figure.ratio, 3)})
        for batch in bench.batches(sizes):
            _say(batch)
            batches.append({**asdict(batch), "per_minute": round(batch.per_minute, 1)})
    document = {"schema": 1, "cores": os.cpu_count(), "threads": bench.threads, "figures": figures, "batches": batches}
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
