"""Fault tests run by `make chaos`: kills, damaged files, concurrent commands and hostile servers.

Prints the table of docs/reliability.md on stdout and each finding on stderr; exits with 1 if anything was lost, wrong
or late. `make chaos CHAOS="--share 0.1"` runs a tenth of the tests.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from chaos_calls import LATE, Called, Running, call, warm
from tests.hostile_server import HTTP_FAULTS, REDIS_FAULTS, hostile

from stockops.forecasting.checkpoint import deserialize
from stockops.records import PARENT, ModelRef

_AS_OF = "2006-06-30"
_CHILD = ModelRef("child", "AAPL")
_PREDICT = ("predict-child", "--ticker", "AAPL", "--no-cache", "--on-missing", "fail")
_PREDICT_KEPT = ("predict-child", "--ticker", "AAPL", "--on-missing", "fail")
_ANALYZE = ("analyze", "--ticker", "AAPL")
_PARTS = ("damage", "writes", "moments", "crowd", "alone", "together")
_TYPED = {0, 2, 3, 4, 5, 75}
_LIMITS = {
    "STOCKOPS_LLM_TIMEOUT_SECONDS": "2", "STOCKOPS_LLM_TOTAL_SECONDS": "3", "STOCKOPS_HTTP_TIMEOUT_SECONDS": "1",
    "STOCKOPS_HTTP_TOTAL_SECONDS": "2", "STOCKOPS_HTTP_ATTEMPTS": "2", "STOCKOPS_HTTP_WAIT_SECONDS": "0.1",
}  # fmt: skip
_ADDS = {  # the longest delay that a server may add to a call under these limits, in seconds
    "LLAMA_CPP_BASE_URL": 2.0, "OLLAMA_BASE_URL": 3.0, "LLAMA_CPP_EMBED_URL": 1.0, "QDRANT_URL": 1.0,
    "PUSHGATEWAY_URL": 1.5, "STOCKOPS_FINNHUB_URL": 1.0, "REDIS_URL": 1.0,
}  # fmt: skip
_HTTP = [name for name in _ADDS if name != "REDIS_URL"]
_GRACE = 2.0  # seconds beyond a deadline that are tolerated


@dataclass
class Row:
    """A kind of fault: how often it was tried, and what went wrong."""

    fault: str
    tries: int = 0
    lost: int = 0
    wrong: int = 0
    late: int = 0
    ended: Counter[str] = field(default_factory=Counter)

    def found(self, what: str, why: str) -> None:
        """Count a failure and print it."""
        setattr(self, what, getattr(self, what) + 1)
        print(f"{self.fault}: {what}: {why}", file=sys.stderr)

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {how}" for how, count in self.ended.most_common())
        return f"| {self.fault} | {self.tries} | {self.lost} | {self.wrong} | {self.late} | {ended} |"


class Chaos:
    """A home with models and their expected forecasts, the reference for every fault."""

    def __init__(self, folder: Path, share: float, seed: int) -> None:
        self.folder, self.share, self.random = folder, share, random.Random(seed)
        self.rows: list[Row] = []
        self.expected: dict[str, Any] = {}  # model version -> predictions
        self.fine = folder / "fine"
        train = ("train-child", "--ticker", "AAPL,MSFT", "--jobs", "1", "--seed")
        for seed_of_model in ("8", "7"):  # the second replaces the first
            self._made(call(*train, seed_of_model, env=self.env(self.fine), seconds=300))
            document = self._made(call(*_PREDICT, env=self.env(self.fine), seconds=300)).document
            self.expected[document["model_version"]] = document["predictions"]
        for command in (("analyze",), ("monitor-ticker",)):
            self._made(call(*command, "--ticker", "AAPL", env=self.env(self.fine), seconds=300))

    @staticmethod
    def _made(called: Called) -> Called:
        if called.code:
            raise SystemExit(f"nothing can be broken that does not work: {called.err}")
        return called

    def env(self, home: Path, **more: str) -> dict[str, str]:
        """Return the environment of a call in a home."""
        return {
            "STOCKOPS_HOME": str(home), "STOCKOPS_SOURCE": "sample", "STOCKOPS_AS_OF": _AS_OF, "STOCKOPS_EPOCHS": "1",
            "STOCKOPS_NEWS": "off", "STOCKOPS_FEATURE_STORE": "off", "STOCKOPS_TRACKING": "off",
            "STOCKOPS_LOCK_TIMEOUT_SECONDS": "20", **more,
        }  # fmt: skip

    def row(self, fault: str) -> Row:
        """Add a row to the table and return it."""
        self.rows.append(Row(fault))
        return self.rows[-1]

    def count(self, wanted: int) -> int:
        """Return `wanted` scaled by the share, at least 1."""
        return max(1, round(wanted * self.share))

    def home(self, name: str) -> Path:
        """Return a fresh copy of the home."""
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.fine, home, symlinks=True)
        return home

    def check(self, row: Row, home: Path, why: str) -> None:
        """Check that the next forecast is as if no fault had occurred."""
        called = call(*_PREDICT, env=self.env(home), seconds=30)
        if called.code == LATE:
            row.found("late", f"{why}: the next forecast did not end")
        elif called.code:
            row.found("lost", f"{why}: {called.err.strip()}")
        elif called.document["predictions"] != self.expected.get(called.document["model_version"]):
            row.found("wrong", f"{why}: another forecast")

    # Kills

    def writes(self) -> None:
        """Kill commands at each of their writes in turn."""
        row, home = self.row("kill -9 at a write"), self.home("writes")
        for command, whole, number in self._to_kill(home):
            at = 1 + number % max(1, whole.writes - 1)  # on a second run some folders already exist
            called = call(*command, env=self.env(home), kill_at_write=at)
            self._killed(row, home, called, f"{command[0]}, write {at}")

    def moments(self) -> None:
        """Kill commands at random moments."""
        row, home = self.row("kill -9 at any time"), self.home("moments")
        for command, whole, _ in self._to_kill(home):
            running = Running(command, self.env(home))
            time.sleep(self.random.uniform(0.0, 0.9 * whole.seconds))
            running.kill()
            self._killed(row, home, running.wait(30), command[0])

    def _to_kill(self, home: Path) -> Iterator[tuple[tuple[str, ...], Called, int]]:
        """Yield commands, the result of each when not killed, and how often it was killed before."""
        train = ("train-child", "--ticker", "AAPL", "--seed")
        others = [(name, "--ticker", "AAPL") for name in ("analyze", "monitor-ticker")]
        for command in (train, ("predict-child", "--ticker", "AAPL", "--no-cache"), *others):
            whole = call(*command, *("8" if command == train else ""), env=self.env(home))
            for number in range(self.count(30)):
                yield (*command, "78"[number % 2]) if command == train else command, whole, number

    def _killed(self, row: Row, home: Path, called: Called, why: str) -> None:
        row.tries += 1
        row.ended["killed" if called.code == -9 else "done before"] += 1
        for ref in (PARENT, _CHILD):
            path = home / "outputs" / ("parent" if ref == PARENT else "AAPL") / f"{ref.ticker}_{ref.checkpoint}"
            try:
                deserialize(path.read_bytes(), ref)
            except Exception as exc:  # noqa: BLE001  with any exception the model is lost
                row.found("lost", f"{why}: {path.name}: {exc}")
        self.check(row, home, why)

    # Damage

    def damage(self) -> None:
        """Damage each kind of file in each way, then run forecasts, analyze or metrics, and the doctor."""
        home = self.home("damaged")
        call("predict-child", "--ticker", "AAPL", env=self.env(home))
        kept = sorted(path for path in (home / "outputs").rglob("*") if path.is_file())
        for kind in (".pt", ".json", ".db"):
            row = self.row(f"damaged {kind}")
            paths = [path for path in kept if path.suffix == kind]
            for number in range(self.count(70)):
                way = list(_WAYS)[number // len(paths) % len(_WAYS)]
                self._damaged(row, home, paths[number % len(paths)], way)

    def _damaged(self, row: Row, home: Path, path: Path, way: str) -> None:
        whole = path.read_bytes()
        row.tries += 1
        _WAYS[way](path, self.random)
        why = f"{path.name}, {way}"
        for command in (_PREDICT, _PREDICT_KEPT, _ANALYZE if row.tries % 2 else ("metrics",), ("doctor",)):
            called = call(*command, env=self.env(home), seconds=30)
            if called.code == LATE:
                row.found("late", f"{why}: {command[0]}")
            elif called.code not in _TYPED:
                row.found("lost", f"{why}: {command[0]} left with {called.code}: {called.err.strip()[-200:]}")
            elif command[0] == "predict-child":
                row.ended[f"exit {called.code}"] += 1
                document = called.document
                if not called.code and document["predictions"] != self.expected.get(document["model_version"]):
                    row.found("wrong", f"{why}: another forecast")
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        path.write_bytes(whole)
        for rest in path.parent.glob(f"{path.name}-*"):
            rest.unlink()

    # Concurrent commands

    def crowd(self) -> None:
        """Run many commands concurrently in one home, and compare the counters with what was done."""
        row, home = self.row("commands at once"), self.home("crowd")
        before = self._totals(home)
        mix = [
            ("predict-child", "--ticker", "AAPL"), _PREDICT, ("predict-child", "--ticker", "MSFT", "--no-cache"),
            ("train-child", "--ticker", "AAPL", "--seed", "7"), ("analyze", "--ticker", "AAPL"), ("metrics",),
            ("monitor-ticker", "--ticker", "MSFT"), ("cache", "clear"), ("predict-parent",), ("status",),
        ]  # fmt: skip
        done: Counter[str] = Counter()
        for _ in range(self.count(11)):
            running = [(command, Running(command, self.env(home))) for command in mix]
            for command, one in running:
                called = one.wait(120)
                row.tries += 1
                row.ended[f"exit {called.code}"] += 1
                if called.code == LATE:
                    row.found("late", command[0])
                elif called.code:
                    row.found("lost", f"{command[0]} left with {called.code}: {called.err.strip()[-200:]}")
                else:
                    done[command[0]] += 1
        grown = {name: total - before.get(name, 0) for name, total in self._totals(home).items()}
        forecasts = sum(total for name, total in grown.items() if name.startswith("prediction_total"))
        wanted = sum(done[name] for name in ("predict-child", "predict-parent", "analyze", "monitor-ticker"))
        trained = sum(total for name, total in grown.items() if name.startswith("training_duration_seconds_count"))
        for what, counted, were in (("forecasts", forecasts, wanted), ("trainings", trained, done["train-child"])):
            if counted != were:
                row.found("wrong", f"{were} {what} and {counted} counted")
        self.check(row, home, "afterwards")

    def _totals(self, home: Path) -> dict[str, float]:
        called = call("metrics", "--json", env=self.env(home))
        return {
            name: value for name, value in called.document["metrics"].items() if "_total" in name or "_count" in name
        }

    # Hostile servers

    def alone(self) -> None:
        """Make each server misbehave alone."""
        row, home = self.row("a hostile server"), self.home("alone")
        usual = call(*_ANALYZE, env=self.env(home))
        for fault in HTTP_FAULTS if self.share >= 1 else HTTP_FAULTS[:2]:
            for variable in _HTTP:
                self._hostile(row, home, usual, {variable: fault}, _ADDS[variable])
        for redis_fault in REDIS_FAULTS:
            self._hostile(row, home, usual, {"REDIS_URL": redis_fault}, _ADDS["REDIS_URL"])

    def together(self) -> None:
        """Make all servers misbehave at once."""
        row, home = self.row("all servers hostile at once"), self.home("together")
        usual = call(*_ANALYZE, env=self.env(home))
        for fault in HTTP_FAULTS:
            # Both chat models together are bound by STOCKOPS_LLM_TOTAL_SECONDS.
            adds = sum(_ADDS[variable] for variable in _HTTP) - 1
            self._hostile(row, home, usual, dict.fromkeys(_HTTP, fault), adds)

    def _hostile(self, row: Row, home: Path, usual: Called, faults: Mapping[str, Any], seconds: float) -> None:
        with ExitStack() as stack:
            said = dict(_LIMITS)
            for name, fault in faults.items():
                place = stack.enter_context(hostile(fault))
                said[name] = f"redis://127.0.0.1:{place.port}/0" if name == "REDIS_URL" else place.url
            if "STOCKOPS_FINNHUB_URL" in said:
                said |= {"FINNHUB_API_KEY": "k", "STOCKOPS_NEWS": "on"}
            if "QDRANT_URL" in said:  # which is used only if a language model is configured
                said.setdefault("OLLAMA_BASE_URL", "http://127.0.0.1:9")
            called = call(*_ANALYZE, env=self.env(home, **said), seconds=120)
        row.tries += 1
        row.ended[f"exit {called.code}"] += 1
        why = f"{', '.join(faults)}, {next(iter(faults.values()))}"
        if called.seconds > usual.seconds + seconds + _GRACE:
            row.found("late", f"{why}: {called.seconds:.1f} s, usually {usual.seconds:.1f}")
        if called.code or not called.document.get("report"):
            row.found("lost", f"{why}: left with {called.code}: {called.err.strip()[-200:]}")
        elif called.peak_bytes > usual.peak_bytes + (150 << 20):
            row.found("wrong", f"{why}: {called.peak_bytes >> 20} MiB, usually {usual.peak_bytes >> 20}")


def _flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def _halve(path: Path, _: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def _noise(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.randbytes(5_000))


def _as_folder(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _as_pipe(path: Path, _: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_other(path: Path, _: random.Random) -> None:
    others = sorted(other for other in path.parent.parent.rglob(f"*{path.suffix}") if other.is_file() and other != path)
    if others:
        path.write_bytes(others[-1].read_bytes())


_WAYS: dict[str, Callable[[Path, random.Random], None]] = {
    "a bit": _flip, "half": _halve, "empty": _empty, "noise": _noise, "folder": _as_folder, "pipe": _as_pipe,
    "another's": _as_other,
}  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Return the Markdown table for the docs."""
    head = ["| fault | tries | lost | wrong | late | how it ended |", "|---|---:|---:|---:|---:|---|"]
    return "\n".join([*head, *map(str, rows)])


def part(name: str, share: float, seed: int) -> list[Row]:
    """Run one part in its own home."""
    warm()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        chaos = Chaos(Path(folder), share, seed)
        getattr(chaos, name)()
    print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return chaos.rows


def main(arguments: Sequence[str]) -> int:
    """Run all parts, two at a time, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="how much of it to do")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is random")
    parser.add_argument("--only", choices=_PARTS, help="one part alone")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", file=sys.stderr)
    rows: list[Row] = []
    if options.only:
        rows += part(options.only, options.share, options.seed)
    else:
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            begun = [pool.submit(part, name, options.share, options.seed) for name in _PARTS]
            rows += [row for done in begun for row in done.result()]
    print(table(rows))
    return int(any(row.lost or row.wrong or row.late for row in rows))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
