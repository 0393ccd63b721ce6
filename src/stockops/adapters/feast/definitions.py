"""Feast's definitions: one entity, one feature view, and where a home stores them.

Paths are relative to the home's `feature_store/`, for Feast's own command line and for stockops, so that a home can be
moved. Import this after `feast_import.load`.
"""

import hashlib
from datetime import timedelta
from typing import Any

import feast
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float32

from stockops.adapters.feast.ticker_files import TICKER, TIME
from stockops.market.features import FEATURES

VIEW = "stock_stats"
FOREVER = timedelta(days=36_500)
DIGEST = "stockops_definitions"  # the tag that shows whether the registered definitions match these

PLACES: dict[str, Any] = {  # duplicated in feature_store/feature_store.yaml for Feast's own command line
    "project": "stockops",
    "provider": "local",
    "registry": {
        "registry_store_type": "stockops.adapters.feast.registry.WholeFileRegistryStore",
        "path": "data/registry.db",
    },
    "offline_store": "stockops.adapters.feast.offline.TickerFilesOfflineStore",
    "online_store": {"type": "stockops.adapters.feast.online.HomeOnlineStore", "path": "data/online_store.db"},
    "materialization": {"pull_latest_features": True},
    "entity_key_serialization_version": 3,
}


def entity() -> Entity:
    """Return the entity: a ticker symbol."""
    return Entity(name=TICKER, join_keys=[TICKER], value_type=ValueType.STRING, description="Symbol, e.g. AAPL.")


def view(of: Entity) -> FeatureView:
    """Return the view of a ticker's seven features, tagged with a digest of the definitions."""
    source = FileSource(name="features", path="data/features.parquet", timestamp_field=TIME)
    schema = [Field(name=name, dtype=Float32) for name in FEATURES]
    stats = FeatureView(
        name=VIEW,
        entities=[of],
        ttl=FOREVER,
        schema=schema,
        source=source,
        description="Daily bars, adjusted, with RSI14 and MACD; the event is the session's close.",
    )
    stats.tags = {DIGEST: _digest(of, stats)}
    return stats


def _digest(of: Entity, stats: FeatureView) -> str:
    spec = stats.to_proto().spec
    spec.batch_source.ClearField("meta")  # holds the creation time of this object
    text = of.to_proto().spec.SerializeToString(deterministic=True) + spec.SerializeToString(deterministic=True)
    return hashlib.sha256(feast.__version__.encode() + text).hexdigest()[:16]
