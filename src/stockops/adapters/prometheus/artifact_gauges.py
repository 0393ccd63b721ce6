"""Gauges from the latest reports and models under `outputs/`."""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stockops import strict_json
from stockops.adapters.storage import regular_files
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.monitoring.catalogue import Sample, health
from stockops.records import MARKET

Report = Mapping[str, Any]


def samples(home: Path) -> list[Sample]:
    """Return every gauge found in the artifacts; damaged and skipped reports are ignored."""
    found: list[Sample] = []
    for folder in sorted((home / "outputs").glob("*/")):
        if folder.name == MARKET:  # the index has only one model, the parent
            continue
        ticker = MARKET if folder.name == "parent" else folder.name
        trained = [model.stat().st_mtime for model in folder.glob("*_model.pt") if os.path.isfile(model)]
        found += [_of("stockops_model_trained_timestamp_seconds", ticker, moment) for moment in trained]
        for name, read in _READERS.items():
            found += _read(folder / name, ticker, read)
    return [*found, *_last_training(home)]


def _read(path: Path, ticker: str, read: Callable[[str, Report], Iterator[Sample]]) -> list[Sample]:
    try:
        found = list(read(ticker, strict_json.read(regular_files.read(path))))
    except (OSError, NotAFileError, ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return []
    return [sample for sample in found if math.isfinite(sample.value)]


def _drift(ticker: str, report: Report) -> Iterator[Sample]:
    yield _of("stockops_drift_score", ticker, report["drift_score"])
    yield _of("stockops_drift_volatility_ratio", ticker, report["volatility_index"])
    yield _of("stockops_drift_health", ticker, health(report["health"]))
    yield _of("stockops_drift_returns_health", ticker, health(report["returns"]["health"]))


def _evaluation(ticker: str, report: Report) -> Iterator[Sample]:
    yield _of("stockops_agent_score", ticker, report["metrics"]["overall_score"])
    if report["metrics"]["grounding"] is not None:
        yield _of("stockops_agent_grounding", ticker, report["metrics"]["grounding"]["share"])


def _performance(ticker: str, report: Report) -> Iterator[Sample]:
    """Yield health, skill by span, and coverage and scaled errors over the longest span."""
    yield _of("stockops_performance_health", ticker, health(report["health"]))
    spans = report["sessions"]
    for window, found in spans.items():
        if found["skill"] is not None:
            yield Sample("stockops_skill", {"ticker": ticker, "window": window}, found["skill"])
    longest = spans[max(spans, key=int)]
    for level, share in longest["coverage"].items():
        yield Sample("stockops_coverage", {"ticker": ticker, "level": level}, share)
    for horizon, found in longest["horizons"].items():
        if found["mase"] is not None:
            yield Sample("stockops_mase", {"ticker": ticker, "horizon": horizon}, found["mase"])


def _last_training(home: Path) -> Iterator[Sample]:
    """Yield the error of the most recently trained model."""
    files = [path for path in (home / "outputs").glob("*/*_metrics.json") if os.path.isfile(path)]
    found = sorted(files, key=lambda path: path.stat().st_mtime)
    for path in found[-1:]:
        yield from _read(path, "", lambda _, report: iter([Sample("training_mse_last", {}, float(report["MSE"]))]))


def _of(name: str, ticker: str, value: float) -> Sample:
    return Sample(name, {"ticker": ticker}, float(value))


_READERS = {
    "drift/latest_drift.json": _drift,
    "agent_eval/latest_eval.json": _evaluation,
    "performance/latest_performance.json": _performance,
}
