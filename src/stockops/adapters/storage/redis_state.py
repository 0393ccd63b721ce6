"""State in Redis, which several machines can share."""

import re
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property

import redis

from stockops.adapters.storage import redis_client

_TOTALS = "stockops:totals"  # one hash: field -> running total
_PROBE = "stockops:check"
_SCAN_TIMEOUTS = 10  # a server with millions of foreign keys takes a thousand round trips


class RedisState:
    """Port StateStore on a Redis server."""

    needs = ("redis",)
    in_home = False

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds

    def close(self) -> None:
        """Close the connections."""
        if client := self.__dict__.get("_client"):
            client.close()

    def get(self, key: str) -> bytes | None:
        """Return a value, or None."""
        with self._translate_errors():
            value = self._client.get(key)
        return bytes(value) if isinstance(value, bytes) else None

    def put(self, key: str, value: bytes, *, seconds: int) -> None:
        """Store a value that expires after `seconds`."""
        with self._translate_errors():
            self._client.set(key, value, ex=seconds)

    def delete(self, key: str) -> bool:
        """Delete a value; return whether there was one."""
        with self._translate_errors():
            return bool(self._client.delete(key))

    def keys(self, prefix: str) -> list[str]:
        """Return the keys with a prefix, sorted."""
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", prefix) + "*"
        with self._translate_errors():
            until = time.monotonic() + _SCAN_TIMEOUTS * self._timeout_seconds
            found = set()
            for key in self._client.scan_iter(match=pattern, count=1000):
                found.add(_text(key))
                if time.monotonic() > until:
                    raise redis.TimeoutError
            return sorted(found - {_TOTALS})

    def seconds_left(self, key: str) -> int | None:
        """Return the seconds until a value expires; None if there is none."""
        with self._translate_errors():
            left = int(self._client.ttl(key))
        return left if left >= 0 else None

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to running totals in one transaction."""
        with self._translate_errors():
            transaction = self._client.pipeline(transaction=True)
            for name, amount in amounts.items():
                transaction.hincrbyfloat(_TOTALS, name, amount)
            transaction.execute()

    def totals(self) -> dict[str, float]:
        """Return every running total."""
        with self._translate_errors():
            found = self._client.hgetall(_TOTALS).items()
            return {_text(name): float(total) for name, total in found if isinstance(name, (bytes, str))}

    def check(self) -> str:
        """Write and delete a probe value; return the server's version and address."""
        with self._translate_errors():
            version = self._client.info("server")["redis_version"]
            self._client.set(_PROBE, b"", ex=1)  # fails on a replica or a full server, which only serve reads
            self._client.delete(_PROBE)
        return f"{version} at {redis_client.address(self._url)}"

    @cached_property
    def _client(self) -> "redis.Redis":
        return redis_client.connect(self._url, self._timeout_seconds)

    def _translate_errors(self) -> AbstractContextManager[None]:
        return redis_client.translated(self._url)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
