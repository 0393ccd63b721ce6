"""Qdrant's REST API on loopback, with qdrant-client's in-memory engine behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from qdrant_client import QdrantClient, models

from tests.loopback_http import Answer, Loopback, Request, as_json, loopback


@dataclass
class Qdrant:
    """A running server. status: its answer to every request if not 200. read_only: whether its key forbids changes."""

    server: Loopback
    engine: QdrantClient
    status: int = 200
    key: str = ""
    read_only: bool = False

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url


@contextmanager
def qdrant_server() -> Iterator[Qdrant]:
    """Serve on a free port while the context lasts."""
    engine = QdrantClient(":memory:", check_compatibility=False)
    running = Qdrant(Loopback(""), engine)

    def respond(request: Request) -> Answer:
        if running.status != 200:
            return Answer(running.status, ["<html>down</html>"], "text/html")
        if running.key and request.headers.get("api-key") != running.key:
            return Answer(401, ["Must provide an API key"], "text/plain")
        path = request.path.partition("?")[0]
        if path == "/":
            return as_json({"title": "qdrant - vector search engine", "version": "1.15.4", "commit": "0"})
        _, _, collection, *rest = path.split("/")
        if running.read_only and (request.method != "GET" and rest[1:] not in (["query"], ["scroll"])):
            return _error_answer("Forbidden: Global write access is required", 403)
        return _on_collection(engine, request.method, collection, "/".join(rest), request.body)

    with loopback(respond) as running.server:
        yield running
    engine.close()


def _on_collection(engine: QdrantClient, method: str, name: str, what: str, body: Any) -> Answer:
    exists = engine.collection_exists(name)
    if method == "GET" and not what and exists:
        return _result(engine.get_collection(name).model_dump(mode="json"))
    if what == "exists":
        return _result({"exists": exists})
    if method == "PUT" and not what:
        if exists:
            return _error_answer(f"Wrong input: Collection `{name}` already exists!", 409)
        engine.create_collection(name, models.VectorParams.model_validate(body["vectors"]))
        return _result(True)
    if not exists:
        return _error_answer(f"Not found: Collection `{name}` doesn't exist!", 404)
    if what == "index":
        return _done()
    if method == "PUT" and what == "points":
        if error := _dimension_error(engine, name, body["points"][0]["vector"]):
            return error
        engine.upsert(name, [models.PointStruct.model_validate(point) for point in body["points"]])
        return _done()
    chosen = models.Filter.model_validate(body["filter"]) if body.get("filter") else None
    if what == "points/delete":
        which = models.FilterSelector(filter=chosen) if chosen else models.PointIdsList(points=body["points"])
        engine.delete(name, which)
        return _done()
    if what == "points/query":
        if error := _dimension_error(engine, name, body["query"]["nearest"]):
            return error
        found = engine.query_points(name, body["query"]["nearest"], query_filter=chosen, limit=body["limit"])
        return _result({"points": [point.model_dump() for point in found.points]})
    if what == "points/scroll":
        records, _ = engine.scroll(name, chosen, limit=body["limit"])
        return _result({"points": [record.model_dump() for record in records], "next_page_offset": None})
    return _error_answer("Not found", 404)


def _dimension_error(engine: QdrantClient, name: str, vector: list[float]) -> Answer | None:
    vectors = engine.get_collection(name).config.params.vectors
    assert isinstance(vectors, models.VectorParams)
    if len(vector) == vectors.size:
        return None
    return _error_answer(f"Wrong input: Vector dimension error: expected dim: {vectors.size}, got {len(vector)}", 400)


def _error_answer(error: str, status: int) -> Answer:
    return as_json({"status": {"error": error}, "time": 0.0}, status)


def _done() -> Answer:
    return _result({"operation_id": 0, "status": "completed"})


def _result(result: Any) -> Answer:
    return as_json({"result": result, "status": "ok", "time": 0.0001})
