"""Servers that drip, never end or inflate: every client stops at its time limit and uses little memory."""

import contextlib
import re
import time
import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from stockops.adapters.llm import embeddings
from stockops.adapters.llm.llama_cpp import LlamaCppChat
from stockops.adapters.llm.llm_http import LlmServer
from stockops.adapters.llm.ollama import OllamaChat
from stockops.adapters.market_data.finnhub import FinnhubFeed
from stockops.adapters.market_data.finnhub_api import FinnhubApi
from stockops.adapters.market_data.finnhub_news import FinnhubNews
from stockops.adapters.mlflow.tracker import MlflowTracker
from stockops.adapters.mlflow.tracking_server import TrackingServer
from stockops.adapters.network.bounded_io import MOST_BYTES
from stockops.adapters.network.retries import RetryPolicy
from stockops.adapters.prometheus import redis_gauges
from stockops.adapters.prometheus.pushgateway import Pushgateway
from stockops.adapters.storage.redis_state import RedisState
from stockops.adapters.vector_store.qdrant_server import QdrantServer
from stockops.errors import ServiceError, StockopsError
from stockops.market import calendar
from stockops.records import TrainingRun
from tests.hostile_server import HTTP_FAULTS, REDIS_FAULTS, Hostile, HttpFault, RedisFault, hostile
from tests.loopback_http import Answer, as_json, loopback

SECONDS = 0.7
KEY = "sk-hidden"
_NOW = datetime(2024, 6, 28, tzinfo=UTC)
_RUN = TrainingRun(
    name="child", started=_NOW, ended=_NOW, tags={}, params={}, history=(), metrics={"MSE": 1.0}, files={}, model=None,
    model_tags={}, doubt="",
)  # fmt: skip
_RETRY = RetryPolicy(attempts=2, first_wait_seconds=0.1, total_seconds=SECONDS)


def _finnhub(server: Hostile) -> FinnhubApi:
    return FinnhubApi(api_key=KEY, base_url=server.url, timeout_seconds=SECONDS, retry=_RETRY)


def _llm(server: Hostile) -> LlmServer:
    return LlmServer("llm", server.url, KEY)


CALLS: Mapping[str, Callable[[Hostile], object]] = {
    "llama.cpp": lambda server: LlamaCppChat(_llm(server), "m", 100).complete(
        [], {}, seconds=SECONDS, on_text=lambda _: None
    ),
    "ollama": lambda server: OllamaChat(_llm(server), "m", 100, 1024).complete(
        [], {}, seconds=SECONDS, on_text=lambda _: None
    ),
    "embeddings": lambda server: embeddings.of_llama_cpp(_llm(server), "m", SECONDS).embed("text"),
    "finnhub": lambda server: FinnhubFeed(_finnhub(server), lambda symbol: calendar.of(symbol, None)).bars(
        "AAPL", date(2024, 1, 2), date(2024, 6, 28)
    ),
    "finnhub news": lambda server: FinnhubNews(_finnhub(server)).items("AAPL", _NOW, _NOW),
    "qdrant": lambda server: QdrantServer(server.url, "", SECONDS).nearest([1.0] * 768, {}, since=0),
    "pushgateway": lambda server: Pushgateway(server.url, "here", seconds=SECONDS).push(b"up 1\n"),
    "pushgateway check": lambda server: Pushgateway(server.url, "here", seconds=SECONDS).check(),
    "mlflow probe": lambda server: TrackingServer.of(server.url, Path()).check({}),
}
LIMITS = {"mlflow probe": 3.0}


def call_concurrently(
    calls: Mapping[str, Callable[[Hostile], object]], fault: HttpFault | RedisFault
) -> dict[str, str]:
    """Make every call at once, each on its own server; check time and memory, return each result or error."""

    def run_one(name: str) -> str:
        with hostile(fault) as server:
            started = time.monotonic()
            try:
                found = calls[name](server)
            except StockopsError as exc:
                found = f"{exc} {exc.hint}"
            assert time.monotonic() - started < LIMITS.get(name, SECONDS) + 2.0, name
            assert server.took < 4 * MOST_BYTES, name
        return str(found)

    if fault in ("endless_body", "gzip_bomb", "endless_value"):  # tracing makes everything several times slower
        tracemalloc.start()
    try:
        with ThreadPoolExecutor(len(calls)) as pool:
            results = dict(zip(calls, pool.map(run_one, calls), strict=True))
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_BYTES * len(calls)
    finally:
        tracemalloc.stop()
    return results


@pytest.mark.parametrize("fault", HTTP_FAULTS)
def test_every_http_client_stops_at_its_limit(fault: HttpFault) -> None:
    results = call_concurrently(CALLS, fault)
    for name, line in results.items():
        assert KEY not in line, name
        # A redirect is not followed, but reported with its status.
        assert re.search(
            "30[78]|refuse" if fault == "redirect_loop" else "not serve|malformed|answer|no news|no connection", line
        ), name
    assert "MiB" not in results["ollama"] or fault in ("endless_body", "endless_interim")


