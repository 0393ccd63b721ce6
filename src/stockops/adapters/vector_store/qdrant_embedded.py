"""Cached reports in Qdrant's own in-process engine: the default, with no server to run.

Not qdrant-client's local mode: that stores its points as pickles, and nothing cached is unpickled here. Only one
process at a time may open the folder, so it is opened late, closed early and guarded by a lock.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as qdrant

from stockops.adapters.storage.locks import locked
from stockops.adapters.vector_store.qdrant_order import newest
from stockops.agent.hash_embedding import DIMENSIONS
from stockops.errors import ServiceError, TryAgainError
from stockops.ports import ReportMatch
from stockops.wording import one_line

_WAIT_SECONDS = 2.0  # other processes hold the store for a few hundredths of a second
_MOST = 10_000  # most entries returned at once


class QdrantEmbedded:
    """Port ReportStore on a folder; reading does not create it."""

    needs = ("qdrant",)

    def __init__(self, folder: Path, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._folder = folder
        self._wait_seconds = wait_seconds

    def nearest(self, vector: Sequence[float], match: Mapping[str, str], *, since: float) -> ReportMatch | None:
        """Return the nearest matching entry."""
        condition = qdrant.FieldCondition(key="timestamp", range=qdrant.RangeFloat(gte=since))
        request = qdrant.QueryRequest(
            query=qdrant.Query.Nearest(list(vector)), filter=_filter(match, condition), limit=1, with_payload=True
        )
        if not self._made:
            return None
        with self._open() as shard:
            found = shard.query(request)
        return ReportMatch(found[0].score, found[0].payload or {}) if found else None

    def put(self, key: str, vector: Sequence[float], payload: Mapping[str, Any], *, expire_before: float) -> None:
        """Store an entry, and delete expired ones."""
        old = qdrant.FieldCondition(key="timestamp", range=qdrant.RangeFloat(lt=expire_before))
        point = qdrant.Point(id=_id(key), vector=list(vector), payload=dict(payload))
        with self._open() as shard:
            shard.update(qdrant.UpdateOperation.delete_points_by_filter(_filter({}, old)))
            shard.update(qdrant.UpdateOperation.upsert_points([point]))
            shard.optimize()  # reclaims the space of deleted entries

    def entries(self, match: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Return the matching payloads, newest first."""
        if not self._made:
            return []
        with self._open() as shard:
            found, _ = shard.scroll(qdrant.ScrollRequest(filter=_filter(match), limit=_MOST, with_payload=True))
        return sorted((record.payload or {} for record in found), key=newest)

    def delete(self, match: Mapping[str, str]) -> None:
        """Delete the matching entries."""
        if self._made:
            with self._open() as shard:
                shard.update(qdrant.UpdateOperation.delete_points_by_filter(_filter(match)))

    def check(self) -> str:
        """Return the number of cached reports and their folder, after a test query and a test write."""
        if self._made:
            with self._open() as shard:
                shard.query(qdrant.QueryRequest(query=qdrant.Query.Nearest([1.0] * DIMENSIONS), limit=1))
                shard.update(qdrant.UpdateOperation.delete_points([str(uuid.UUID(int=0))]))
        return f"embedded, {len(self.entries({}))} reports in {self._folder.parent.name}/{self._folder.name}"

    @property
    def _made(self) -> bool:
        return (self._folder / "edge_config.json").exists()

    @contextmanager
    def _open(self) -> Iterator["qdrant.EdgeShard"]:
        """Yield the store under its lock; ServiceError if it is busy or unusable."""
        lock = self._folder.with_name(f".{self._folder.name}.lock")
        try:
            with locked(lock, self._wait_seconds, "another process has it open"):
                shard = self._load()
                try:
                    yield shard
                finally:
                    shard.close()
        except TryAgainError as exc:
            raise self._failure(exc.message, "it is free again in a moment", alive=True) from None
        except ServiceError:
            raise
        except Exception as exc:  # the engine raises no narrower class
            reason = one_line(exc) or type(exc).__name__
            raise self._failure(reason, "move the folder away: it only holds copies") from exc

    def _load(self) -> "qdrant.EdgeShard":
        if self._made:
            return qdrant.EdgeShard.load(str(self._folder))
        vectors = qdrant.EdgeVectorParams(size=DIMENSIONS, distance=qdrant.Distance.Cosine)
        return qdrant.EdgeShard.create(str(self._folder), qdrant.EdgeConfig(vectors=vectors))

    def _failure(self, what: str, hint: str, *, alive: bool = False) -> ServiceError:
        return ServiceError(f"the kept reports in {self._folder}: {what}", hint, service="qdrant", alive=alive)


def _filter(match: Mapping[str, str], *more: "qdrant.FieldCondition") -> "qdrant.Filter":
    same = [qdrant.FieldCondition(key=key, match=qdrant.MatchValue(value=value)) for key, value in match.items()]
    return qdrant.Filter(must=[*same, *more])


def _id(key: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, key))
