"""The pushgateway: Prometheus scrapes the last push until the next one."""

import base64
import re
from urllib.parse import quote

import httpx

from stockops import strict_json
from stockops.adapters.network import addresses, bounded_http
from stockops.adapters.prometheus.exposition import CONTENT_TYPE
from stockops.errors import ServiceError, UsageError
from stockops.wording import one_line

_SECONDS = 1.5
_NO_ADDRESS = "PUSHGATEWAY_URL is not the address of a pushgateway"
_SAFE = re.compile(r"[A-Za-z0-9._-]+")


class Pushgateway:
    """One group of metrics on a pushgateway (port MetricsGateway).

    url: http://HOST:PORT, optionally with USER:PASSWORD@ and a path prefix. instance: identifies the home; the same in
    all of its calls, so that a push replaces the previous one. seconds: upper bound on each request, whatever the
    network does.
    """

    needs = ("pushgateway",)

    def __init__(self, url: str, instance: str, job: str = "stockops", seconds: float = _SECONDS) -> None:
        self._address, self._credentials = _parts(url)
        self._group = f"metrics/{_pair('job', job)}/{_pair('instance', instance)}"
        self._seconds = seconds

    def push(self, exposition: bytes) -> None:
        """Replace the group with an exposition; ServiceError if the gateway does not accept it."""
        self._ask("PUT", self._group, exposition)

    def delete(self) -> None:
        """Delete the group; otherwise a home that is gone is scraped forever."""
        self._ask("DELETE", self._group)

    def check(self) -> str:
        """Return the gateway's version and address."""
        answer = self._ask("GET", "api/v1/status")
        try:
            version = str(strict_json.read(answer.content)["data"]["build_information"]["version"])
        except (ValueError, KeyError, TypeError):
            raise self._unserved("it answers as no pushgateway does") from None
        return f"{version} at {self._address}"

    def _ask(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        headers = {} if content is None else {"Content-Type": CONTENT_TYPE}
        try:
            with bounded_http.client(self._address, self._seconds, headers, self._credentials) as client:
                answer = client.request(method, path, content=content)
        except httpx.TimeoutException:
            raise self._unserved(f"no answer in {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as exc:  # the last three: a bad proxy or CA
            raise self._unserved(one_line(exc) or type(exc).__name__) from None
        if not answer.is_success:
            raise self._unserved(_refusal(answer))
        return answer

    def _unserved(self, reason: str) -> ServiceError:
        message = f"pushgateway at {self._address} does not serve: {reason}"
        return ServiceError(message, "start it, or unset its address", service="pushgateway")


def _parts(text: str) -> tuple[str, tuple[str, str] | None]:
    """Return the address without secrets, and the user and password if given."""
    try:
        url = httpx.URL(text if addresses.is_plain(text) else "")
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > 65_535:
        raise UsageError(_NO_ADDRESS, addresses.cure(text, "http://HOST:9091"))
    bare = httpx.URL(scheme=url.scheme, host=url.host, port=url.port, path=url.path)
    return str(bare).rstrip("/"), (url.username, url.password) if url.userinfo else None


def _pair(label: str, value: str) -> str:
    """Return a label of the grouping key as a path; base64-encoded if the value is unsafe in a path."""
    if _SAFE.fullmatch(value) and value not in (".", ".."):
        return f"{label}/{quote(value)}"
    return f"{label}@base64/{base64.urlsafe_b64encode(value.encode()).decode() or '='}"


def _refusal(answer: httpx.Response) -> str:
    if answer.status_code in (401, 403):
        return f"it wants another user or password (status {answer.status_code})"
    line = one_line((answer.text.strip().splitlines() or [""])[0])
    return f"status {answer.status_code}{': ' if line else ''}{line}"
