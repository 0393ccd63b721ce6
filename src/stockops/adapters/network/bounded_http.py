"""The HTTP client of every adapter that uses httpx: limited by bounded_io, and rejecting compressed responses.

Redirects are not followed, so that request data, API keys above all, reach only the intended server.
"""

import ssl
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from stockops.adapters.network.bounded_io import AnswerTooLargeError, Exchange, addresses_of


class AnswerTooLarge(httpx.TransportError):
    """bounded_io.AnswerTooLargeError as an httpx error; not a dropped connection, so retrying is pointless."""


def client(
    url: str,
    timeout: float | httpx.Timeout,
    headers: Mapping[str, str] | None = None,
    credentials: tuple[str, str] | None = None,
) -> httpx.Client:
    """Return a client for one server; each timeout except connect covers a request and its whole response."""
    return httpx.Client(
        base_url=url, transport=BoundedTransport(url), timeout=timeout, headers=headers, auth=credentials
    )


class BoundedTransport(httpx.HTTPTransport):
    """httpx's transport to one server, through the proxy configured in the environment."""

    def __init__(self, url: str) -> None:
        # httpx loads every CA certificate, 30 ms, also for a server without TLS; without any, no TLS could succeed.
        plain = urlsplit(url).scheme == "http"
        super().__init__(proxy=_proxy(url), verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True)
        self._pool._network_backend = _Backend()  # httpcore expects it when the pool is created, which httpx does

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Request an uncompressed response: a few KiB of gzip can expand to gigabytes."""
        request.headers["Accept-Encoding"] = "identity"
        response = super().handle_request(request)
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            response.close()
            raise httpx.DecodingError("an answer compressed against our wish")
        return response


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve the host and try its addresses, all within the timeout."""
        exchange = Exchange()
        failure: Exception = httpcore.ConnectError(f"no address of {host}")
        try:
            for address in addresses_of(host, port, timeout):
                try:
                    left = exchange.left(timeout)
                    stream = super().connect_tcp(address, port, left, local_address, socket_options)
                except httpcore.ConnectError as exc:
                    failure = exc
                else:
                    return _Stream(stream, exchange)
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(str(exc)) from None
        except OSError as exc:
            raise httpcore.ConnectError(str(exc)) from None
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange
        self._wrapped = False

    def __del__(self) -> None:
        if not self._wrapped:  # a client that was never closed releases its connections
            self._stream.close()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            left = self._exchange.left(timeout)
        except TimeoutError as exc:
            raise httpcore.ReadTimeout(str(exc)) from None
        data = self._stream.read(max_bytes, left)
        try:
            self._exchange.received(len(data))
        except AnswerTooLargeError as exc:
            raise AnswerTooLarge(str(exc)) from None
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._exchange.sent()
        try:
            left = self._exchange.left(timeout)
        except TimeoutError as exc:
            raise httpcore.WriteTimeout(str(exc)) from None
        self._stream.write(buffer, left)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._wrapped = True
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._exchange)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _proxy(url: str) -> str | None:
    """Return the proxy that `HTTP_PROXY` and related variables set for a server, read as httpx reads them."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    return f"http://{found}" if found and "://" not in found else found
