"""Records running totals, and when a command last succeeded; both in the state store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from stockops.optional_services import OptionalServices
from stockops.ports import StateStore

SUCCESS = "last_success:"
_SECONDS = 14 * 86_400  # a command not run for two weeks is no longer of interest

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

    def succeeded(self, command: str, ticker: str) -> None:
        """Record that a command has just succeeded for a ticker."""
        value = f"{self.now().timestamp():.3f}".encode()
        self.optional.attempt(
            self.state, lambda: self.state.put(f"{SUCCESS}{command}:{ticker}", value, seconds=_SECONDS)
        )
