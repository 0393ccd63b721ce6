"""The port StateStore: one suite for both implementations, and cases that only one of them can meet."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from stockops.adapters.storage.redis_state import RedisState
from stockops.adapters.storage.sqlite_state import SqliteState
from stockops.errors import ServiceError, UsageError
from stockops.ports import StateStore
from tests.integration import forked
from tests.servers import RedisServer, wait_until

StoreFactory = Callable[[], StateStore]


@pytest.fixture(params=["embedded", "redis"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreFactory:
    """Return a function that opens the same store again, as another process would."""
    if request.param == "embedded":
        return partial(SqliteState, tmp_path / "outputs" / "state.db")
    running: RedisServer = request.getfixturevalue("redis_server")
    redis.Redis.from_url(running.url).flushdb()
    return partial(RedisState, running.url, 1.0)


@pytest.fixture
def store(open_store: StoreFactory) -> StateStore:
    return open_store()


def test_a_value_is_read_back_exactly_also_by_another_process(store: StateStore, open_store: StoreFactory) -> None:
    store.put("predict_child_^GSPC", b"\x00\xffsome {json}", seconds=60)
    assert store.get("predict_child_^GSPC") == b"\x00\xffsome {json}"
    assert open_store().get("predict_child_^GSPC") == b"\x00\xffsome {json}"


def test_a_missing_key_is_none(store: StateStore) -> None:
    assert store.get("a") is None
    assert store.seconds_left("a") is None
    assert store.delete("a") is False
    assert store.keys("") == []
    assert store.totals() == {}


def test_a_value_expires_after_the_given_seconds(store: StateStore) -> None:
    store.put("a", b"1", seconds=86_400)
    assert store.seconds_left("a") == 86_400
    store.put("a", b"2", seconds=1)
    assert store.get("a") == b"2"
    time.sleep(1.1)
    assert store.get("a") is None
    assert store.seconds_left("a") is None
    assert store.keys("") == []
    assert store.delete("a") is False


def test_a_deleted_value_is_gone(store: StateStore) -> None:
    store.put("a", b"1", seconds=60)
    assert store.delete("a") is True
    assert store.get("a") is None


def test_keys_are_those_with_the_exact_prefix(store: StateStore) -> None:
    for key in ("predict_child_AAPL", "predict_child_^GSPC", "predict[x]*y", "task_status:AAPL"):
        store.put(key, b"1", seconds=60)
    assert store.keys("predict_child_") == ["predict_child_AAPL", "predict_child_^GSPC"]
    assert store.keys("predict[x]*") == ["predict[x]*y"]
    assert store.keys("Predict") == []


def test_totals_add_up_and_are_not_keys(store: StateStore, open_store: StoreFactory) -> None:
    store.add({"hits": 1, 'prediction_total{type="child"}': 2})
    open_store().add({"hits": 0.5})
    assert store.totals() == {"hits": 1.5, 'prediction_total{type="child"}': 2}
    assert store.keys("") == []


def _write_values(open_store: StoreFactory, name: str, times: int) -> None:
    store = open_store()
    for i in range(times):
        store.add({"sum": 1, name: 1})
        store.put(f"{name}{i}", name.encode(), seconds=60)


def test_no_increment_is_lost_between_processes_starting_on_an_empty_store(open_store: StoreFactory) -> None:
    writers = forked.start_race(_write_values, *((open_store, f"w{i}-", 50) for i in range(4)))
    writers.join()
    assert writers.exitcode == 0
    store = open_store()
    assert store.totals() == {"sum": 200, **{f"w{i}-": 50 for i in range(4)}}
    assert len(store.keys("w")) == 200


def test_a_check_names_a_version(store: StateStore) -> None:
    store.put("a", b"1", seconds=60)
    assert store.check().split()[0].rstrip(",") not in ("", "None")


def test_reading_creates_no_file(tmp_path: Path) -> None:
    store = SqliteState(tmp_path / "outputs" / "state.db")
    assert store.get("a") is None
    assert store.delete("a") is False
    assert store.totals() == {}
    assert list(tmp_path.iterdir()) == []


def test_expired_values_do_not_accumulate_in_the_file(tmp_path: Path) -> None:
    now = 1000.0
    store = SqliteState(tmp_path / "state.db", lambda: now)
    for i in range(50):
        store.put(f"a{i}", b"1", seconds=10)
    now += 11
    store.put("b", b"1", seconds=10)
    rows = sqlite3.connect(tmp_path / "state.db").execute("SELECT count(*) FROM value").fetchone()
    assert rows == (1,)


@pytest.mark.parametrize("content", [b"this is no database, " * 100, b"SQLite format 3\x00" + b"\xff" * 200])
def test_a_damaged_file_is_a_service_error_with_a_hint(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(ServiceError, match=r"state\.db cannot be used: .*; move the file away") as caught:
        SqliteState(tmp_path / "state.db").get("a")
    assert caught.value.service == "state"


def test_a_file_of_a_newer_release_is_rejected(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "state.db")
    database.execute("PRAGMA user_version = 99")
    database.commit()
    with pytest.raises(ServiceError, match="a newer stockops wrote it"):
        SqliteState(tmp_path / "state.db").put("a", b"1", seconds=1)


def test_a_folder_that_cannot_be_created_is_a_service_error(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file")
    with pytest.raises(ServiceError, match="cannot be used"):
        SqliteState(tmp_path / "outputs" / "state.db").put("a", b"1", seconds=1)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    running = RedisServer(tmp_path / "redis")
    running.start()
    yield running
    running.stop()


def _seconds_to_fail(work: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        work()
    assert caught.value.service == "redis"
    return time.monotonic() - started


def test_a_dead_redis_is_a_service_error_immediately(own_server: RedisServer) -> None:
    store = RedisState(own_server.url, 1.0)
    store.put("a", b"1", seconds=60)
    own_server.kill()
    assert _seconds_to_fail(lambda: store.get("a")) < 1.5
    assert _seconds_to_fail(lambda: RedisState(own_server.url, 1.0).add({"a": 1})) < 1.5


def test_a_hanging_redis_fails_after_its_timeout(own_server: RedisServer) -> None:
    store = RedisState(own_server.url, 0.5)
    own_server.pause()
    assert _seconds_to_fail(lambda: store.get("a")) < 2
    own_server.resume()
    assert store.get("a") is None


def test_a_wrong_password_is_reported_without_showing_it(own_server: RedisServer) -> None:
    redis.Redis.from_url(own_server.url).config_set("requirepass", "right")
    host = own_server.url.removeprefix("redis://")
    with pytest.raises(ServiceError) as caught:
        RedisState(f"redis://:sesame@{host}", 1.0).get("a")
    assert "password" in str(caught.value)
    assert "sesame" not in str(caught.value)
    right = RedisState(f"redis://:right@{host}", 1.0)
    assert right.get("a") is None
    assert "right" not in right.check()


def test_an_invalid_address_is_a_usage_error_without_showing_it() -> None:
    with pytest.raises(UsageError, match="REDIS_URL") as caught:
        RedisState("http://:sesame@localhost", 1.0).get("a")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://:p/sesame@h:6379/0", "redis://u:sesame?x@h", "redis://:ses#ame@h", "redis://:sesame"]
)
def test_an_unencoded_password_in_an_address_is_rejected_without_showing_it(url: str) -> None:
    with pytest.raises(UsageError, match="REDIS_URL is not the address of a Redis") as caught:
        RedisState(url, 1.0).check()
    assert "ses" not in str(caught.value)
    assert ("percent-encode" in caught.value.hint) == ("@" in url)


@pytest.fixture
def replica(own_server: RedisServer, tmp_path: Path) -> Iterator[RedisServer]:
    running = RedisServer(tmp_path / "replica", "--replicaof", "127.0.0.1", str(own_server.port))
    running.start()
    wait_until(lambda: _link_status(running) == "up", 30, "the replica in step")
    yield running
    running.stop()


def _link_status(server: RedisServer) -> str:
    return str(redis.Redis.from_url(server.url).info("replication")["master_link_status"])


def test_a_read_only_replica_fails_its_check(replica: RedisServer) -> None:
    store = RedisState(replica.url, 1.0)
    assert store.get("a") is None
    with pytest.raises(ServiceError, match="read only replica; give REDIS_URL the address of its primary"):
        store.check()


def test_a_full_redis_fails_its_check(tmp_path: Path) -> None:
    full = RedisServer(tmp_path / "full")
    full.start()
    full.fill()
    try:
        with pytest.raises(ServiceError, match="used memory > 'maxmemory'; raise its maxmemory"):
            RedisState(full.url, 1.0).check()
    finally:
        full.stop()


def test_a_check_leaves_nothing_behind(store: StateStore) -> None:
    store.check()
    assert store.keys("") == []
