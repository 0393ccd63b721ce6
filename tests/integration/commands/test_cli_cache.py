"""The prediction cache as a user meets it: what is a hit, what is none, and life without Redis."""

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
def cached(request: pytest.FixtureRequest, trained: Cli) -> Cli:
    """A CLI with a trained home and an empty cache, of either kind."""
    if request.param == "redis":
        redis_server: RedisServer = request.getfixturevalue("redis_server")
        redis.Redis.from_url(redis_server.url).flushdb()
        trained.setenv(REDIS_HOST="127.0.0.1", REDIS_PORT=str(redis_server.port))
    return trained


def test_the_same_question_is_a_miss_then_a_hit_with_the_same_answer(cached: Cli) -> None:
    first, second = cached(*PREDICT), cached(*PREDICT)
    assert first.document["cached"] is False
    assert second.document == first.document | {"cached": True}
    assert first.document["degraded"] == second.document["degraded"] == []
    listed = cached("cache", "list").document
    assert (listed["hits"], listed["misses"]) == (1, 1)
    [entry] = listed["entries"]
    assert entry["key"] == "predict_child_AAPL"
    assert entry["model_version"] == first.document["model_version"]
    assert 86_390 <= entry["seconds_left"] <= 86_400


def test_the_entry_in_redis_has_seeds_key_and_life_and_is_the_forecast(trained: Cli, redis_server: RedisServer) -> None:
    client = redis.Redis.from_url(redis_server.url)
    client.flushdb()
    trained.setenv(REDIS_URL=redis_server.url)
    document = trained(*PREDICT).document
    assert 86_390 <= int(client.ttl("predict_child_AAPL")) <= 86_400
    value = json.loads(client.get("predict_child_AAPL"))  # type: ignore[arg-type]
    assert {name: value[name] for name in document} == document


def test_a_hit_imports_no_library_of_numbers(cached: Cli) -> None:
    assert "pandas" in modules_after(*PREDICT, home=cached.home)
    loaded = modules_after(*PREDICT, home=cached.home)
    heavy = {"torch", "pandas", "numpy", "feast", "mlflow", "sklearn", "matplotlib", "exchange_calendars", "yfinance"}
    assert loaded & heavy == set()


def test_a_retrained_model_is_a_miss(cached: Cli) -> None:
    before = cached(*PREDICT).document
    assert cached("train-child", "--ticker", "AAPL", "--seed", "11").code == 0
    after = cached(*PREDICT).document
    assert after["cached"] is False
    assert after["model_version"] != before["model_version"]


def test_another_as_of_and_other_days_are_misses(cached: Cli) -> None:
    cached(*PREDICT)
    assert cached(*PREDICT, "--days", "7").document["cached"] is False
    assert cached(*PREDICT).document["cached"] is False  # one entry a ticker: the latest question's
    assert cached(*PREDICT, "--as-of", "2006-07-07").document["cached"] is False
    assert cached(*PREDICT, "--as-of", "2006-07-07").document["last_date"] == "2006-07-07"


def test_a_changed_file_is_a_miss_and_a_copy_of_it_is_not(
    cached: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests.builders import bars, to_csv

    data = tmp_path_factory.mktemp("data")
    text = to_csv(bars(400))
    for name in ("AAPL", "^GSPC"):
        (data / f"{name}.csv").write_text(text)
    cached.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(data), STOCKOPS_AS_OF="")
    assert cached("train-child", "--ticker", "AAPL").code == 0
    assert cached(*PREDICT).document["cached"] is False
    copy = shutil.copytree(data, data / "copy")
    assert cached(*PREDICT, "--data-dir", str(copy)).document["cached"] is True
    lines = text.splitlines()
    (data / "AAPL.csv").write_text("\n".join(lines[:-1]) + "\n")  # a session less
    changed = cached(*PREDICT).document
    assert changed["cached"] is False
    assert changed["last_date"] == lines[-2].split(",")[0]


def test_a_damaged_checkpoint_is_never_hidden_by_the_cache(cached: Cli) -> None:
    assert cached(*PREDICT).code == 0
    path = cached.home / "outputs/AAPL/AAPL_child_model.pt"
    path.write_bytes(path.read_bytes()[:5000])
    assert cached(*PREDICT).code == 4


def test_no_cache_neither_answers_nor_keeps(cached: Cli) -> None:
    assert cached(*PREDICT, "--no-cache").document["cached"] is False
    assert cached("cache", "list").document["entries"] == []
    cached(*PREDICT)
    assert cached(*PREDICT, "--no-cache").document["cached"] is False
    assert cached(*PREDICT).document["cached"] is True


