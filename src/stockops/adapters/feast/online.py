"""The online half of the feature store: Redis if the home is configured for it, else a SQLite file.

`feature_store.yaml` names this one store, so that Feast's own command line writes features where stockops reads them.
Import this after `feast_import.load`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from feast import Entity, FeatureView, RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.repo_config import FeastConfigBaseModel
from feast.utils import make_tzaware
from pydantic import SecretStr

from stockops.adapters.feast.rows import Progress, Read, Written


class HomeOnlineStoreConfig(FeastConfigBaseModel):
    """Which store a home uses; redis_url None: read from the environment and the home's `.env`, "": SQLite."""

    type: Literal[
        "stockops.adapters.feast.online.HomeOnlineStore",
        "stockops.adapters.feast_online.HomeOnlineStore",  # the name in files of earlier releases
    ] = "stockops.adapters.feast.online.HomeOnlineStore"
    path: str = "data/online_store.db"
    redis_url: SecretStr | None = None
    timeout_seconds: float = 1.0


class HomeOnlineStore(OnlineStore):
    """Feast's Redis or SQLite store, with one guarantee for both: an older row never replaces a newer one.

    A row of the same time does replace: a session's features may be corrected.
    """

    _versioned_read_supported = False  # otherwise Feast imports half a dozen other stores to find out
    _found: tuple[OnlineStore, RepoConfig] | None = None

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: list[Written], progress: Progress
    ) -> None:
        """Write rows, except those older than the stored ones."""
        store, its_config = self._of(config)
        existing = store.online_read(its_config, table, [key for key, *_ in data])
        fresh = [
            row for row, (time, _) in zip(data, existing, strict=True) if time is None or time <= make_tzaware(row[2])
        ]
        store.online_write_batch(its_config, table, fresh, progress)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[Read]:
        """Return the time and values of each key."""
        store, its_config = self._of(config)
        return store.online_read(its_config, table, entity_keys, requested_features)

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Prepare storage for the views to keep and drop that of the others."""
        store, its_config = self._of(config)
        store.update(its_config, tables_to_delete, tables_to_keep, entities_to_delete, entities_to_keep, partial)

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Drop everything."""
        store, its_config = self._of(config)
        store.teardown(its_config, tables, entities)

    def _of(self, config: RepoConfig) -> tuple[OnlineStore, RepoConfig]:
        """Return the store of a home and a configuration in that store's terms."""
        if self._found is None:
            ours: HomeOnlineStoreConfig = config.online_store
            folder = Path(config.repo_path or ".")
            if ours.redis_url is None:
                url, seconds = _configured(folder.parent)
            else:
                url, seconds = ours.redis_url.get_secret_value(), ours.timeout_seconds
            store, its_own = _redis(url, seconds) if url else _sqlite(folder / ours.path)
            self._found = store, _with(config, its_own)
        return self._found


def _with(config: RepoConfig, online_store: FeastConfigBaseModel) -> RepoConfig:
    return RepoConfig(
        project=config.project,
        provider=config.provider,
        registry=config.registry,
        online_store=online_store,
        offline_store=config.offline_config,
        entity_key_serialization_version=config.entity_key_serialization_version,
        repo_path=config.repo_path,
    )


def _configured(home: Path) -> tuple[str, float]:
    """Return the address of a home's Redis, "" for none, and its timeout."""
    from stockops.settings import Settings

    settings = Settings(_env_file=home / ".env", home=home)  # type: ignore[call-arg]
    return settings.redis_address, settings.service_timeout_seconds


def _sqlite(path: Path) -> tuple[OnlineStore, FeastConfigBaseModel]:
    from feast.infra.online_stores.sqlite import SqliteOnlineStoreConfig

    from stockops.adapters.feast.online_sqlite import SturdySqliteOnlineStore

    return SturdySqliteOnlineStore(path), SqliteOnlineStoreConfig(path=str(path))


def _redis(url: str, timeout_seconds: float) -> tuple[OnlineStore, FeastConfigBaseModel]:
    from feast.infra.online_stores.redis import RedisOnlineStoreConfig

    from stockops.adapters.feast.online_redis import BoundedRedisOnlineStore

    # Feast's own deduplication also skips rows of the same time; older ones are filtered out above.
    return BoundedRedisOnlineStore(url, timeout_seconds), RedisOnlineStoreConfig(skip_dedup=True)
