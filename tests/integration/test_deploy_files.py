"""Deployment files that no other test runs: the services, the scheduled jobs and the dashboard."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.places import ROOT

DEPLOY = ROOT / "deploy"


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text()))


@pytest.mark.parametrize("name", compose()["services"])
def test_a_service_is_pinned_health_checked_local_and_without_secrets(name: str) -> None:
    service = compose()["services"][name]
    assert re.fullmatch(r"[\w./-]+:[\w.-]*\d[\w.-]*", service["image"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    for variable, text in service.get("environment", {}).items():
        assert not re.search("PASSWORD|TOKEN|SECRET|KEY", variable) or text.startswith("${")
    for volume in service["volumes"]:
        source = volume.split(":")[0] if not volume.startswith("$") else None
        if source and source.startswith("."):
            assert (DEPLOY / source).exists()
        elif source:
            assert source in compose()["volumes"]


STUB = """#!/bin/sh
echo "$*" >> "$CALLS"
echo "{\\"of\\": \\"$1\\"}"
case "$*" in
  monitor-ticker*) echo "stockops: error: AAPL: drift critical: returns, volatility ratio 4.57" >&2; exit 6;;
  predict-child*) echo "stockops: BRK-Z: no prices" >&2; exit 3;;
  train-child*) sleep ${SLOW:-0};;
  *) echo "stockops: all well" >&2;;
esac
"""


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts a job with a stub of stockops that records its calls."""
    (tmp_path / "stockops").write_text(STUB)
    (tmp_path / "stockops").chmod(0o755)
    (tmp_path / "tickers").write_text("# ours\nAAPL\nMSFT # two\nBRK-B\n")
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "CALLS": str(tmp_path / "calls"),
        "STOCKOPS_HOME": str(tmp_path),
    }

    def start(name: str, **more: str) -> subprocess.Popen[str]:
        command = [DEPLOY / f"{name}.sh", tmp_path / "tickers"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env={**environment, **more}, stdout=pipe, stderr=pipe, text=True)

    return start


def test_the_daily_job_runs_every_step_and_prints_only_failures(
    job: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    daily = job("daily")
    out, err = daily.communicate()
    assert (daily.returncode, out) == (6, "")
    assert (tmp_path / "calls").read_text().splitlines() == [
        "predict-parent",
        f"predict-child --tickers-file {tmp_path}/tickers",
        "monitor-parent --fail-on critical",
        f"monitor-ticker --tickers-file {tmp_path}/tickers --fail-on critical",
    ]
    assert "AAPL: drift critical: returns, volatility ratio 4.57" in err
    assert [line.split(":")[1] for line in err.splitlines() if line.startswith("daily:")] == [" exit 3", " exit 6"]
    assert "all well" not in err
    [results], [log] = ((tmp_path / "logs").glob(f"daily-*.{what}") for what in ("ndjson", "log"))
    assert len(results.read_text().splitlines()) == 4
    assert "all well" in log.read_text()


def test_the_weekly_job_trains_and_prints_nothing_on_success(
    job: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    weekly = job("weekly")
    assert weekly.communicate() == ("", "")
    assert weekly.returncode == 0
    train = f"train-child --tickers-file {tmp_path}/tickers --skip-fresh"
    assert (tmp_path / "calls").read_text().splitlines() == ["train-parent", train]


def test_a_second_run_of_a_job_is_refused_while_one_is_running(
    job: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    first = job("weekly", SLOW="5")
    while not (tmp_path / "calls").exists() or "train-child" not in (tmp_path / "calls").read_text():
        time.sleep(0.05)
    second = job("weekly")
    _, err = second.communicate()
    assert (second.returncode, err) == (75, f"weekly: another run holds {tmp_path}/locks/weekly.lock\n")
    first.kill()
    first.communicate()


def test_compose_requires_no_variable_of_a_service_that_is_not_started() -> None:
    assert ":?" not in (DEPLOY / "compose.yml").read_text()


def test_every_variable_of_compose_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yml").read_text()))
    assert used == set(re.findall(r"^(\w+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
    assert "\nGRAFANA_ADMIN_PASSWORD=\n" in (DEPLOY / ".env.example").read_text()


def test_the_dashboard_is_valid_for_grafana() -> None:
    board = json.loads((DEPLOY / "grafana/dashboards/stockops.json").read_text())
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    variables = [variable["name"] for variable in board["templating"]["list"]]
    assert variables == ["datasource", "instance", "ticker"]
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {"${datasource}"}
    positions = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y)
        for position in positions
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(cells) == len(set(cells)), "panels overlap"
    assert max(x for x, _ in cells) == 23
