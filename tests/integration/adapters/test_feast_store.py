"""The port FeatureStore on Feast: one suite for both online stores, then concurrency, damage and outages."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import redis

from stockops.adapters.feast import feast_import
from stockops.adapters.feast.feature_store import FeastStore
from stockops.errors import ServiceError, UsageError
from stockops.market import calendar, features
from stockops.ports import FeatureStore
from tests.builders import bars
from tests.integration import forked
from tests.places import ROOT
from tests.servers import RedisServer, Server, free_port, needed

NOW = datetime(2026, 1, 2, tzinfo=UTC)
Reopen = Callable[[], FeatureStore]
Damage = Callable[[Path], object]


def history(ticker: str = "AAPL", *, seed: int = 0, rows: int = 60) -> pd.DataFrame:
    """Return features as the pipelines pass them."""
    table = features.add(bars(rows, seed=seed, symbol=ticker))
    return table.set_axis(calendar.of(ticker).closes(pd.DatetimeIndex(table.index)))


def last_row(table: pd.DataFrame) -> tuple[datetime, dict[str, float]]:
    """Return the time and values that the online store should have."""
    return table.index[-1].to_pydatetime(), {str(name): float(value) for name, value in table.iloc[-1].items()}


def online(store: FeatureStore, ticker: str = "AAPL") -> tuple[datetime, dict[str, float]]:
    """Return the time and values that the online store has."""
    vector = store.latest(ticker)
    assert vector is not None
    assert vector.ticker == ticker
    return vector.event_time, dict(vector.values)


def open_store(home: Path, url: str = "", timeout_seconds: float = 1.0) -> FeastStore:
    return FeastStore(home=home, redis_url=url, timeout_seconds=timeout_seconds)


def data(home: Path) -> Path:
    return home / "feature_store" / "data"


@pytest.fixture(params=["sqlite", "redis"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Opens the same store again, as another process would."""
    if request.param == "sqlite":
        return partial(open_store, tmp_path)
    running: RedisServer = request.getfixturevalue("redis_server")
    redis.Redis.from_url(running.url).flushdb()
    return partial(open_store, tmp_path, running.url)


@pytest.fixture
def store(reopen: Reopen) -> FeatureStore:
    return reopen()


# Behaviour of both online stores.


@pytest.mark.parametrize("ticker", ["AAPL", "^GSPC", "BRK-B", "7203.T", "EURUSD=X", "M&M.NS"])
def test_the_last_row_is_read_back_exactly_with_its_close_time(reopen: Reopen, ticker: str) -> None:
    table = history(ticker)
    assert reopen().write(ticker, table)
    assert online(reopen(), ticker) == last_row(table)


def test_tickers_are_stored_separately(store: FeatureStore) -> None:
    apple, index = history("AAPL", seed=1), history("^GSPC", seed=2)
    store.write("AAPL", apple)
    store.write("^GSPC", index)
    assert online(store, "AAPL") == last_row(apple)
    assert online(store, "^GSPC") == last_row(index)
    assert store.tickers() == ["AAPL", "^GSPC"]


def test_a_ticker_that_was_never_written_has_no_vector(store: FeatureStore) -> None:
    assert store.latest("AAPL") is None
    store.write("AAPL", history())
    assert store.latest("MSFT") is None


def test_a_later_history_replaces_the_stored_one(store: FeatureStore, tmp_path: Path) -> None:
    table = history()
    store.write("AAPL", table.iloc[:-1])
    assert store.write("AAPL", table)
    assert online(store) == last_row(table)
    assert len(pd.read_parquet(data(tmp_path) / "features.parquet" / "AAPL.parquet")) == len(table)


def test_a_history_ending_on_the_same_day_replaces_the_stored_one(store: FeatureStore) -> None:
    store.write("AAPL", history(seed=1))
    corrected = history(seed=2)
    assert store.write("AAPL", corrected)
    assert online(store) == last_row(corrected)


def test_a_history_that_ends_earlier_changes_nothing(store: FeatureStore, tmp_path: Path) -> None:
    table = history()
    store.write("AAPL", table)
    before = contents(tmp_path)
    assert not store.write("AAPL", table.iloc[:-1])
    assert contents(tmp_path) == before
    assert online(store) == last_row(table)


