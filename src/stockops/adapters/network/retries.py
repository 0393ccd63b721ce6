"""Retries: waits as long as the server asks, else exponentially with jitter; limited in number and total time."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from stockops.errors import TryAgainError

T = TypeVar("T")


class Transient(Exception):
    """A failure that a retry may not hit; `str()` gives the reason, without address or key.

    after_seconds: how long the server asks to wait, None if it does not.
    """

    def __init__(self, reason: str, after_seconds: float | None = None) -> None:
        asked = "" if after_seconds is None else f"; it asks to wait {after_seconds:.0f} s"
        super().__init__(reason + asked)
        self.after_seconds = after_seconds


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in a `Retry-After` header, given as seconds or a date; None if absent or invalid."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How many attempts, how far apart, and for how long in total."""

    attempts: int = 4
    first_wait_seconds: float = 2.0
    longest_wait_seconds: float = 30.0
    total_seconds: float = 60.0

    def run(self, vendor: str, call: Callable[[float], T]) -> T:
        """Return the result of `call`, which receives the seconds remaining; retry it when it raises Transient.

        Raise TryAgainError when attempts or time run out, at once if the server asks for a wait longer than what
        remains.
        """
        until = time.monotonic() + self.total_seconds
        log = logging.getLogger(f"stockops.{vendor}")

        def say(state: RetryCallState) -> None:
            failure = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0.0
            log.info("%s: %s; trying again in %.1f s", vendor, failure, wait)

        exponential = wait_exponential_jitter(
            self.first_wait_seconds, self.longest_wait_seconds, jitter=self.first_wait_seconds
        )

        def wait(state: RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome else None
            asked = failure.after_seconds if isinstance(failure, Transient) else None
            return asked or exponential(state)

        attempts = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.total_seconds),
            wait=wait,
            before_sleep=say,
            reraise=True,
        )
        try:
            return attempts(lambda: call(until - time.monotonic()))
        except Transient as exc:
            tried = attempts.statistics.get("attempt_number", 1)
            raise TryAgainError(
                f"{vendor}: {exc} (attempt {tried} of {self.attempts})",
                "try again later; nothing was taken from another source",
            ) from exc
