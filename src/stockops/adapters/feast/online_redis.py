"""Feast's Redis store on any address that redis-py accepts, with a timeout and no retries.

Import this after `feast_import.load`.
"""

from feast.infra.online_stores.redis import RedisOnlineStore
from feast.infra.supported_async_methods import SupportedAsyncMethods
from redis import Redis

from stockops.adapters.storage import redis_client


class BoundedRedisOnlineStore(RedisOnlineStore):
    """Replaces Feast's client, which takes only host and port and keeps redis-py's retries."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._bounded: Redis | None = None

    @property
    def async_supported(self) -> SupportedAsyncMethods:
        """No async methods: Feast's feature server then reads in a thread, through the client below."""
        return SupportedAsyncMethods()

    def _get_client(self, online_store_config: object) -> Redis:
        if self._bounded is None:
            self._bounded = redis_client.connect(self._url, self._timeout_seconds)
        return self._bounded
