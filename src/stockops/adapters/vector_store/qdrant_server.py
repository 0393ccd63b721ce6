"""Cached reports on a Qdrant server, which several machines may share."""

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from httpx import DecodingError
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from stockops import strict_json
from stockops.adapters.network import addresses
from stockops.adapters.network.bounded_http import AnswerTooLarge, BoundedTransport
from stockops.adapters.vector_store.qdrant_order import newest
from stockops.agent.hash_embedding import DIMENSIONS
from stockops.errors import ServiceError, UsageError
from stockops.ports import ReportMatch
from stockops.wording import one_line

T = TypeVar("T")

COLLECTION = "stock_analysis"
_MOST = 10_000  # most entries returned at once
_WITHOUT_TEXTS = models.PayloadSelectorExclude(exclude=["report.report", "report.prose", "report.news"])
_GONE = 404
_MADE_MEANWHILE = 409
_NO_ADDRESS = "QDRANT_URL is not the address of a Qdrant"


class QdrantServer:
    """Port ReportStore on a collection, created with the first entry."""

    needs = ("qdrant",)

    def __init__(self, url: str, key: str, timeout_seconds: float) -> None:
        self._url = url
        self._key = key
        self._timeout_seconds = timeout_seconds

    def nearest(self, vector: Sequence[float], match: Mapping[str, str], *, since: float) -> ReportMatch | None:
        """Return the nearest matching entry."""
        fits = _filter(match, models.FieldCondition(key="timestamp", range=models.Range(gte=since)))
        found = self._ask(lambda: self._client.query_points(COLLECTION, list(vector), query_filter=fits, limit=1))
        return ReportMatch(found.points[0].score, found.points[0].payload or {}) if found and found.points else None

    def put(self, key: str, vector: Sequence[float], payload: Mapping[str, Any], *, expire_before: float) -> None:
        """Store an entry, and delete expired ones."""
        old = _filter({}, models.FieldCondition(key="timestamp", range=models.Range(lt=expire_before)))
        point = models.PointStruct(
            id=str(uuid.uuid5(uuid.NAMESPACE_OID, key)), vector=list(vector), payload=dict(payload)
        )
        self._ask(self._make)
        self._ask(lambda: self._client.delete(COLLECTION, models.FilterSelector(filter=old)))
        self._ask(lambda: self._client.upsert(COLLECTION, [point]))

    def entries(self, match: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Return the matching payloads, newest first, without the long texts: responses are limited in size."""
        found = self._ask(
            lambda: self._client.scroll(
                COLLECTION, scroll_filter=_filter(match), limit=_MOST, with_payload=_WITHOUT_TEXTS
            )
        )
        payloads = [record.payload or {} for record in found[0]] if found else []
        return sorted(payloads, key=newest)

    def delete(self, match: Mapping[str, str]) -> None:
        """Delete the matching entries."""
        self._ask(lambda: self._client.delete(COLLECTION, models.FilterSelector(filter=_filter(match))))

    def check(self) -> str:
        """Return the server's version and address, after checking that the collection, if any, accepts our entries."""
        found = self._ask(lambda: self._client.info())
        if found is None:
            raise self._failure("it is no Qdrant")
        collection = self._ask(lambda: self._client.get_collection(COLLECTION))
        if collection is not None:
            self._check(collection.config.params.vectors)
        return f"{found.version} at {self._address}"

    @property
    def _address(self) -> str:
        return addresses.shown(self._url)

    @cached_property
    def _client(self) -> QdrantClient:
        hint = addresses.cure(self._url, "http://HOST:6333")
        if not addresses.is_plain(self._url):
            raise UsageError(_NO_ADDRESS, hint)
        try:
            return QdrantClient(
                url=self._url,
                api_key=self._key or None,
                timeout=max(1, math.ceil(self._timeout_seconds)),
                check_compatibility=False,  # one more request, and a warning instead of an error
                transport=BoundedTransport(self._url),
            )
        except ValueError:
            raise UsageError(_NO_ADDRESS, hint) from None

    def _check(self, vectors: object) -> None:
        """Raise ServiceError unless the collection has our vector size and is writable."""
        size = vectors.size if isinstance(vectors, models.VectorParams) else None
        if size != DIMENSIONS:
            what = f"its collection {COLLECTION} has vectors of {size or 'several'} dimensions, not {DIMENSIONS}"
            raise self._failure(what, f"delete the collection {COLLECTION}: it only holds copies")
        nobody = models.PointIdsList(points=[str(uuid.UUID(int=0))])  # a key may be read-only
        self._ask(lambda: self._client.delete(COLLECTION, nobody))

    def _make(self) -> None:
        """Create the collection if there is none; another process may do so at the same time."""
        if self._client.collection_exists(COLLECTION):
            return
        try:
            vectors = models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
            self._client.create_collection(COLLECTION, vectors_config=vectors)
        except UnexpectedResponse as exc:
            if exc.status_code != _MADE_MEANWHILE:
                raise
        self._client.create_payload_index(COLLECTION, "ticker", models.PayloadSchemaType.KEYWORD)
        self._client.create_payload_index(COLLECTION, "timestamp", models.PayloadSchemaType.FLOAT)

    def _ask(self, work: Callable[[], T]) -> T | None:
        """Return the result of `work`, None if the collection does not exist yet; ServiceError on any other failure."""
        try:
            return work()
        except UnexpectedResponse as exc:
            if exc.status_code == _GONE:
                return None
            raise self._failure(f"status {exc.status_code}{_reason(exc.content)}") from None
        except ResponseHandlingException as exc:
            known = isinstance(exc.source, (AnswerTooLarge, DecodingError))
            raise self._failure(str(exc.source) if known else f"no answer ({type(exc.source).__name__})") from None
        except (ApiException, ValueError) as exc:
            raise self._failure(f"an answer that is none of Qdrant's ({type(exc).__name__})") from None

    def _failure(self, what: str, hint: str = "start it, or unset QDRANT_URL and QDRANT_HOST") -> ServiceError:
        return ServiceError(f"qdrant at {self._address} does not serve: {what}", hint, service="qdrant")


def _reason(content: bytes) -> str:
    """Return Qdrant's reason for an error, "" if the content is not in its format."""
    try:
        return f", {one_line(strict_json.read(content)['status']['error'], 160)}"
    except (ValueError, LookupError, TypeError):
        return ""


def _filter(match: Mapping[str, str], *more: models.FieldCondition) -> models.Filter:
    same = [models.FieldCondition(key=key, match=models.MatchValue(value=value)) for key, value in match.items()]
    return models.Filter(must=[*same, *more])
