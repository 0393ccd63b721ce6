"""The prediction cache as its users see it: hits, misses, entries, and forecasts without Redis."""

import json
import shutil
import time
from pathlib import Path

import pytest
import redis

from stockops import strict_json
from stockops.pipelines import prediction_cache
from tests.integration.cli import AS_OF, Cli
from tests.integration.commands.test_cli_shell import modules_after
from tests.servers import RedisServer

PREDICT = ("predict-child", "--ticker", "AAPL")


@pytest.fixture(params=["embedded", "redis"])
def caching_cli(request: pytest.FixtureRequest, trained: Cli) -> Cli:
    """A CLI with a trained home and an empty cache, in SQLite or in Redis."""
    if request.param == "redis":
        redis_server: RedisServer = request.getfixturevalue("redis_server")
        redis.Redis.from_url(redis_server.url).flushdb()
        trained.setenv(REDIS_HOST="127.0.0.1", REDIS_PORT=str(redis_server.port))
    return trained


def test_repeating_a_forecast_is_a_miss_then_a_hit_with_the_same_result(caching_cli: Cli) -> None:
    first, second = caching_cli(*PREDICT), caching_cli(*PREDICT)
    assert first.document["cached"] is False
    assert second.document == first.document | {"cached": True}
    assert first.document["degraded"] == second.document["degraded"] == []
    listed = caching_cli("cache", "list").document
    assert (listed["hits"], listed["misses"]) == (1, 1)
    [entry] = listed["entries"]
    assert entry["key"] == "predict_child_AAPL"
    assert entry["model_version"] == first.document["model_version"]
    assert 86_390 <= entry["seconds_left"] <= 86_400


def test_the_redis_entry_has_the_documented_key_expiry_and_content(trained: Cli, redis_server: RedisServer) -> None:
    client = redis.Redis.from_url(redis_server.url)
    client.flushdb()
    trained.setenv(REDIS_URL=redis_server.url)
    document = trained(*PREDICT).document
    assert 86_390 <= int(client.ttl("predict_child_AAPL")) <= 86_400
    value = json.loads(client.get("predict_child_AAPL"))  # type: ignore[arg-type]
    assert {name: value[name] for name in document} == document


def test_a_hit_imports_no_numerical_library(caching_cli: Cli) -> None:
    assert "pandas" in modules_after(*PREDICT, home=caching_cli.home)
    loaded = modules_after(*PREDICT, home=caching_cli.home)
    heavy = {"torch", "pandas", "numpy", "feast", "mlflow", "sklearn", "matplotlib", "exchange_calendars", "yfinance"}
    assert loaded & heavy == set()


def test_a_retrained_model_is_a_miss(caching_cli: Cli) -> None:
    before = caching_cli(*PREDICT).document
    assert caching_cli("train-child", "--ticker", "AAPL", "--seed", "11").code == 0
    after = caching_cli(*PREDICT).document
    assert after["cached"] is False
    assert after["model_version"] != before["model_version"]


def test_another_as_of_or_number_of_days_is_a_miss(caching_cli: Cli) -> None:
    caching_cli(*PREDICT)
    assert caching_cli(*PREDICT, "--days", "7").document["cached"] is False
    assert caching_cli(*PREDICT).document["cached"] is False  # one entry per ticker: the latest request
    assert caching_cli(*PREDICT, "--as-of", "2006-07-07").document["cached"] is False
    assert caching_cli(*PREDICT, "--as-of", "2006-07-07").document["last_date"] == "2006-07-07"


def test_a_changed_price_file_is_a_miss_but_a_copy_is_a_hit(
    caching_cli: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests.builders import bars, to_csv

    data = tmp_path_factory.mktemp("data")
    text = to_csv(bars(400))
    for name in ("AAPL", "^GSPC"):
        (data / f"{name}.csv").write_text(text)
    caching_cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(data), STOCKOPS_AS_OF="")
    assert caching_cli("train-child", "--ticker", "AAPL").code == 0
    assert caching_cli(*PREDICT).document["cached"] is False
    copy = shutil.copytree(data, data / "copy")
    assert caching_cli(*PREDICT, "--data-dir", str(copy)).document["cached"] is True
    lines = text.splitlines()
    (data / "AAPL.csv").write_text("\n".join(lines[:-1]) + "\n")  # one session fewer
    changed = caching_cli(*PREDICT).document
    assert changed["cached"] is False
    assert changed["last_date"] == lines[-2].split(",")[0]


def test_a_damaged_checkpoint_is_never_hidden_by_the_cache(caching_cli: Cli) -> None:
    assert caching_cli(*PREDICT).code == 0
    path = caching_cli.home / "outputs/AAPL/AAPL_child_model.pt"
    path.write_bytes(path.read_bytes()[:5000])
    assert caching_cli(*PREDICT).code == 4


