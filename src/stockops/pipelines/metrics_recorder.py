"""Records running totals, trainings, and when a command last succeeded; all in the state store."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Literal

from stockops import processes
from stockops.optional_services import OptionalServices
from stockops.ports import StateStore

SUCCESS = "last_success:"
TRAINING = "training:"
_SECONDS = 14 * 86_400  # a command not run for two weeks is no longer of interest
_TRAINING_SECONDS = {"running": 86_400, "completed": 3_600}

Increments = Mapping[str, float]  # series -> amount, as monitoring.catalogue makes them


@dataclass(frozen=True, slots=True)
class MetricsRecorder:
    """Records metrics. One `add` is all or nothing, and no increment is lost between processes."""

    state: StateStore
    optional: OptionalServices
    now: Callable[[], datetime]

    def add(self, *increments: Increments) -> None:
        """Add to the totals; if the store is down, log it and drop the increments."""
        together: dict[str, float] = reduce(lambda known, more: {**known, **more}, increments, {})
        self.optional.attempt(self.state, lambda: self.state.add(together))

    @contextmanager
    def training(self, task_id: str) -> Iterator[None]:
        """Record a training: as running while the context lasts, as completed for an hour after unless it fails."""
        self._put_training(task_id, "running")
        try:
            yield
        except BaseException:
            self.optional.attempt(self.state, lambda: self.state.delete(TRAINING + task_id))
            raise
        self._put_training(task_id, "completed")

    def _put_training(self, task_id: str, status: Literal["running", "completed"]) -> None:
        time = self.now().isoformat(timespec="seconds")
        record = json.dumps({"status": status, "time": time, "process": processes.this_process()}).encode()
        seconds = _TRAINING_SECONDS[status]
        self.optional.attempt(self.state, lambda: self.state.put(TRAINING + task_id, record, seconds=seconds))

    def succeeded(self, command: str, ticker: str) -> None:
        """Record that a command has just succeeded for a ticker."""
        value = f"{self.now().timestamp():.3f}".encode()
        self.optional.attempt(
            self.state, lambda: self.state.put(f"{SUCCESS}{command}:{ticker}", value, seconds=_SECONDS)
        )
