"""The one way to talk to Redis: bounded, tried once, and its failures said without a password."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stockops.adapters import addresses
from stockops.errors import ServiceError, UsageError
from stockops.wording import one_line

_NO_ADDRESS = "REDIS_URL is not the address of a Redis"


def connect(url: str, timeout_seconds: float) -> "redis.Redis":
    """Return a client; connecting and each answer take no longer than the time-out.

    Nothing is tried twice: redis-py's own retries make a refused connection cost seconds. UsageError for an
    address that is none.
    """
    hint = addresses.cure(url, "redis://HOST:PORT/0")
    if not addresses.is_plain(url):
        raise UsageError(_NO_ADDRESS, hint)
    try:
        return redis.Redis.from_url(
            url,
            socket_connect_timeout=timeout_seconds,
            socket_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # RESP3 opens with a HELLO, a round trip that nothing here needs
        )
    except ValueError:
        raise UsageError(_NO_ADDRESS, hint) from None


def address(url: str) -> str:
    """Return the server without user and password."""
    return addresses.shown(url)


def failure(url: str, exc: redis.RedisError) -> ServiceError:
    """Return what a failed command means."""
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
