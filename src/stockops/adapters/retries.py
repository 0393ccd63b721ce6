"""One way to try again: exponential waits with jitter, bounded in number and in time."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from stockops.errors import TryAgainError

T = TypeVar("T")


class Transient(Exception):
    """A failure that the next attempt may not meet; `str()` says which, without address or key."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, how far apart, and how long in all."""

    attempts: int = 4
    first_wait_seconds: float = 2.0
    longest_wait_seconds: float = 30.0
    total_seconds: float = 60.0

    def run(self, vendor: str, call: Callable[[], T]) -> T:
        """Return what `call` returns; TryAgainError once it has raised Transient too often or for too long."""
        log = logging.getLogger(f"stockops.{vendor}")

        def say(state: RetryCallState) -> None:
            failure = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0.0
            log.info("%s: %s; trying again in %.1f s", vendor, failure, wait)

        attempts = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.total_seconds),
            wait=wait_exponential_jitter(
                self.first_wait_seconds, self.longest_wait_seconds, jitter=self.first_wait_seconds
            ),
            before_sleep=say,
            reraise=True,
        )
        try:
            return attempts(call)
        except Transient as exc:
            tried = attempts.statistics.get("attempt_number", 1)
            raise TryAgainError(
                f"{vendor}: {exc} (attempt {tried} of {self.attempts})",
                "try again later; nothing was taken from another source",
            ) from exc