def _redis(server: Hostile) -> RedisState:
    return RedisState(f"redis://:secret@127.0.0.1:{server.port}/0", SECONDS)


REDIS_CALLS: Mapping[str, Callable[[RedisState], object]] = {
    "get": lambda state: state.get("key"),
    "put": lambda state: state.put("key", b"value", seconds=9),
    "keys": lambda state: state.keys("k"),
    "seconds_left": lambda state: state.seconds_left("key"),
    "add": lambda state: state.add({"n": 1}),
    "totals": lambda state: state.totals(),
    "check": lambda state: state.check(),
}


@pytest.mark.parametrize("fault", REDIS_FAULTS)
def test_the_redis_client_stops_at_its_limit(fault: RedisFault) -> None:
    calls = {name: lambda server, call=call: call(_redis(server)) for name, call in REDIS_CALLS.items()}
    for name, line in call_concurrently(calls, fault).items():
        assert line.startswith("redis at 127.0.0.1:"), name
        assert "secret" not in line, name


NONSENSE = {
    "a malformed number": b":abc\r\n",
    "a status": b"+OK\r\n",
    "nested arrays": b"*2\r\n*1\r\n+a\r\n+b\r\n",
    "deeply nested arrays": b"*1\r\n" * 5_000,
    "an error with escapes": b"-ERR \x1b[31mno\r\n",
    "a value": b"$3\r\nabc\r\n",
    "nothing": b"*-1\r\n",
    "a map": b"%1\r\n+a\r\n+b\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a malformed length": b"$abc\r\n",
    "a huge number": b":99999999999999999999999\r\n",
}


@pytest.mark.parametrize("answer", NONSENSE)
@pytest.mark.parametrize("name", REDIS_CALLS)
def test_nonsense_from_redis_is_a_service_error_or_a_plain_value(name: str, answer: str) -> None:
    with hostile(NONSENSE[answer]) as server:
        try:
            found = REDIS_CALLS[name](_redis(server))
        except ServiceError as exc:
            found = str(exc)
    assert found in ([], {}) or isinstance(found, (int, str, bytes, type(None)))
    assert "\x1b" not in str(found)


def test_listing_keys_stops_at_its_limit_if_redis_never_stops_sending() -> None:
    with hostile(b"*2\r\n$1\r\n7\r\n*1\r\n$3\r\nkey\r\n") as server, pytest.raises(ServiceError, match="in time"):
        RedisState(f"redis://127.0.0.1:{server.port}/0?protocol=2&db=0", 0.1).keys("k")


def test_redis_gauges_report_down_if_redis_answers_nonsense() -> None:
    with hostile(b":abc\r\n") as server:
        samples = redis_gauges.samples(f"redis://127.0.0.1:{server.port}/0", SECONDS)
    assert [(sample.name, sample.value) for sample in samples] == [("redis_up", 0)]


@pytest.mark.parametrize("fault", ["drip_headers", "endless_body", "gzip_bomb"])
def test_the_mlflow_client_stops_in_time_on_a_hostile_server(
    fault: HttpFault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe is bypassed: the limit of MLflow's own client is under test."""
    monkeypatch.setattr(TrackingServer, "probe", lambda *_: None)
    tracker = MlflowTracker(home=tmp_path, uri="", username="", password="")
    with hostile(fault) as server:
        tracker = MlflowTracker(home=tmp_path, uri=server.url, username="me", password="secret")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        started = time.monotonic()
        with pytest.raises(ServiceError) as failure:
            tracker.record(_RUN)
    assert time.monotonic() - started < 12  # including MLflow's imports
    assert "secret" not in str(failure.value)
    assert server.took < 6 * MOST_BYTES


def test_secrets_are_never_forwarded_to_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our clients follow no redirect to another host; MLflow's may, but without the key."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(TrackingServer, "probe", lambda *_: None)
    with loopback(lambda _: as_json({})) as other:
        redirect = Answer(307, headers={"Location": f"{other.url.replace('127.0.0.1', 'localhost')}/"})
        with loopback(lambda _: redirect) as server:
            port = int(server.url.rpartition(":")[2])
            for name, call in CALLS.items():
                with contextlib.suppress(StockopsError):
                    call(Hostile(port))
                assert not other.requests, name
            userinfo = f"http://user:{KEY}@127.0.0.1:{port}"
            with pytest.raises(ServiceError):
                Pushgateway(userinfo, "here", seconds=SECONDS).push(b"up 1\n")
            assert not other.requests
            tracker = MlflowTracker(home=tmp_path, uri=server.url, username="me", password=KEY)
            with pytest.raises(ServiceError):
                tracker.record(_RUN)
            assert any("authorization" in request.headers for request in server.requests)
    leaked = [request for request in other.requests if "authorization" in request.headers or KEY in str(request)]
    assert not leaked