def test_every_row_is_stored_offline_as_float32(store: FeatureStore, tmp_path: Path) -> None:
    table = history()
    store.write("AAPL", table)
    stored = pd.read_parquet(data(tmp_path) / "features.parquet" / "AAPL.parquet")
    assert set(stored["ticker"]) == {"AAPL"}
    assert set(stored[list(features.FEATURES)].dtypes.astype(str)) == {"float32"}
    rows = stored.set_index("event_timestamp")[list(features.FEATURES)].astype("float64")
    pd.testing.assert_frame_equal(rows, table, check_index_type=False, check_freq=False)


def test_the_definitions_are_registered_once(reopen: Reopen, tmp_path: Path) -> None:
    reopen().write("AAPL", history())
    registry = (data(tmp_path) / "registry.db").read_bytes()
    reopen().write("^GSPC", history("^GSPC"))
    assert not reopen().apply()
    assert (data(tmp_path) / "registry.db").read_bytes() == registry


def test_changed_definitions_are_registered(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reopen().apply()
    feast_import.load()
    monkeypatch.setattr("stockops.adapters.feast.definitions.FOREVER", timedelta(days=1))
    assert reopen().apply()
    assert not reopen().apply()


def test_features_of_older_definitions_are_not_served(reopen: Reopen, monkeypatch: pytest.MonkeyPatch) -> None:
    feast_import.load()
    with monkeypatch.context() as older:
        older.setattr("stockops.adapters.feast.definitions.FEATURES", features.FEATURES[:-1])
        reopen().write("AAPL", history())
    assert reopen().latest("AAPL") is None
    reopen().write("AAPL", history())
    assert online(reopen()) == last_row(history())


def test_materialising_restores_the_written_vectors(
    reopen: Reopen, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tables = {ticker: history(ticker, seed=3) for ticker in ("AAPL", "^GSPC", "BRK-B")}
    for ticker, table in tables.items():
        reopen().write(ticker, table)
    delete_online(tmp_path, request)
    assert reopen().latest("AAPL") is None
    (data(tmp_path) / "features.parquet" / ".MSFT.parquet.x1.tmp").write_bytes(b"a write in progress")
    reopen().materialize(NOW)
    assert {ticker: online(reopen(), ticker) for ticker in tables} == {
        t: last_row(table) for t, table in tables.items()
    }


def test_materialising_stops_at_the_given_time(reopen: Reopen, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    table = history()
    reopen().write("AAPL", table)
    delete_online(tmp_path, request)
    reopen().materialize(table.index[-3].to_pydatetime())
    assert online(reopen()) == last_row(table.iloc[:-2])
    reopen().materialize(NOW)
    assert online(reopen()) == last_row(table)
    reopen().materialize(table.index[-3].to_pydatetime())
    assert online(reopen()) == last_row(table)  # an earlier row never replaces a later one


def test_materialising_a_home_without_features_does_nothing(store: FeatureStore) -> None:
    store.materialize(NOW)
    assert store.tickers() == []


def test_nothing_is_printed(store: FeatureStore, capfd: pytest.CaptureFixture[str]) -> None:
    store.write("AAPL", history())
    store.latest("AAPL")
    store.apply()
    store.materialize(NOW)
    store.check()
    assert capfd.readouterr() == ("", "")


def test_check_reports_version_location_and_number_of_tickers(store: FeatureStore) -> None:
    location = "Redis at 127.0.0.1:" if "redis" in store.needs else "SQLite"
    assert store.check().startswith(f"{version('feast')}, online in {location}")
    assert store.check().endswith(", 0 tickers offline")
    store.write("AAPL", history())
    assert store.check().endswith(", 1 tickers offline")


def test_reading_creates_no_file(store: FeatureStore, tmp_path: Path) -> None:
    store.latest("AAPL")
    store.tickers()
    store.check()
    assert list(tmp_path.iterdir()) == []


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def delete_online(home: Path, request: pytest.FixtureRequest) -> None:
    """Delete all online features from whichever store is used."""
    (data(home) / "online_store.db").unlink(missing_ok=True)
    if "redis" in request.node.name:
        redis.Redis.from_url(request.getfixturevalue("redis_server").url).flushdb()


# Cases of one online store, or of a switch between the two.


@pytest.fixture
def set_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the time zone of this process."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("writer_zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("reader_zone", ["UTC", "America/New_York"])
def test_the_event_time_is_the_same_in_every_time_zone(
    tmp_path: Path, set_time_zone: Callable[[str], None], writer_zone: str, reader_zone: str
) -> None:
    skipped_in_new_york = pd.Timestamp("2024-03-10T02:30", tz="UTC")
    table = history().iloc[-1:].set_axis(pd.DatetimeIndex([skipped_in_new_york]))
    set_time_zone(writer_zone)
    open_store(tmp_path).write("AAPL", table)
    set_time_zone(reader_zone)
    assert online(open_store(tmp_path))[0] == skipped_in_new_york


def test_homes_that_share_a_redis_keep_the_later_row(tmp_path: Path, redis_server: RedisServer) -> None:
    redis.Redis.from_url(redis_server.url).flushdb()
    table = history()
    open_store(tmp_path / "live", redis_server.url).write("AAPL", table)
    look_back = open_store(tmp_path / "look-back", redis_server.url)
    assert look_back.write("AAPL", table.iloc[:-1])
    assert online(look_back) == last_row(table)


def test_a_home_can_switch_to_redis_and_back(tmp_path: Path, redis_server: RedisServer) -> None:
    redis.Redis.from_url(redis_server.url).flushdb()
    table = history()
    open_store(tmp_path).write("AAPL", table.iloc[:-1])
    assert open_store(tmp_path, redis_server.url).latest("AAPL") is None
    open_store(tmp_path, redis_server.url).write("AAPL", table)
    assert online(open_store(tmp_path, redis_server.url)) == last_row(table)
    assert online(open_store(tmp_path)) == last_row(table.iloc[:-1])
    open_store(tmp_path).materialize(NOW)
    assert online(open_store(tmp_path)) == last_row(table)


# Concurrent processes.


def write_growing_histories(home: Path, url: str, own_ticker: str, table: pd.DataFrame) -> None:
    """Write an own and a shared ticker repeatedly, each time with one more session."""
    store = open_store(home, url)
    for rows in range(len(table) - 5, len(table) + 1):
        store.write(own_ticker, table.iloc[:rows])
        store.write("SHARED", table.iloc[:rows])
        assert store.latest(own_ticker) is not None


def test_four_concurrent_writers_in_an_empty_home_lose_nothing(
    reopen: Reopen, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    table = history()
    url = request.getfixturevalue("redis_server").url if "redis" in request.node.name else ""
    workers = [forked.start(write_growing_histories, tmp_path, url, f"T{number}", table) for number in range(4)]
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    written = ["SHARED", "T0", "T1", "T2", "T3"]
    assert reopen().tickers() == written
    assert [online(reopen(), ticker) for ticker in written] == [last_row(table)] * 5
    assert not reopen().apply()


def write_forever(home: Path, table: pd.DataFrame) -> None:
    """Register and write until killed; to SQLite, whose file a kill could leave half written."""
    while True:
        (data(home) / "registry.db").unlink(missing_ok=True)
        with suppress(ServiceError):  # the other process has just deleted the registry
            store = open_store(home)
            store.apply()
            store.write("AAPL", table)
            (home / f"{os.getpid()}").touch()
        time.sleep(0.02)  # a waiting process polls the lock twenty times a second and would starve otherwise


def test_a_kill_at_any_moment_leaves_a_working_store(tmp_path: Path) -> None:
    table = history()
    for pause in (0.0, 0.013, 0.031, 0.047, 0.071):
        workers = [forked.start(write_forever, tmp_path, table.iloc[:-1]) for _ in range(2)]
        deadline = time.monotonic() + 60
        try:
            while not all((tmp_path / f"{worker.pid}").exists() for worker in workers):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            for worker in workers:
                time.sleep(pause)
                worker.kill()
                worker.join()
        assert [worker.exitcode for worker in workers] == [-signal.SIGKILL] * 2
        assert open_store(tmp_path).latest("AAPL") is None or online(open_store(tmp_path)) == last_row(table.iloc[:-1])
        assert open_store(tmp_path).check().endswith(", 1 tickers offline")
    assert open_store(tmp_path).write("AAPL", table)
    assert online(open_store(tmp_path)) == last_row(table)


# Damaged files.


def write_garbage(path: Path) -> None:
    path.write_bytes(b"garbage " * 500)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite_part(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:8] + b"\xff" * 1000 + content[1008:])


def write_other_columns(path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(path)


@pytest.mark.parametrize("damage", [write_garbage, truncate])
def test_a_damaged_registry_is_reported_and_replaced_by_apply(tmp_path: Path, damage: Damage) -> None:
    table = history()
    open_store(tmp_path).write("AAPL", table)
    damage(data(tmp_path) / "registry.db")
    store = open_store(tmp_path)
    for call in (partial(store.latest, "AAPL"), partial(store.write, "AAPL", table), partial(store.materialize, NOW)):
        with pytest.raises(ServiceError, match=r"registry\.db is damaged; run: stockops features apply") as caught:
            call()
        assert caught.value.service == "feast"
    assert store.apply()
    assert online(store) == last_row(table)
    assert (data(tmp_path) / "registry.damaged").exists()


def test_a_missing_registry_is_recreated_by_the_next_write(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write("AAPL", history())
    (data(tmp_path) / "registry.db").unlink()
    assert store.latest("AAPL") is None
    store.write("AAPL", history())
    assert online(store) == last_row(history())


def test_apply_on_an_open_store_recreates_a_missing_registry(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write("AAPL", history())
    (data(tmp_path) / "registry.db").unlink()
    assert store.apply()
    assert online(store) == last_row(history())


@pytest.mark.parametrize("damage", [write_garbage, truncate])
def test_a_damaged_online_file_is_reported_with_a_hint(tmp_path: Path, damage: Damage) -> None:
    table = history()
    open_store(tmp_path).write("AAPL", table)
    file = data(tmp_path) / "online_store.db"
    damage(file)
    store = open_store(tmp_path)
    for call in (partial(store.latest, "AAPL"), partial(store.write, "AAPL", table), partial(store.materialize, NOW)):
        with pytest.raises(ServiceError, match=r"online_store\.db cannot be used: .*; move the file away") as caught:
            call()
        assert caught.value.service == "feast"
    file.unlink()
    open_store(tmp_path).materialize(NOW)
    assert online(open_store(tmp_path)) == last_row(table)


@pytest.mark.parametrize("damage", [write_garbage, truncate, overwrite_part, write_other_columns])
def test_a_damaged_history_is_reported_and_replaced_by_the_next_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Damage
) -> None:
    store = open_store(tmp_path)
    for ticker in ("AAPL", "^GSPC"):
        store.write(ticker, history(ticker))
    damage(data(tmp_path) / "features.parquet" / "^GSPC.parquet")
    for call in (partial(store.materialize, NOW), store.check):
        with pytest.raises(ServiceError, match=r": \^GSPC\.parquet; run: .* materialize --ticker \^GSPC$"):
            call()
    assert online(store, "^GSPC") == last_row(history("^GSPC"))
    store.write("^GSPC", history("^GSPC", seed=1))
    assert "^GSPC.parquet is damaged" in caplog.text
    store.materialize(NOW)
    assert online(store, "^GSPC") == last_row(history("^GSPC", seed=1))


def test_a_folder_that_cannot_be_created_is_a_service_error(tmp_path: Path) -> None:
    (tmp_path / "feature_store").write_text("a file")
    store = open_store(tmp_path)
    assert store.latest("AAPL") is None
    for call in (store.apply, partial(store.write, "AAPL", history()), partial(store.materialize, NOW)):
        with pytest.raises(ServiceError, match="STOCKOPS_HOME") as caught:
            call()
        assert caught.value.service == "feast"


def test_a_failed_import_of_feast_is_a_service_error(tmp_path: Path) -> None:
    open_store(tmp_path).apply()
    code = (
        "import sys; sys.modules['dill'] = None\n"
        "from pathlib import Path; from stockops.adapters.feast.feature_store import FeastStore\n"
        "FeastStore(home=Path(sys.argv[1]), redis_url='', timeout_seconds=1).latest('AAPL')"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert "ServiceError: feast cannot be imported" in result.stderr


# Redis outages.


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    running = RedisServer(tmp_path / "redis")
    running.start()
    yield running
    running.stop()


def seconds_until_failure(call: Callable[[], object]) -> float:
    """Return how many seconds a call takes to report that Redis is down."""
    started = time.monotonic()
    with pytest.raises(ServiceError, match="redis at 127") as caught:
        call()
    assert caught.value.service == "redis"
    return time.monotonic() - started


@pytest.mark.parametrize("outage", ["kill", "pause"])
def test_a_redis_that_does_not_answer_is_reported_in_time(tmp_path: Path, own_server: RedisServer, outage: str) -> None:
    table = history()
    open_store(tmp_path, own_server.url).write("AAPL", table.iloc[:-1])
    getattr(own_server, outage)()
    store = open_store(tmp_path, own_server.url)
    assert seconds_until_failure(partial(store.latest, "AAPL")) < 1.5
    assert seconds_until_failure(partial(store.write, "AAPL", table)) < 1.5
    assert seconds_until_failure(partial(store.materialize, NOW)) < 1.8
    assert seconds_until_failure(store.check) < 1.5
    assert store.tickers() == ["AAPL"]
    if outage == "pause":
        own_server.resume()
        store.materialize(NOW)  # the history is stored offline even though Redis was down
        assert online(store) == last_row(table)


def test_a_password_is_used_and_never_shown(tmp_path: Path, own_server: RedisServer) -> None:
    redis.Redis.from_url(own_server.url).config_set("requirepass", "right")
    host = own_server.url.removeprefix("redis://")
    with pytest.raises(ServiceError) as caught:
        open_store(tmp_path, f"redis://:sesame@{host}").write("AAPL", history())
    assert "password" in str(caught.value)
    assert "sesame" not in str(caught.value)
    store = open_store(tmp_path, f"redis://:right@{host}")
    store.write("AAPL", history())
    assert online(store) == last_row(history())
    assert "right" not in store.check()
    assert not any(b"right" in content for content in contents(data(tmp_path)).values())


def test_redis_is_reached_over_a_unix_socket(tmp_path: Path) -> None:
    port, socket, program = free_port(), tmp_path / "redis.sock", needed("redis-server", "redis-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(socket), "--save", ""]
    server = Server([program, *options, "--dir", str(tmp_path)], port, tmp_path)
    server.start()
    try:
        store = open_store(tmp_path, f"unix://{socket}?db=1")
        store.write("AAPL", history())
        assert online(store) == last_row(history())
    finally:
        server.stop()


def test_an_invalid_redis_url_is_a_usage_error_that_hides_its_password(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="REDIS_URL") as caught:
        open_store(tmp_path, "http://:sesame@localhost").write("AAPL", history())
    assert "sesame" not in str(caught.value)


# Importing Feast.


def test_importing_feast_leaves_the_process_unchanged(tmp_path: Path) -> None:
    code = """
import json, os, sys, warnings
import typeguard
before = dict(os.environ), list(warnings.filters), typeguard.typechecked
from stockops.adapters.feast import feast_import
feast_import.load()
after = dict(os.environ), list(warnings.filters), typeguard.typechecked
import prometheus_client.values, torch
assert before == after
assert "feast" in sys.modules
print(json.dumps({"torch": torch.ones(1).item(), "values": prometheus_client.values.ValueClass.__name__}))
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert json.loads(result.stdout) == {"torch": 1.0, "values": "MutexValue"}
    assert result.stderr == ""
    assert list(tmp_path.glob("feast*")) == []


def test_reading_a_home_without_features_imports_no_heavy_library(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from stockops.adapters.feast.feature_store import FeastStore
store = FeastStore(home=Path(sys.argv[1]), redis_url="redis://127.0.0.1:1/0", timeout_seconds=1)
assert store.latest("AAPL") is None and store.tickers() == []
print(*({"feast", "torch", "redis", "dask"} & sys.modules.keys()))
"""
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert (result.stdout.split(), result.stderr) == ([], "")


def test_feature_store_yaml_has_the_same_locations_as_the_code() -> None:
    feast_import.load()
    from stockops.adapters.feast.definitions import PLACES

    file = ROOT / "feature_store" / "feature_store.yaml"
    assert import_module("yaml").safe_load(file.read_text()) == PLACES


def test_a_flipped_bit_in_an_online_feature_is_reported_with_a_hint(tmp_path: Path) -> None:
    open_store(tmp_path).write("AAPL", history())
    path = data(tmp_path) / "online_store.db"
    with sqlite3.connect(path) as database:
        [table] = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
        rowid, value = database.execute(f"SELECT rowid, value FROM {table} WHERE feature_name = 'Close'").fetchone()
        flipped = value[:-2] + bytes([value[-2] ^ 1, value[-1]])
        database.execute(f"UPDATE {table} SET value = ? WHERE rowid = ?", (flipped, rowid))
    with pytest.raises(ServiceError, match=r"online features of AAPL are not those .* materialize --ticker AAPL"):
        open_store(tmp_path).check()


def test_an_empty_online_file_is_rejected_and_left_untouched(tmp_path: Path) -> None:
    open_store(tmp_path).write("AAPL", history())
    path = data(tmp_path) / "online_store.db"
    path.write_bytes(b"")
    later = history(seed=1)
    for call in (lambda: open_store(tmp_path).latest("AAPL"), lambda: open_store(tmp_path).write("AAPL", later)):
        with pytest.raises(ServiceError, match=r"online_store.db cannot be used: it is empty"):
            call()
    assert path.read_bytes() == b""
