"""What starts the services and the jobs, and the dashboard: files that no other test runs."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text()))


@pytest.mark.parametrize("name", compose()["services"])
def test_a_service_is_pinned_watched_private_and_holds_no_secret(name: str) -> None:
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
case "$*" in monitor-ticker*) exit 6;; predict-child*) exit 3;; esac
"""


def test_the_daily_job_does_every_step_and_tells_the_worst(tmp_path: Path) -> None:
    (tmp_path / "stockops").write_text(STUB)
    (tmp_path / "stockops").chmod(0o755)
    tickers = tmp_path / "tickers"
    tickers.write_text("# ours\nAAPL\nMSFT # two\nBRK-B\n")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(tmp_path / "calls")}
    done = subprocess.run([DEPLOY / "daily.sh", tickers], env=environment, capture_output=True, text=True)
    assert done.returncode == 6
    assert (tmp_path / "calls").read_text().splitlines() == [
        "predict-parent",
        f"predict-child --tickers-file {tickers}",
        "monitor-parent",
        f"monitor-ticker --tickers-file {tickers} --fail-on critical",
    ]
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == [" exit 3", " exit 6"]


def test_what_compose_is_told_by_the_environment_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yml").read_text()))
    assert asked == set(re.findall(r"^(\w+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
    assert "\nGRAFANA_ADMIN_PASSWORD=\n" in (DEPLOY / ".env.example").read_text()


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    board = json.loads((DEPLOY / "grafana/dashboards/stockops.json").read_text())
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    variables = [variable["name"] for variable in board["templating"]["list"]]
    assert variables == ["datasource", "instance", "ticker"]
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {"${datasource}"}
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)), "panels overlap"
    assert max(x for x, _ in cells) == 23
