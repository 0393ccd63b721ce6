"""How yfinance is made to behave, whatever it is asked for. yfinance's owner."""

import logging
import time
from pathlib import Path
from typing import Any

import yfinance
from curl_cffi import requests
from yfinance.data import YfData

from stockops.adapters.network.bounded_io import MOST_BYTES, AnswerTooLargeError
from stockops.adapters.storage.atomic_write import translate_errors


class YahooSession(requests.Session[Any]):
    """A browser-like session, as yfinance makes one, that keeps the last answer of the address it watches.

    yfinance hands its time-out to some requests only: looking up a time zone waits 10 s whatever was asked for. And one
    call of it makes several: no request takes longer than the time-out, nor all of them longer than `left_seconds`.
    """

    answer: Any = None

    def __init__(self, timeout_seconds: float, watched: str, left_seconds: float) -> None:
        super().__init__(impersonate="chrome")
        YfData.cache_get.cache_clear()  # it would hand a failed answer to the next attempt
        self._timeout_seconds = timeout_seconds
        self._watched = watched
        self._until = time.monotonic() + left_seconds

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        """Ask within the time-out, for no more than MOST_BYTES after unpacking, and keep what is watched."""
        body = bytearray()

        def take(part: bytes) -> int:
            body.extend(part)
            if len(body) > MOST_BYTES:
                raise AnswerTooLargeError
            return len(part)

        seconds = max(0.1, min(self._timeout_seconds, self._until - time.monotonic()))
        answer = super().request(method, url, *args, **{**kwargs, "timeout": seconds, "content_callback": take})
        answer.content = bytes(body)
        if self._watched in url:
            self.answer = answer
        return answer

    @property
    def status(self) -> int:
        """The status of the last answer, 0 before any."""
        return 0 if self.answer is None else int(self.answer.status_code)


def prepare(cache_dir: Path) -> None:
    """Make yfinance raise, keep quiet, and leave its time zones in our cache instead of the user's home."""
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    with translate_errors(cache_dir):
        cache_dir.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(cache_dir))
    yfinance.config.debug.hide_exceptions = False
