"""One way to try again: waits as the server asks, else exponential ones with jitter; bounded in number and in time."""

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
    """A failure that the next attempt may not meet; `str()` says which, without address or key.

    after_seconds: how long the server asks to be left alone, None where it does not say.
    """

    def __init__(self, reason: str, after_seconds: float | None = None) -> None:
        asked = "" if after_seconds is None else f"; it asks to wait {after_seconds:.0f} s"
        super().__init__(reason + asked)
        self.after_seconds = after_seconds


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a `Retry-After` asks for, given as seconds or as a date; None where there is none."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, how far apart, and how long in all."""

    attempts: int = 4
    first_wait_seconds: float = 2.0
    longest_wait_seconds: float = 30.0
    total_seconds: float = 60.0

    def run(self, vendor: str, call: Callable[[float], T]) -> T:
        """Return what `call` returns, told how many seconds are left; TryAgainError once it has raised Transient too
        often or for too long.

        A server that asks for more time than is left has failed at once.
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
