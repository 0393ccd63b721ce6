"""`doctor` with every check up, with optional services down, and with required checks failing."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import models

from stockops.adapters.vector_store.qdrant_server import COLLECTION
from tests.integration.cli import Cli
from tests.loopback_llm import Llm, llama_cpp
from tests.loopback_qdrant import qdrant_server
from tests.servers import RedisServer, free_port


def states(document: dict[str, object]) -> dict[str, str]:
    checks = document["checks"]
    assert isinstance(checks, list)
    return {check["name"]: check["state"] for check in checks}


def test_every_check_is_up_with_all_services(trained: Cli, redis_server: RedisServer) -> None:
    trained.setenv(REDIS_URL=redis_server.url, STOCKOPS_FEATURE_STORE="", STOCKOPS_TRACKING="")
    result = trained("doctor")
    assert result.code == 0, result.out
    assert set(states(result.document).values()) == {"up"}
    details = {check["name"]: check["detail"] for check in result.document["checks"]}
    assert details["models"] == "1 parent, 1 children"
    assert details["state"] == f"{details['state'].split()[0]} at 127.0.0.1:{redis_server.port}"
    assert "GB free" in details["home"]


def test_services_that_are_down_are_no_failure_and_get_a_hint_each(cli: Cli) -> None:
    cli.setenv(
        REDIS_URL=f"redis://:sesame@127.0.0.1:{free_port()}/0",
        MLFLOW_TRACKING_URI=f"http://anna:sesame@127.0.0.1:{free_port()}",
        STOCKOPS_TRACKING="",
    )
    started = time.monotonic()
    result = cli("doctor")
    assert time.monotonic() - started < 8
    assert result.code == 0
    assert result.document["ok"] is True
    found = {check["name"]: check for check in result.document["checks"]}
    assert [found[name]["state"] for name in ("state", "mlflow")] == ["down", "down"]
    assert "start it, or unset REDIS_URL" in found["state"]["hint"]
    assert "unset MLFLOW_TRACKING_URI" in found["mlflow"]["hint"]
    assert "sesame" not in result.out + result.err


def test_a_hanging_service_does_not_delay_doctor(cli: Cli, tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    server.start()
    server.pause()
    cli.setenv(REDIS_URL=server.url, STOCKOPS_SERVICE_TIMEOUT_SECONDS="60", STOCKOPS_DOCTOR_SECONDS="1")
    result = cli("doctor")
    server.stop()
    assert result.code == 0
    [found] = [check for check in result.document["checks"] if check["name"] == "state"]
    assert (found["state"], found["detail"]) == ("down", "no answer in 1 s")


@pytest.fixture(params=["replica", "full"])
def read_only_redis(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> Iterator[RedisServer]:
    """A Redis that serves reads and rejects writes: a replica, or one that is out of memory."""
    options = ("--replicaof", "127.0.0.1", str(redis_server.port)) if request.param == "replica" else ()
    server = RedisServer(tmp_path / "own", *options)
    server.start()
    if request.param == "full":
        server.fill()
    yield server
    server.stop()


def test_a_redis_that_rejects_writes_is_down_and_commands_still_run(trained: Cli, read_only_redis: RedisServer) -> None:
    trained.setenv(REDIS_URL=read_only_redis.url)
    result = trained("doctor")
    assert result.code == 0
    [found] = [check for check in result.document["checks"] if check["name"] == "state"]
    assert found["state"] == "down"
    reason = "read only replica" if "primary" in found["hint"] else "used memory > 'maxmemory'"
    assert reason in found["detail"]
    forecast = trained("predict-child", "--ticker", "AAPL")
    assert (forecast.code, forecast.document["degraded"]) == (0, ["redis"])
    assert forecast.err.count("redis at") == forecast.err.count(reason) == 1


def test_a_database_of_a_newer_mlflow_is_down_and_training_still_runs(trained: Cli) -> None:
    (trained.home / "mlruns").mkdir()
    with contextlib.closing(sqlite3.connect(trained.home / "mlruns/mlflow.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
        database.commit()
    trained.setenv(STOCKOPS_TRACKING="")
    [found] = [check for check in trained("doctor").document["checks"] if check["name"] == "mlflow"]
    assert (found["state"], found["hint"]) == ("down", "install the MLflow that wrote it")
    assert "of a newer release" in found["detail"]
    training = trained("train-child", "--ticker", "AAPL")
    assert (training.code, training.document["degraded"]) == (0, ["mlflow"])
    assert training.err.count("of a newer release") == training.err.count("mlflow at") == 1


def test_reports_of_another_dimension_are_down_and_analyze_still_runs(trained: Cli) -> None:
    trained.setenv(STOCKOPS_NEWS="off")
    with qdrant_server() as qdrant, llama_cpp(Llm()) as llm:  # reports written by rules are not cached
        qdrant.engine.create_collection(COLLECTION, models.VectorParams(size=384, distance=models.Distance.COSINE))
        trained.setenv(QDRANT_URL=qdrant.url, LLAMA_CPP_BASE_URL=llm.url)
        [found] = [check for check in trained("doctor").document["checks"] if check["name"] == "reports"]
        assert (found["state"], "384 dimensions, not 768" in found["detail"]) == ("down", True)
        analysis = trained("analyze", "--ticker", "AAPL")
    assert (analysis.code, analysis.document["degraded"]) == (0, ["qdrant"])
    assert analysis.err.count("qdrant at") == analysis.err.count("expected dim: 384, got 768") == 1


def test_disabled_services_are_reported_as_switched_off(cli: Cli) -> None:
    details = {check["name"]: check["detail"] for check in cli("doctor").document["checks"]}
    assert details["feast"] == details["mlflow"] == "switched off"


def test_a_damaged_checkpoint_is_reported_as_broken(trained: Cli) -> None:
    path = trained.home / "outputs/AAPL/AAPL_child_model.pt"
    path.write_bytes(path.read_bytes()[:5000])
    result = trained("doctor")
    assert result.code == 4
    assert result.document["ok"] is False
    [found] = [check for check in result.document["checks"] if check["name"] == "models"]
    assert (found["state"], found["detail"]) == (
        "broken",
        "outputs/AAPL/AAPL_child_model.pt is damaged or not a stockops model",
    )


@pytest.mark.parametrize(
    ("settings", "check", "code", "message"),
    [
        ({"STOCKOPS_SOURCE": "csv"}, "prices", 2, "--source csv needs a folder"),
        ({"STOCKOPS_SOURCE": "finnhub"}, "prices", 2, "needs a key"),
        ({"REDIS_URL": "http://127.0.0.1"}, "state", 2, "REDIS_URL is not the address of a Redis"),
        (
            {
                "STOCKOPS_SOURCE": "finnhub",
                "FINNHUB_API_KEY": "sesame",
                "STOCKOPS_FINNHUB_URL": "http://127.0.0.1:9/api",
            },
            "prices",
            75,
            "finnhub",
        ),
    ],
)
def test_a_failed_required_check_sets_the_exit_code(
    cli: Cli, settings: dict[str, str], check: str, code: int, message: str
) -> None:
    cli.setenv(**settings)
    result = cli("doctor")
    assert result.code == code
    assert states(result.document)[check] == "broken"
    assert message in str(result.document)
    assert "sesame" not in result.out + result.err


def test_an_unwritable_home_is_broken(cli: Cli) -> None:
    (cli.home / "file").write_text("")
    cli.setenv(STOCKOPS_HOME=str(cli.home / "file" / "home"))
    result = cli("doctor")
    assert result.code == 2
    assert states(result.document)["home"] == "broken"
    assert "STOCKOPS_HOME" in str(result.document)


def test_an_empty_home_passes_and_names_the_first_command(cli: Cli) -> None:
    result = cli("doctor")
    assert result.code == 0
    assert "none trained yet; run: stockops train-parent" in result.out
    assert cli.files() == set()
