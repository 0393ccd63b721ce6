"""Gauges of Redis."""

from stockops.adapters.storage import redis_client
from stockops.errors import ServiceError
from stockops.monitoring.catalogue import Sample


def samples(url: str, timeout_seconds: float) -> list[Sample]:
    """Return whether Redis answers and, if so, its number of keys; nothing if not configured."""
    if not url:
        return []
    try:
        with redis_client.translated(url):
            keys = int(redis_client.connect(url, timeout_seconds).dbsize())
    except ServiceError:
        return [Sample("redis_up", {}, 0)]
    return [Sample("redis_up", {}, 1), Sample("redis_keys_total", {}, keys)]
