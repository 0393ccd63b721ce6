"""One suite for both report stores: Qdrant's engine in this process, and a Qdrant server over its REST API."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import qdrant_edge
from qdrant_client import models

from stockops.adapters.vector_store.qdrant_embedded import QdrantEmbedded
from stockops.adapters.vector_store.qdrant_server import COLLECTION, QdrantServer
from stockops.agent.hash_embedding import embed
from stockops.errors import ServiceError, UsageError
from stockops.pipelines.report_cache import ReportCacheAdmin
from stockops.ports import ReportStore
from stockops.records import Clock
from tests.loopback_qdrant import Qdrant, qdrant_server
from tests.servers import free_port

AAPL, MSFT = {"ticker": "AAPL", "session": "2024-06-28"}, {"ticker": "MSFT", "session": "2024-06-28"}


@pytest.fixture
def qdrant() -> Iterator[Qdrant]:
    with qdrant_server() as running:
        yield running


@pytest.fixture(params=["embedded", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ReportStore:
    if request.param == "embedded":
        return QdrantEmbedded(tmp_path / "cache" / "stock_analysis")
    return QdrantServer(request.getfixturevalue("qdrant").url, "", 5)


def put_report(store: ReportStore, text: str, match: dict[str, str], timestamp: float, before: float = 0) -> None:
    key = f"{match['ticker']} {text}"
    store.put(key, embed(text), {**match, "timestamp": timestamp, "report": {"text": text}}, expire_before=before)


def test_an_empty_store_has_no_entries_and_reading_creates_nothing(store: ReportStore, tmp_path: Path) -> None:
    assert store.nearest(embed("x"), AAPL, since=0) is None
    assert store.entries({}) == []
    store.delete({"ticker": "AAPL"})
    assert list(tmp_path.iterdir()) == []


def test_the_nearest_matching_entry_is_found(store: ReportStore) -> None:
    for text in ("what moves if rates rise", "how strong is the balance sheet"):
        put_report(store, text, AAPL, 1_000)
    put_report(store, "what moves if rates rise", MSFT, 1_000)
    found = store.nearest(embed("What moves if rates rise?"), AAPL, since=0)
    assert found is not None
    assert found.score == pytest.approx(1.0, abs=1e-5)
    assert found.payload == {**AAPL, "timestamp": 1_000, "report": {"text": "what moves if rates rise"}}
    far = store.nearest(embed("something else entirely"), AAPL, since=0)
    assert far is not None
    assert far.score < 0.9


@pytest.mark.parametrize("change", [{"ticker": "GOOG"}, {"session": "2024-07-01"}, {"unknown": "x"}])
def test_an_entry_that_does_not_match_is_not_found_however_near(store: ReportStore, change: dict[str, str]) -> None:
    put_report(store, "same", AAPL, 1_000)
    assert store.nearest(embed("same"), AAPL | change, since=0) is None


def test_entries_expire_to_the_second(store: ReportStore) -> None:
    put_report(store, "same", AAPL, 1_700_000_000.5)
    assert store.nearest(embed("same"), AAPL, since=1_700_000_000.5) is not None
    assert store.nearest(embed("same"), AAPL, since=1_700_000_001.0) is None


def test_the_same_key_is_replaced_and_expired_entries_are_deleted(store: ReportStore) -> None:
    put_report(store, "old", AAPL, 1_000)
    put_report(store, "same", AAPL, 2_000)
    put_report(store, "same", AAPL, 3_000, before=1_500)
    assert [(entry["report"]["text"], entry["timestamp"]) for entry in store.entries({})] == [("same", 3_000)]


def test_entries_are_returned_newest_first_and_deleted_by_ticker(store: ReportStore) -> None:
    for number, match in enumerate((AAPL, MSFT, AAPL)):
        put_report(store, f"text {number}", match, 1_000 + number)
    assert [entry["timestamp"] for entry in store.entries({})] == [1_002, 1_001, 1_000]
    assert [entry["timestamp"] for entry in store.entries({"ticker": "AAPL"})] == [1_002, 1_000]
    store.delete({"ticker": "AAPL"})
    assert [entry["ticker"] for entry in store.entries({})] == ["MSFT"]


def test_stored_entries_outlive_the_store_object(tmp_path: Path) -> None:
    put_report(QdrantEmbedded(tmp_path / "s"), "same", AAPL, 1_000)
    assert QdrantEmbedded(tmp_path / "s").nearest(embed("same"), AAPL, since=0) is not None
    assert "1 reports in" in QdrantEmbedded(tmp_path / "s").check()


def test_a_store_held_by_another_process_is_reported_in_time(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    put_report(QdrantEmbedded(folder), "same", AAPL, 1_000)
    code = (
        "import sys, time; from pathlib import Path\n"
        "from stockops.adapters.vector_store.qdrant_embedded import QdrantEmbedded\n"
        f"with QdrantEmbedded(Path({str(folder)!r}))._open(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(ServiceError, match="another process has it open") as caught:
            QdrantEmbedded(folder, wait_seconds=0.3).nearest(embed("same"), AAPL, since=0)
        assert time.monotonic() - started < 2
        assert caught.value.service == "qdrant"
        assert caught.value.alive
    finally:
        holder.kill()
        holder.communicate()
    assert QdrantEmbedded(folder, wait_seconds=0.3).nearest(embed("same"), AAPL, since=0) is not None


def test_concurrent_processes_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from stockops.adapters.vector_store.qdrant_embedded import QdrantEmbedded\n"
        "from stockops.agent.hash_embedding import embed\n"
        f"store = QdrantEmbedded(Path({str(tmp_path / 's')!r}), wait_seconds=30)\n"
        "for n in range(10):\n"
        "    text = f'{sys.argv[1]} {n}'\n"
        "    store.put(text, embed(text), {'ticker': sys.argv[1], 'timestamp': n}, expire_before=0)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("AAPL", "MSFT", "GOOG")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(QdrantEmbedded(tmp_path / "s").entries({})) == 30


def test_a_store_still_opens_after_its_writer_was_killed(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from stockops.adapters.vector_store.qdrant_embedded import QdrantEmbedded\n"
        "from stockops.agent.hash_embedding import embed\n"
        f"store = QdrantEmbedded(Path({str(tmp_path / 's')!r}))\n"
        "for n in range(10_000):\n"
        "    store.put(str(n % 9), embed(str(n)), {'ticker': 'A', 'timestamp': n}, expire_before=n - 20)\n"
        "    print(n, flush=True)\n"
    )
    for milliseconds in random.Random(7).sample(range(200), 6):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"0\n"  # it writes from here on
            time.sleep(milliseconds / 1000)
            writer.kill()
        put_report(QdrantEmbedded(tmp_path / "s"), "same", AAPL, 1_000)
        found = QdrantEmbedded(tmp_path / "s").nearest(embed("same"), AAPL, since=0)
        assert found is not None


def test_a_damaged_folder_is_a_service_error_with_a_hint(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    put_report(QdrantEmbedded(folder), "same", AAPL, 1_000)
    for path in folder.rglob("*.json"):
        path.write_text("{")
    with pytest.raises(ServiceError, match="move the folder away") as caught:
        QdrantEmbedded(folder).nearest(embed("same"), AAPL, since=0)
    assert caught.value.service == "qdrant"


@pytest.mark.parametrize("status", [500, 503, 403])
def test_a_refusing_server_is_a_service_error(qdrant: Qdrant, status: int) -> None:
    qdrant.status = status
    with pytest.raises(ServiceError, match=f"does not serve: status {status}") as caught:
        QdrantServer(qdrant.url, "", 5).entries({})
    assert caught.value.service == "qdrant"


def test_an_unreachable_server_is_reported_in_time_without_the_password() -> None:
    url = f"http://user:hunter2@127.0.0.1:{free_port()}"
    started = time.monotonic()
    with pytest.raises(ServiceError, match="no answer") as caught:
        QdrantServer(url, "", 1).nearest(embed("x"), AAPL, since=0)
    assert time.monotonic() - started < 3
    assert "hunter2" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_the_api_key_is_sent(qdrant: Qdrant) -> None:
    qdrant.key = "key-0123"
    with pytest.raises(ServiceError, match="status 401"):
        QdrantServer(qdrant.url, "", 5).entries({})
    put_report(QdrantServer(qdrant.url, "key-0123", 5), "same", AAPL, 1_000)
    assert QdrantServer(qdrant.url, "key-0123", 5).check().startswith("1.15.4 at 127.0.0.1:")


def test_an_invalid_address_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="QDRANT_URL"):
        QdrantServer("http://host:port", "", 1).entries({})


def store_of_another_size(location: Qdrant | Path) -> ReportStore:
    """Return a store created for vectors of 384 dimensions."""
    if isinstance(location, Qdrant):
        location.engine.create_collection(COLLECTION, models.VectorParams(size=384, distance=models.Distance.COSINE))
        return QdrantServer(location.url, "", 5)
    vectors = qdrant_edge.EdgeVectorParams(size=384, distance=qdrant_edge.Distance.Cosine)
    location.mkdir()
    qdrant_edge.EdgeShard.create(str(location), qdrant_edge.EdgeConfig(vectors=vectors)).close()
    return QdrantEmbedded(location)


@pytest.mark.parametrize("kind", ["server", "embedded"])
def test_a_store_of_another_dimension_fails_its_check_with_a_hint(kind: str, qdrant: Qdrant, tmp_path: Path) -> None:
    store = store_of_another_size(qdrant if kind == "server" else tmp_path / "s")
    with pytest.raises(ServiceError, match=r"384.*768") as checked:
        store.check()
    assert (
        checked.value.hint
        == {
            "server": "delete the collection stock_analysis: it only holds copies",
            "embedded": "move the folder away: it only holds copies",
        }[kind]
    )
    with pytest.raises(ServiceError, match="Vector dimension error: expected dim: 384, got 768") as failed_put:
        put_report(store, "same", AAPL, 1_000)
    assert failed_put.value.service == "qdrant"


def test_a_read_only_server_fails_its_check(qdrant: Qdrant) -> None:
    store = QdrantServer(qdrant.url, "", 5)
    put_report(store, "same", AAPL, 1_000)
    qdrant.read_only = True
    with pytest.raises(ServiceError, match="status 403, Forbidden: Global write access is required"):
        store.check()


def test_a_check_changes_nothing(store: ReportStore) -> None:
    store.check()
    put_report(store, "same", AAPL, 1_000)
    store.check()
    assert [entry["timestamp"] for entry in store.entries({})] == [1_000]


@pytest.mark.parametrize("url", ["http://u:sesa/x@me:6333", "http://u:sesa?me@h:6333", "http://u:sesa#me@h:6333"])
def test_an_address_with_an_unencoded_password_is_rejected_and_not_shown(url: str) -> None:
    for call in (lambda: QdrantServer(url, "", 1).check(), lambda: QdrantServer(url, "", 1).entries({})):
        with pytest.raises(UsageError, match="QDRANT_URL is not the address of a Qdrant; percent-encode") as caught:
            call()
        assert "sesa" not in str(caught.value)


@pytest.mark.parametrize("timestamp", ["abc", None, True, [], 1e308])
def test_entries_with_invalid_timestamps_sort_last_and_break_nothing(store: ReportStore, timestamp: object) -> None:
    put_report(store, "one", AAPL, 1_000)
    store.put("x", embed("two"), {**MSFT, "timestamp": timestamp, "report": {}}, expire_before=0)
    assert store.entries({})[0 if timestamp != 1e308 else 1]["ticker"] == "AAPL"
    clock = Clock(datetime(2024, 6, 28, tzinfo=UTC), None)
    assert ReportCacheAdmin(store, clock).entries() == ()
    assert ReportCacheAdmin(store, clock).clear(("GOOG",)) == ()