def test_entries_are_shown_and_cleared_one_or_all(cached: Cli) -> None:
    cached(*PREDICT)
    cached("predict-child", "--ticker", "MSFT")
    assert cached("cache", "show", "--ticker", "AAPL").document["ticker"] == "AAPL"
    assert cached("cache", "clear", "--ticker", "AAPL").document["cleared"] == ["AAPL"]
    missing = cached("cache", "show", "--ticker", "AAPL")
    assert missing.code == 3
    assert "nothing of AAPL is kept; run: stockops predict-child --ticker AAPL" in missing.err
    assert cached("cache", "clear").document["cleared"] == ["MSFT"]
    assert cached("cache", "clear").document["cleared"] == []


@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"[]", b'{"ticker": "AAPL"}', b'{"ticker": "AAPL", "cache": 7}'])
def test_what_others_left_under_our_key_is_passed_over_and_replaced(
    trained: Cli, redis_server: RedisServer, garbage: bytes
) -> None:
    trained.setenv(REDIS_URL=redis_server.url)
    redis.Redis.from_url(redis_server.url).set("predict_child_AAPL", garbage, ex=60)
    result = trained(*PREDICT)
    assert result.code == 0
    assert result.document["cached"] is False
    assert "ignoring an invalid entry predict_child_AAPL" in result.err
    assert trained(*PREDICT).document["cached"] is True


def test_redis_down_gives_the_same_answer_says_so_and_costs_little(trained: Cli, tmp_path: Path) -> None:
    expected = trained(*PREDICT, "--no-cache").document
    own = RedisServer(tmp_path / "own")
    own.start()
    trained.setenv(REDIS_URL=own.url)
    assert trained(*PREDICT).document == expected
    own.pause()
    started = time.monotonic()
    hanging = trained(*PREDICT)
    seconds = time.monotonic() - started
    own.stop()
    dead = trained(*PREDICT)
    for result in (hanging, dead):
        assert result.code == 0
        assert result.document == expected | {"degraded": ["redis"]}
        assert result.err.count("redis") == 1, result.err
        assert "going on without it" in result.err
    assert seconds < 4  # a forecast here takes a fraction of a second; the time-out of Redis is one second


def test_a_command_that_is_about_redis_needs_it(trained: Cli) -> None:
    trained.setenv(REDIS_URL="redis://:sesame@127.0.0.1:9/0")
    result = trained("cache", "list")
    assert result.code == 5
    assert "redis at 127.0.0.1:9 does not serve" in result.err
    assert "sesame" not in result.err + result.out


def test_an_embedded_store_that_is_no_database_costs_the_cache_alone(trained: Cli) -> None:
    (trained.home / "outputs/state.db").write_bytes(b"no database" * 100)
    result = trained(*PREDICT)
    assert result.code == 0
    assert result.document["degraded"] == ["state"]
    assert "move the file away" in result.err


def test_the_day_a_forecast_is_for_is_part_of_the_question(trained: Cli) -> None:
    assert trained(*PREDICT, "--as-of", AS_OF).document["cached"] is False
    trained.setenv(STOCKOPS_AS_OF="")
    trained("train-child", "--ticker", "AAPL")
    assert trained(*PREDICT).document["last_date"] > AS_OF


def test_an_entry_is_over_when_a_newer_session_may_be_out(trained: Cli) -> None:
    trained(*PREDICT)
    from stockops.adapters.storage.sqlite_state import SqliteState

    state = SqliteState(trained.home / "outputs/state.db")
    key = prediction_cache.PREFIX + "AAPL"
    raw = state.get(key)
    assert raw is not None
    entry = json.loads(raw)
    assert entry["cache"]["fresh_until"] is None  # a file: its content tells
    for fresh_until, hit in (("2999-01-01T00:00:00+00:00", True), ("2006-07-03T20:15:00+00:00", False)):
        entry["cache"]["fresh_until"] = fresh_until
        state.put(key, strict_json.signed(entry), seconds=60)
        assert trained(*PREDICT).document["cached"] is hit


def test_our_databases_are_closed_when_a_command_ends(trained: Cli) -> None:
    assert trained("predict-child", "--ticker", "AAPL").code == 0
    assert {path.name for path in (trained.home / "outputs").glob("*.db*")} == {"state.db", "ledger.db"}
