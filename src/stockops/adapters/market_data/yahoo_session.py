"""Configuration and HTTP session shared by all uses of yfinance, which only the `yahoo*` modules import."""

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
    """A browser-like session, as yfinance creates, that records the last response from the watched address.

    yfinance passes its timeout to some requests only: a time zone lookup always waits up to 10 s. And one call makes
    several requests. Here no request exceeds the timeout, and together they do not exceed `left_seconds`.
    """

    answer: Any = None

    def __init__(self, timeout_seconds: float, watched: str, left_seconds: float) -> None:
        super().__init__(impersonate="chrome")
        YfData.cache_get.cache_clear()  # else a retry gets the cached failed response
        self._timeout_seconds = timeout_seconds
        self._watched = watched
        self._until = time.monotonic() + left_seconds

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        """Send a request within the timeout and MOST_BYTES of decompressed response; record it if watched."""
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
        """The HTTP status of the last recorded response, 0 if there is none."""
        return 0 if self.answer is None else int(self.answer.status_code)


def prepare(cache_dir: Path) -> None:
    """Make yfinance raise its errors, stay quiet, and cache time zones in `cache_dir`, not the user's home."""
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    with translate_errors(cache_dir):
        cache_dir.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(cache_dir))
    yfinance.config.debug.hide_exceptions = False
