"""Feast's registry file, written whole or not at all.

Feast's own registry store rewrites the file in place: a reader meets half of it, and a process that is
killed on the way leaves it unreadable for ever.
"""

import uuid
from datetime import UTC, datetime
from pathlib import Path

from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.FeatureView_pb2 import FeatureViewMeta
from feast.protos.feast.core.Registry_pb2 import Registry
from google.protobuf.message import DecodeError

from stockops.adapters.storage.atomic_write import write_whole
from stockops.errors import ServiceError


class DamagedRegistryError(ServiceError):
    """The registry is there and cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"the feature registry {path} is damaged", "run: stockops features apply", service="feast")


class WholeFileRegistryStore(FileRegistryStore):
    """Feast's file registry, as `feature_store.yaml` names it."""

    def get_registry_proto(self) -> Registry:
        """Return the registry; FileNotFoundError, which Feast expects, where there is none."""
        try:
            return super().get_registry_proto()  # type: ignore[no-any-return, no-untyped-call]
        except DecodeError:
            raise DamagedRegistryError(self._filepath) from None

    def _write_registry(self, registry_proto: Registry) -> None:
        for view in registry_proto.feature_views:
            _forget_materializations(view.meta)
        registry_proto.version_id = str(uuid.uuid4())  # Feast's caches go by it
        registry_proto.last_updated.FromDatetime(datetime.now(UTC))
        write_whole(self._filepath, registry_proto.SerializeToString())


def _forget_materializations(meta: FeatureViewMeta) -> None:
    """Keep Feast from two conclusions that are wrong here.

    It refuses to serve a view while that is being materialised, for ever if that was cut short: here each row
    is replaced as a whole. And it takes what is dated before the last materialisation for materialised: a new
    ticker's history is not, nor is anything after a change of the online store.
    """
    meta.ClearField("state")
    meta.ClearField("materialization_intervals")
