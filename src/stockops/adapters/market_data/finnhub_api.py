"""Finnhub's API over httpx: the code shared by candles and news."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from stockops import strict_json
from stockops.adapters.network import addresses, bounded_http
from stockops.adapters.network.retries import RetryPolicy, Transient, retry_after
from stockops.errors import DataError, UsageError

_NAME = "finnhub"
_NO_ADDRESS = "STOCKOPS_FINNHUB_URL is not an address"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinnhubApi:
    """One account. The key is sent in a header, never in the URL, because URLs are logged."""

    api_key: str = field(repr=False)
    base_url: str
    timeout_seconds: float
    retry: RetryPolicy

    def get(self, path: str, symbol: str, params: Mapping[str, str | int], what: str) -> Any:
        """Return the JSON at a path for a symbol; `what` names the data in errors.

        Raise UsageError if the base URL is invalid or the key or its plan is refused, TryAgainError if the server
        rate-limits, times out, is down or sends invalid JSON, DataError for any other refusal or an oversized or
        compressed response.
        """
        if not addresses.is_plain(self.base_url):
            raise UsageError(_NO_ADDRESS, addresses.cure(self.base_url, "https://HOST/PATH"))
        return self.retry.run(_NAME, lambda left: self._fetch(path, symbol, params, what, left))

    def _fetch(self, path: str, symbol: str, params: Mapping[str, str | int], what: str, left: float) -> Any:
        seconds = min(self.timeout_seconds, max(left, 0.1))
        try:
            with bounded_http.client(self.base_url, seconds, {"X-Finnhub-Token": self.api_key}) as client:
                response = client.get(path, params={"symbol": symbol, **params})
        except httpx.TimeoutException:
            raise Transient(f"no answer within {seconds:.3g} s") from None
        except (bounded_http.AnswerTooLarge, httpx.DecodingError) as exc:
            raise DataError(f"finnhub's answer for {symbol} is malformed: {exc}", "try again later") from None
        except httpx.InvalidURL:
            raise UsageError(_NO_ADDRESS, addresses.cure(self.base_url, "https://HOST/PATH")) from None
        except httpx.HTTPError as exc:
            raise Transient(f"no connection ({type(exc).__name__})") from None
        _raise_for_status(symbol, what, response.status_code, retry_after(response.headers))
        try:
            return strict_json.read(response.content)
        except ValueError:
            raise Transient("an answer that is no JSON") from None


def _raise_for_status(symbol: str, what: str, status: int, after_seconds: float | None) -> None:
    if status == 401:
        raise UsageError("finnhub refuses the key", "check FINNHUB_API_KEY")
    if status == 403:
        raise UsageError(f"finnhub: this key's plan has no {what} of {symbol}", "use another --source")
    if status == 429:
        raise Transient("rate limited", after_seconds)
    if status >= 500:
        raise Transient(f"server error {status}", after_seconds)
    if status >= 300:  # redirects too: the key must not reach another server
        raise DataError(f"finnhub answers {status} for {symbol}")
