"""Feast's SQLite store, hardened against the loss of its file and changes of the machine's time zone.

Import this after `feast_import.load`.
"""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import compute_table_id
from feast.infra.online_stores.sqlite import SqliteOnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey

from stockops.adapters.feast.rows import Progress, Read, Written
from stockops.adapters.storage import regular_files
from stockops.adapters.storage.regular_files import NotAFileError


class SturdySqliteOnlineStore(SqliteOnlineStore):
    """A missing table is created by the first write, and is empty for readers."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: list[Written], progress: Progress
    ) -> None:
        """Write rows, all or none."""
        self._is_there()
        self.update(config, [], [table], [], [], True)
        rows: list[Written] = [(key, values, _local(time), None) for key, values, time, _ in data]
        super().online_write_batch(config, table, rows, progress)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[Read]:
        """Return the time and values of each key."""
        if not self._has(config, table):
            return [(None, None)] * len(entity_keys)
        rows = super().online_read(config, table, entity_keys, requested_features)
        return [(None if time is None else _utc(time), values) for time, values in rows]

    def _has(self, config: RepoConfig, table: FeatureView) -> bool:
        if not self._is_there():  # reading creates no file
            return False
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return self._get_conn(config).execute(query, (compute_table_id(config.project, table),)).fetchone() is not None

    def _is_there(self) -> bool:
        """Return whether the file exists; DatabaseError if empty (data was lost) or not a file (a pipe would block)."""
        try:
            return regular_files.check(self._path)
        except NotAFileError as exc:
            raise sqlite3.DatabaseError(f"it {exc}") from None


# Feast passes SQLite a UTC time without its zone, which is then read as local time both on writing and on reading:
# another TZ reads another time, and the hour skipped in spring is shifted. So Feast is given local time, and the file
# holds the right instant.


def _local(time: datetime) -> datetime:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone().replace(tzinfo=None)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=None).astimezone(UTC)
