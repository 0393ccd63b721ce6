"""Graceful degradation: a failed optional service is logged once and named in the result's `degraded`.

A service that has failed is skipped for a while, so that a dead one costs its timeout once, not once per ticker.
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
ARTIFACTS = "artifacts"  # stands in `degraded` for files that could not be written


class OptionalServices:
    """Tracks the optional services that failed during a call."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failed_at: dict[str, float] = {}
        self._said: set[str] = set()
        self._missed: set[str] = set()
        self._doubts: set[str] = set()

    def begin(self) -> None:
        """Start a new unit of work, with its own result and `degraded`."""
        self._missed.clear()
        self._doubts.clear()

    @property
    def degraded(self) -> tuple[str, ...]:
        """The services that failed this unit of work, and the defects of its input, sorted."""
        return tuple(sorted(self._missed | self._doubts))

    @property
    def missed(self) -> list[str]:
        """The services that failed this unit of work, sorted; the same work may succeed fully later."""
        return sorted(self._missed)

    def doubt(self, *found: str) -> None:
        """Record defects of this unit of work's input; unlike failures, they will not go away on a retry."""
        self._doubts.update(found)

    def attempt(self, service: Service, work: Callable[[], T]) -> T | None:
        """Return the result of `work`, which needs the service, or None if the service fails.

        Skipped within a minute of a failure of anything the service depends on.
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
        """Return the result of `work`, which writes a finished result, or None if it cannot be written.

        A full disk costs the files, not the result.
        """
        try:
            return work()
        except (TryAgainError, UsageError) as exc:
            self.note(ServiceError(exc.message, exc.hint, service=ARTIFACTS, alive=True))
            return None

    def note(self, failure: ServiceError) -> None:
        """Record the failure of a service, and log its first one."""
        self._missed.add(failure.service)
        if not failure.alive:
            self._failed_at[failure.service] = self._now()
        if failure.service not in self._said:
            self._said.add(failure.service)
            log.warning("%s: going on without it", failure)

    def _is_down(self, name: str) -> bool:
        failed_at = self._failed_at.get(name)
        return failed_at is not None and self._now() - failed_at < PAUSE_SECONDS
