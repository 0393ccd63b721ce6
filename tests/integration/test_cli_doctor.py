"""`doctor` with everything up, with everything down, and with what every command needs broken."""

import time
from pathlib import Path

import pytest

from tests.integration.cli import Cli
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
    assert (found["state"], found["detail"]) == ("broken", "not whole: outputs/AAPL/AAPL_child_model.pt")


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