def test_no_cache_neither_reads_nor_stores_an_entry(caching_cli: Cli) -> None:
    assert caching_cli(*PREDICT, "--no-cache").document["cached"] is False
    assert caching_cli("cache", "list").document["entries"] == []
    caching_cli(*PREDICT)
    assert caching_cli(*PREDICT, "--no-cache").document["cached"] is False
    assert caching_cli(*PREDICT).document["cached"] is True


def test_entries_are_shown_and_cleared_singly_or_all_at_once(caching_cli: Cli) -> None:
    caching_cli(*PREDICT)
    caching_cli("predict-child", "--ticker", "MSFT")
    assert caching_cli("cache", "show", "--ticker", "AAPL").document["ticker"] == "AAPL"
    assert caching_cli("cache", "clear", "--ticker", "AAPL").document["cleared"] == ["AAPL"]
    missing = caching_cli("cache", "show", "--ticker", "AAPL")
    assert missing.code == 3
    assert "nothing of AAPL is kept; run: stockops predict-child --ticker AAPL" in missing.err
    assert caching_cli("cache", "clear").document["cleared"] == ["MSFT"]
    assert caching_cli("cache", "clear").document["cleared"] == []


@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"[]", b'{"ticker": "AAPL"}', b'{"ticker": "AAPL", "cache": 7}'])
def test_a_foreign_value_under_the_cache_key_is_ignored_and_replaced(
    trained: Cli, redis_server: RedisServer, garbage: bytes
) -> None:
    trained.setenv(REDIS_URL=redis_server.url)
    redis.Redis.from_url(redis_server.url).set("predict_child_AAPL", garbage, ex=60)
    result = trained(*PREDICT)
    assert result.code == 0
    assert result.document["cached"] is False
    assert "ignoring an invalid entry predict_child_AAPL" in result.err
    assert trained(*PREDICT).document["cached"] is True


def test_a_redis_outage_changes_no_result_and_adds_little_delay(trained: Cli, tmp_path: Path) -> None:
    expected = trained(*PREDICT, "--no-cache").document
    server = RedisServer(tmp_path / "own")
    server.start()
    trained.setenv(REDIS_URL=server.url)
    assert trained(*PREDICT).document == expected
    server.pause()
    started = time.monotonic()
    hanging = trained(*PREDICT)
    seconds = time.monotonic() - started
    server.stop()
    dead = trained(*PREDICT)
    for result in (hanging, dead):
        assert result.code == 0
        assert result.document == expected | {"degraded": ["redis"]}
        assert result.err.count("redis") == 1, result.err
        assert "going on without it" in result.err
    assert seconds < 4  # a forecast here takes a fraction of a second, the Redis timeout is one second


def test_cache_list_fails_when_redis_is_down(trained: Cli) -> None:
    trained.setenv(REDIS_URL="redis://:sesame@127.0.0.1:9/0")
    result = trained("cache", "list")
    assert result.code == 5
    assert "redis at 127.0.0.1:9 does not serve" in result.err
    assert "sesame" not in result.err + result.out


def test_a_state_file_that_is_not_a_database_disables_only_the_cache(trained: Cli) -> None:
    (trained.home / "outputs/state.db").write_bytes(b"no database" * 100)
    result = trained(*PREDICT)
    assert result.code == 0
    assert result.document["degraded"] == ["state"]
    assert "move the file away" in result.err


def test_the_as_of_day_is_part_of_the_cache_key(trained: Cli) -> None:
    assert trained(*PREDICT, "--as-of", AS_OF).document["cached"] is False
    trained.setenv(STOCKOPS_AS_OF="")
    trained("train-child", "--ticker", "AAPL")
    assert trained(*PREDICT).document["last_date"] > AS_OF


def test_an_entry_expires_when_a_newer_session_may_be_available(trained: Cli) -> None:
    trained(*PREDICT)
    from stockops.adapters.storage.sqlite_state import SqliteState

    state = SqliteState(trained.home / "outputs/state.db")
    key = prediction_cache.PREFIX + "AAPL"
    raw = state.get(key)
    assert raw is not None
    entry = json.loads(raw)
    assert entry["cache"]["fresh_until"] is None  # for files, the content decides
    for fresh_until, hit in (("2999-01-01T00:00:00+00:00", True), ("2006-07-03T20:15:00+00:00", False)):
        entry["cache"]["fresh_until"] = fresh_until
        state.put(key, strict_json.signed(entry), seconds=60)
        assert trained(*PREDICT).document["cached"] is hit


def test_databases_are_closed_when_a_command_ends(trained: Cli) -> None:
    assert trained("predict-child", "--ticker", "AAPL").code == 0
    assert {path.name for path in (trained.home / "outputs").glob("*.db*")} == {"state.db", "ledger.db"}
