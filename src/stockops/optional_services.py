"""The one way to go on with less than there should be: said once in the log, named in the result's `degraded`.

A service that has failed is left alone for a while, so that a dead one costs its time-out once and not once
a ticker.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from stockops.errors import ServiceError, TryAgainError, UsageError
from stockops.ports import Service

T = TypeVar("T")

log = logging.getLogger("stockops")

PAUSE_SECONDS = 60.0
ARTIFACTS = "artifacts"  # what `degraded` calls files that could not be written


class OptionalServices:
    """What the services around a call did not do for it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failed_at: dict[str, float] = {}
        self._said: set[str] = set()
        self._missed: set[str] = set()
        self._doubts: set[str] = set()

    def begin(self) -> None:
        """Start another piece of work, with a result and a `degraded` of its own."""
        self._missed.clear()
        self._doubts.clear()

    @property
    def degraded(self) -> tuple[str, ...]:
        """What this piece of work did without, and what its input was found to lack, sorted."""
        return tuple(sorted(self._missed | self._doubts))

    @property
    def missed(self) -> list[str]:
        """The services that did not serve this piece of work, sorted: the same work may come out better later."""
        return sorted(self._missed)

    def doubt(self, *found: str) -> None:
        """Name what makes the input of this piece of work poorer than it should be; the same input stays so."""
        self._doubts.update(found)

    def attempt(self, service: Service, work: Callable[[], T]) -> T | None:
        """Return what `work`, which needs the service, returns; None when the service does not serve.

        Not even tried within a minute of a failure of anything the service stands on.
        """
        if down := [name for name in service.needs if self._is_down(name)]:
            self._missed.update(down)
            return None
        try:
            return work()
        except ServiceError as exc:
            self.note(exc)
            return None

    def save(self, work: Callable[[], T]) -> T | None:
        """Return what `work`, which writes a result that is finished, returns; None where nothing can be written.

        A full disk costs what would lie on it, not the result.
        """
        try:
            return work()
        except (TryAgainError, UsageError) as exc:
            self.note(ServiceError(exc.message, exc.hint, service=ARTIFACTS, alive=True))
            return None

    def note(self, failure: ServiceError) -> None:
        """Take note of a service that did not serve, and say so the first time."""
        self._missed.add(failure.service)
        if not failure.alive:
            self._failed_at[failure.service] = self._now()
        if failure.service not in self._said:
            self._said.add(failure.service)
            log.warning("%s: going on without it", failure)

    def _is_down(self, name: str) -> bool:
        failed_at = self._failed_at.get(name)
        return failed_at is not None and self._now() - failed_at < PAUSE_SECONDS
