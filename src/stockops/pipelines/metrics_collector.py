"""Collects metrics: totals, trainings and last successes from the state store, all else fresh from its source."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stockops import processes, strict_json
from stockops.monitoring.catalogue import TRAINING_STATUS, Sample
from stockops.optional_services import OptionalServices
from stockops.pipelines import tasks
from stockops.pipelines.metrics_recorder import SUCCESS, TRAINING
from stockops.ports import StateStore


@dataclass(frozen=True, slots=True)
class MetricsCollector:
    """Collects all metrics to expose. gauges: those from outside the state store."""

    state: StateStore
    optional: OptionalServices
    gauges: Callable[[], Sequence[Sample]]

    def gather(self) -> tuple[dict[str, float] | None, list[Sample]]:
        """Return the totals, None if the store is down, and every gauge."""
        totals = self.optional.attempt(self.state, self.state.totals)
        stored = self.optional.attempt(self.state, self._stored) or []
        return totals, [*self.gauges(), *stored]

    def _stored(self) -> list[Sample]:
        return [*self._trainings(), *self._successes()]

    def _trainings(self) -> list[Sample]:
        known, trainings = self._records(tasks.PREFIX), self._records(TRAINING)
        return [
            Sample("training_status", {"task_id": task_id}, _status(known.get(task_id, {}), trainings.get(task_id, {})))
            for task_id in sorted({*known, *trainings})
        ]

    def _records(self, prefix: str) -> dict[str, dict[str, Any]]:
        """Return the records below a prefix; an invalid one is empty: others may write to the store."""
        return {key.removeprefix(prefix): _record(self.state.get(key)) for key in self.state.keys(prefix)}

    def _successes(self) -> list[Sample]:
        found = []
        for key in self.state.keys(SUCCESS):
            command, _, ticker = key.removeprefix(SUCCESS).partition(":")
            moment = _number(self.state.get(key))
            if moment is not None:
                labels = {"command": command, "ticker": ticker}
                found.append(Sample("stockops_last_success_timestamp_seconds", labels, moment))
        return found


def _status(task: dict[str, Any], training: dict[str, Any]) -> int:
    """Return the value of `training_status`: that of the training, unless a background task has failed since.

    task: empty if there was none in the background. training: empty if none has begun.
    """
    failed = task.get("status") == "failed"
    if not training or (failed and str(task.get("finished_at")) > str(training.get("time"))):
        return TRAINING_STATUS.get(str(task.get("status")), 0)
    if training.get("status") == "running" and _is_dead(str(training.get("process"))):
        return TRAINING_STATUS["idle"]
    return TRAINING_STATUS.get(str(training.get("status")), 0)


def _is_dead(process: str) -> bool:
    try:
        return processes.is_alive(process) is False
    except ValueError:
        return True


def _record(raw: bytes | None) -> dict[str, Any]:
    try:
        return dict(strict_json.read(raw or b"{}"))
    except (ValueError, TypeError):
        return {}


def _number(raw: bytes | None) -> float | None:
    try:
        moment = float(raw or b"")
    except ValueError:
        return None
    return moment if math.isfinite(moment) else None
