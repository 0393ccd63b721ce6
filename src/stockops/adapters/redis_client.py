"""The one way to talk to Redis: bounded, tried once, and its failures said without a password."""

from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stockops.errors import ServiceError, UsageError


def connect(url: str, timeout_seconds: float) -> "redis.Redis":
    """Return a client; connecting and each answer take no longer than the time-out.

    Nothing is tried twice: redis-py's own retries make a refused connection cost seconds. UsageError for an
    address that is none.
    """
    try:
        return redis.Redis.from_url(
            url,
            socket_connect_timeout=timeout_seconds,
            socket_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # RESP3 opens with a HELLO, a round trip that nothing here needs
        )
    except ValueError:
        raise UsageError("REDIS_URL is not the address of a Redis", "write redis://HOST:PORT/0") from None


def address(url: str) -> str:
    """Return the server without user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path


def failure(url: str, exc: redis.RedisError) -> ServiceError:
    """Return what a failed command means."""
    message = f"redis at {address(url)} does not serve: {_reason(exc)}"
    return ServiceError(message, "start it, or unset REDIS_URL and REDIS_HOST", service="redis")


def _reason(exc: redis.RedisError) -> str:
    if isinstance(exc, redis.TimeoutError):
        return "no answer in time"
    if isinstance(exc, redis.AuthenticationError):
        return "it wants another user or password"
    lines = str(exc).splitlines()
    return lines[0][:200].rstrip(".") if lines else type(exc).__name__
