"""`doctor` with everything up, with everything down, and with what every command needs broken."""

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


def test_everything_up(trained: Cli, redis_server: RedisServer) -> None:
    trained.setenv(REDIS_URL=redis_server.url, STOCKOPS_FEATURE_STORE="", STOCKOPS_TRACKING="")
    result = trained("doctor")
    assert result.code == 0, result.out
    assert set(states(result.document).values()) == {"up"}
    details = {check["name"]: check["detail"] for check in result.document["checks"]}
    assert details["models"] == "1 parent, 1 children"
    assert details["state"] == f"{details['state'].split()[0]} at 127.0.0.1:{redis_server.port}"
    assert "GB free" in details["home"]


def test_everything_down_is_no_failure_and_each_has_a_way_out(cli: Cli) -> None:
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


def test_a_service_that_hangs_does_not_hold_it_up(cli: Cli, tmp_path: Path) -> None:
    own = RedisServer(tmp_path / "redis")
    own.start()
    own.pause()
    cli.setenv(REDIS_URL=own.url, STOCKOPS_SERVICE_TIMEOUT_SECONDS="60", STOCKOPS_DOCTOR_SECONDS="1")
    result = cli("doctor")
    own.stop()
    assert result.code == 0
    [found] = [check for check in result.document["checks"] if check["name"] == "state"]
    assert (found["state"], found["detail"]) == ("down", "no answer in 1 s")


@pytest.fixture(params=["replica", "full"])
def reading_alone(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> Iterator[RedisServer]:
    """A Redis that answers and takes nothing: a replica, or one without room."""
    follows = ("--replicaof", "127.0.0.1", str(redis_server.port)) if request.param == "replica" else ()
    running = RedisServer(tmp_path / "own", *follows)
    running.start()
    if request.param == "full":
        running.fill()
    yield running
    running.stop()


def test_a_redis_that_takes_nothing_is_not_up_and_commands_go_on(trained: Cli, reading_alone: RedisServer) -> None:
    trained.setenv(REDIS_URL=reading_alone.url)
    result = trained("doctor")
    assert result.code == 0
    [found] = [check for check in result.document["checks"] if check["name"] == "state"]
    assert found["state"] == "down"
    reason = "read only replica" if "primary" in found["hint"] else "used memory > 'maxmemory'"
    assert reason in found["detail"]
    forecast = trained("predict-child", "--ticker", "AAPL")
    assert (forecast.code, forecast.document["degraded"]) == (0, ["redis"])
    assert forecast.err.count("redis at") == forecast.err.count(reason) == 1


def test_records_of_a_newer_mlflow_are_not_up_and_trainings_go_on(trained: Cli) -> None:
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


def test_reports_of_another_dimension_are_not_up_and_analyses_go_on(trained: Cli) -> None:
    trained.setenv(STOCKOPS_NEWS="off")
    with qdrant_server() as qdrant, llama_cpp(Llm()) as llm:  # what rules wrote is not kept
        qdrant.engine.create_collection(COLLECTION, models.VectorParams(size=384, distance=models.Distance.COSINE))
        trained.setenv(QDRANT_URL=qdrant.url, LLAMA_CPP_BASE_URL=llm.url)
        [found] = [check for check in trained("doctor").document["checks"] if check["name"] == "reports"]
        assert (found["state"], "384 dimensions, not 768" in found["detail"]) == ("down", True)
        analysis = trained("analyze", "--ticker", "AAPL")
    assert (analysis.code, analysis.document["degraded"]) == (0, ["qdrant"])
    assert analysis.err.count("qdrant at") == analysis.err.count("expected dim: 384, got 768") == 1


def test_switched_off_is_said(cli: Cli) -> None:
    details = {check["name"]: check["detail"] for check in cli("doctor").document["checks"]}
    assert details["feast"] == details["mlflow"] == "switched off"


def test_a_damaged_checkpoint_is_broken_and_named(trained: Cli) -> None:
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
    ("settings", "check", "code", "said"),
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
def test_what_every_command_needs_decides_the_exit_code(
    cli: Cli, settings: dict[str, str], check: str, code: int, said: str
) -> None:
    cli.setenv(**settings)
    result = cli("doctor")
    assert result.code == code
    assert states(result.document)[check] == "broken"
    assert said in str(result.document)
    assert "sesame" not in result.out + result.err


def test_a_home_nobody_can_write_is_broken(cli: Cli) -> None:
    (cli.home / "file").write_text("")
    cli.setenv(STOCKOPS_HOME=str(cli.home / "file" / "home"))
    result = cli("doctor")
    assert result.code == 2
    assert states(result.document)["home"] == "broken"
    assert "STOCKOPS_HOME" in str(result.document)


def test_an_empty_home_is_well_and_says_where_to_begin(cli: Cli) -> None:
    result = cli("doctor")
    assert result.code == 0
    assert "none trained yet; run: stockops train-parent" in result.out
    assert cli.files() == set()
