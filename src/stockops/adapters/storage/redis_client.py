"""Redis connections with bounded time and size, no retries, and errors that never show a password."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.retry import Retry

from stockops.adapters.network import addresses
from stockops.adapters.network.bounded_io import BoundedSocket, Exchange, addresses_of
from stockops.errors import ServiceError, UsageError
from stockops.wording import one_line

_NO_ADDRESS = "REDIS_URL is not the address of a Redis"


def connect(url: str, timeout_seconds: float) -> "redis.Redis":
    """Return a client; connecting and each whole response take no longer than the timeout (bounded_io).

    No retries: redis-py's own make a refused connection cost seconds. Raise UsageError for an invalid address.
    """
    hint = addresses.cure(url, "redis://HOST:PORT/0")
    if not addresses.is_plain(url):
        raise UsageError(_NO_ADDRESS, hint)
    try:
        parts: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        kind = _BOUNDED[parts.pop("connection_class", Connection)]
        options = {
            "socket_connect_timeout": timeout_seconds,
            "socket_timeout": timeout_seconds,
            "protocol": 2,  # RESP3 starts with HELLO, a needless round trip
            **parts,
            "retry": Retry(NoBackoff(), 0),
        }
        pool = redis.ConnectionPool(connection_class=kind, **options)
        return redis.Redis.from_pool(pool)
    except (ValueError, TypeError):  # TypeError: an unknown option in the query
        raise UsageError(_NO_ADDRESS, hint) from None


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Translate a failed command into ServiceError.

    redis-py raises arbitrary errors on responses that violate the protocol: ValueError for `:abc`, TypeError or
    AttributeError for an array in place of a string.
    """
    try:
        yield
    except redis.RedisError as exc:
        raise failure(url, exc) from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise failure(url, redis.InvalidResponse("an answer that is none of Redis's")) from None


class _Tcp(Connection):
    def _connect(self) -> socket.socket:
        exchange = Exchange()
        addresses_of(self.host, self.port, self.socket_connect_timeout)
        return _bounded(super()._connect(), exchange)  # type: ignore[no-untyped-call]


class _Tls(SSLConnection):
    def _connect(self) -> socket.socket:
        exchange = Exchange()
        addresses_of(self.host, self.port, self.socket_connect_timeout)
        return _bounded(super()._connect(), exchange)  # type: ignore[no-untyped-call]


class _Unix(UnixDomainSocketConnection):
    def _connect(self) -> socket.socket:
        exchange = Exchange()
        return _bounded(super()._connect(), exchange)  # type: ignore[no-untyped-call]


def _bounded(sock: socket.socket, exchange: Exchange) -> socket.socket:
    return BoundedSocket(sock, exchange)  # type: ignore[return-value]  # duck-types a socket


_BOUNDED = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def address(url: str) -> str:
    """Return the server's address without user and password."""
    return addresses.shown(url)


def failure(url: str, exc: redis.RedisError) -> ServiceError:
    """Return a failed command as a ServiceError."""
    message = f"redis at {address(url)} does not serve: {_reason(exc)}"
    return ServiceError(message, _cure(exc), service="redis")


def _reason(exc: redis.RedisError) -> str:
    if isinstance(exc, redis.TimeoutError):
        return "no answer in time"
    if isinstance(exc, redis.AuthenticationError):
        return "it wants another user or password"
    return one_line(exc).rstrip(".") or type(exc).__name__


def _cure(exc: redis.RedisError) -> str:
    if isinstance(exc, redis.exceptions.ReadOnlyError):
        return "give REDIS_URL the address of its primary"
    if isinstance(exc, redis.exceptions.OutOfMemoryError):
        return "raise its maxmemory"
    return "start it, or unset REDIS_URL and REDIS_HOST"
