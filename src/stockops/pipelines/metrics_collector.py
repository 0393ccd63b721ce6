"""Collects metrics: totals, trainings and last successes from the state store, all else fresh from its source."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stockops import strict_json
from stockops.monitoring.catalogue import TRAINING_STATUS, Sample
from stockops.optional_services import OptionalServices
from stockops.pipelines import tasks
from stockops.pipelines.metrics_recorder import SUCCESS
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
        found = []
        for key in self.state.keys(tasks.PREFIX):
            status = _status(self.state.get(key))
            labels = {"task_id": key.removeprefix(tasks.PREFIX)}
            found.append(Sample("training_status", labels, TRAINING_STATUS.get(status, 0)))
        return found

    def _successes(self) -> list[Sample]:
        found = []
        for key in self.state.keys(SUCCESS):
            command, _, ticker = key.removeprefix(SUCCESS).partition(":")
            moment = _number(self.state.get(key))
            if moment is not None:
                labels = {"command": command, "ticker": ticker}
                found.append(Sample("stockops_last_success_timestamp_seconds", labels, moment))
        return found


def _status(raw: bytes | None) -> str:
    """Return the status in a task's record; "" if the record is invalid: others may write to the store."""
    try:
        return str(strict_json.read(raw or b"{}").get("status", ""))
    except (ValueError, AttributeError):
        return ""


def _number(raw: bytes | None) -> float | None:
    try:
        moment = float(raw or b"")
    except ValueError:
        return None
    return moment if math.isfinite(moment) else None
