"""How yfinance is made to behave, whatever it is asked for. yfinance's owner."""

import logging
from pathlib import Path
from typing import Any

import yfinance
from curl_cffi import requests
from yfinance.data import YfData


class YahooSession(requests.Session[Any]):
    """A browser-like session, as yfinance makes one, that keeps the last answer of the address it watches.

    yfinance hands its time-out to some requests only: looking up a time zone waits 10 s whatever was asked for.
    """

    answer: Any = None

    def __init__(self, timeout_seconds: float, watched: str) -> None:
        super().__init__(impersonate="chrome")
        YfData.cache_get.cache_clear()  # it would hand a failed answer to the next attempt
        self._timeout_seconds = timeout_seconds
        self._watched = watched

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        """Ask within the time-out, and keep what is watched."""
        answer = super().request(method, url, *args, **{**kwargs, "timeout": self._timeout_seconds})
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
    cache_dir.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(cache_dir))
    yfinance.config.debug.hide_exceptions = False
