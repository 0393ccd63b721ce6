"""Feast's registry file, written atomically.

Feast's own registry store rewrites the file in place: a reader may see half of it, and a process killed while writing
leaves it unreadable for good.
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
    """The registry exists but cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"the feature registry {path} is damaged", "run: stockops features apply", service="feast")


class WholeFileRegistryStore(FileRegistryStore):
    """Feast's file registry, under the name used in `feature_store.yaml`."""

    def get_registry_proto(self) -> Registry:
        """Return the registry; FileNotFoundError, which Feast expects, if there is none."""
        try:
            return super().get_registry_proto()  # type: ignore[no-any-return, no-untyped-call]
        except DecodeError:
            raise DamagedRegistryError(self._filepath) from None

    def _write_registry(self, registry_proto: Registry) -> None:
        for view in registry_proto.feature_views:
            _forget_materializations(view.meta)
        registry_proto.version_id = str(uuid.uuid4())  # Feast's caches depend on it
        registry_proto.last_updated.FromDatetime(datetime.now(UTC))
        write_whole(self._filepath, registry_proto.SerializeToString())


def _forget_materializations(meta: FeatureViewMeta) -> None:
    """Prevent two conclusions of Feast that are wrong here.

    It refuses to serve a view during materialisation, forever if that was interrupted; here each row is replaced
    atomically. And it assumes that data older than the last materialisation is online; a new ticker's history is not,
    nor is anything after a change of the online store.
    """
    meta.ClearField("state")
    meta.ClearField("materialization_intervals")
