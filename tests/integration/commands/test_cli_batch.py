"""Many tickers at once: workers that share the work, a list that is gone on with, nothing lost on the way."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from tests.builders import bars, to_csv
from tests.integration.cli import SAMPLE, WITHOUT_SERVICES, Cli, Result, on_a_terminal, prepare, run, start

TICKERS = ("AAPL", "IBM", "MSFT")
ONE_IS_GONE = ("train-child", "--ticker", "GONE", "--ticker", "AAPL")
SAMPLES = {**SAMPLE, **WITHOUT_SERVICES}
ON_THE_WAY = {"duration_seconds"}


@pytest.fixture
def listed(trained: Cli) -> Cli:
    """Return a CLI that is told of three tickers by a file, and works on two at once."""
    (trained.home / "tickers").write_text("\n".join(TICKERS) + "\n")
    trained.setenv(STOCKOPS_TICKERS_FILE=str(trained.home / "tickers"), STOCKOPS_JOBS="2", **SAMPLES)
    return trained


@pytest.fixture(scope="module")
def forecast_home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a child of each of the three tickers; copy it, never write to it."""
    home = shutil.copytree(trained_home, tmp_path_factory.mktemp("three") / "home")
    prepare(home, ("train-child", "--ticker", ",".join(TICKERS)))
    return home


@pytest.fixture
def forecast(listed: Cli, forecast_home: Path) -> Cli:
    """The same CLI, each of the three tickers with a child."""
    shutil.copytree(forecast_home, listed.home, dirs_exist_ok=True)
    return listed


@pytest.fixture(scope="module")
def by_two(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A home in which two workers trained the three tickers and failed at one more, and what was said of it."""
    home = shutil.copytree(trained_home, tmp_path_factory.mktemp("two") / "home")
    (home / "tickers").write_text("\n".join(TICKERS) + "\n")
    return home, run(*ONE_IS_GONE, "--tickers-file", str(home / "tickers"), "--jobs", "2", home=home, env=SAMPLES)


def checkpoints(home: Path) -> dict[str, str]:
    found = (home / "outputs").glob("*/*_child_model.pt")
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def told(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["ticker"]: {name: value for name, value in row.items() if name not in ON_THE_WAY} for row in rows}


def test_workers_give_what_one_process_gives_to_the_byte(listed: Cli, by_two: tuple[Path, Result]) -> None:
    home, together = by_two
    files = checkpoints(home)
    shutil.copytree(home, listed.home, dirs_exist_ok=True)
    listed.setenv(STOCKOPS_JOBS="1")
    forecasts = listed("predict-child")
    alone = listed(*ONE_IS_GONE)
    assert [row["ticker"] for row in alone.rows] == ["GONE", *TICKERS]
    assert together.code == alone.code
    assert told(together.rows) == told(alone.rows)
    assert checkpoints(listed.home) == files
    assert len(set(files.values())) == len(TICKERS)
    again = listed("predict-child", "--no-cache")
    assert told(again.rows) == told(forecasts.rows)


def test_a_failure_is_a_row_and_what_workers_say_is_heard_once(by_two: tuple[Path, Result]) -> None:
    _, found = by_two
    assert found.code == 3
    rows = {row["ticker"]: row["status"] for row in found.rows}
    assert rows == {"GONE": "failed", **dict.fromkeys(TICKERS, "completed")}
    assert "GONE" in found.err
    lines = found.err.splitlines()
    assert len(lines) == len(set(lines))
    assert all(any(f"{ticker}: too short a history" in line for line in lines) for ticker in TICKERS)


def test_a_dead_service_is_said_once_by_all_workers_together(forecast: Cli) -> None:
    forecast.setenv(REDIS_URL="redis://127.0.0.1:1/0", STOCKOPS_SERVICE_TIMEOUT_SECONDS="0.2")
    found = forecast("predict-child")
    assert found.code == 0
    assert [row["degraded"] for row in found.rows] == [["redis"]] * len(TICKERS)
    assert found.err.count("going on without it") == 1


def test_a_list_goes_on_where_it_was_left(listed: Cli) -> None:
    assert listed("train-child", "--ticker", "IBM", "--tickers-file", os.devnull).code == 0
    before = checkpoints(listed.home)
    found = {row["ticker"]: row["status"] for row in listed("train-child", "--skip-fresh").rows}
    assert found == {"AAPL": "fresh", "IBM": "fresh", "MSFT": "completed"}
    assert {name: checkpoints(listed.home)[name] for name in before} == before
    assert {row["status"] for row in listed("train-child", "--skip-fresh", "--jobs", "1").rows} == {"fresh"}


@pytest.mark.parametrize(
    "change", [("--seed", "8"), ("--epochs", "2"), ("--strategy", "fine_tune"), ("--as-of", "2006-07-05")]
)
def test_another_option_or_another_day_is_not_fresh(trained: Cli, change: tuple[str, ...]) -> None:
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "fresh"
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh", *change).document["status"] == "completed"


def test_a_damaged_model_and_one_of_another_parent_are_not_fresh(trained: Cli) -> None:
    path = trained.home / "outputs" / "AAPL" / "AAPL_child_model.pt"
    path.write_bytes(path.read_bytes()[:1000])
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "completed"
    assert trained("train-parent", "--seed", "9").code == 0
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "completed"
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "fresh"


def without_its_last_row(table: pd.DataFrame) -> pd.DataFrame:
    return table[:-1]


def with_another_volume(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(Volume=table["Volume"].where(table.index != table.index[100], 1.0))


@pytest.mark.parametrize("before", [without_its_last_row, with_another_volume])
def test_a_model_of_a_file_that_has_grown_or_was_corrected_is_not_fresh(
    cli: Cli, tmp_path: Path, before: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    tables = {"^GSPC": bars(301, seed=1), "AAPL": before(bars(301, seed=2))}
    for symbol, table in tables.items():
        (tmp_path / f"{symbol}.csv").write_text(to_csv(table))
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(tmp_path), STOCKOPS_AS_OF="")
    call = ("train-child", "--ticker", "AAPL", "--skip-fresh")
    assert [cli(*call).document["status"] for _ in range(2)] == ["completed", "fresh"]
    (tmp_path / "AAPL.csv").write_text(to_csv(bars(301, seed=2)))
    assert [cli(*call).document["status"] for _ in range(2)] == ["completed", "fresh"]


def test_a_background_training_leaves_a_fresh_model_too(trained: Cli) -> None:
    found = trained("train-child", "--ticker", "AAPL", "--skip-fresh", "--background")
    assert (found.code, found.document["status"]) == (0, "fresh")
    assert trained("status").document["tasks"] == []


def test_background_trainings_outlive_the_call_that_starts_them(listed: Cli) -> None:
    found = listed("predict-child", "--on-missing", "background", "--no-cache")
    assert found.code == 75
    assert {row["ticker"]: row.get("status") for row in found.rows if row["ticker"] != "AAPL"} == {
        "IBM": "training", "MSFT": "training",
    }  # fmt: skip
    for ticker in ("IBM", "MSFT"):
        assert listed("status", ticker, "--wait", "--timeout", "90").document["status"] == "completed"


def test_an_unreadable_model_costs_its_own_ticker_alone(forecast: Cli) -> None:
    broken = forecast.home / "outputs" / "IBM" / "IBM_child_model.pt"
    broken.unlink()
    broken.mkdir()  # what even root cannot read
    found = forecast("predict-child")
    assert {row["ticker"]: "error" in row for row in found.rows} == {ticker: ticker == "IBM" for ticker in TICKERS}


def test_results_go_where_stdout_goes_while_a_terminal_shows_the_bar(forecast: Cli) -> None:
    out = forecast.home / "rows.ndjson"
    with out.open("w") as file:
        seen = on_a_terminal("predict-child", "--jobs", "2", home=forecast.home, stdout=file)
    assert sorted(json.loads(line)["ticker"] for line in out.read_text().splitlines()) == sorted(TICKERS)
    assert f"3/{len(TICKERS)}" in seen
    assert "model_version" not in seen


def test_lines_of_json_on_a_terminal_are_whole(forecast: Cli) -> None:
    seen = on_a_terminal("predict-child", "--jobs", "2", "--json", home=forecast.home)
    rows = [json.loads(line) for line in seen.splitlines() if line.startswith("{")]
    assert sorted(row["ticker"] for row in rows) == sorted(TICKERS)


def test_what_is_kept_is_answered_at_once_and_only_the_rest_is_worked_on(forecast: Cli) -> None:
    assert {row["cached"] for row in forecast("predict-child", "--jobs", "1").rows} == {False}
    assert forecast("train-child", "--ticker", "MSFT", "--seed", "9", "--tickers-file", os.devnull).code == 0
    rows = forecast("predict-child").rows
    assert [(row["ticker"], row["cached"]) for row in rows] == [
        *((ticker, True) for ticker in TICKERS if ticker != "MSFT"),
        ("MSFT", False),
    ]


def test_tickers_come_from_standard_input(listed: Cli) -> None:
    called = subprocess.run(
        [sys.executable, "-m", "stockops", "predict-child", "--tickers-file", "-", "--on-missing", "fail"],
        input="AAPL  # the first\n\nIBM\n",
        env={**os.environ, **SAMPLES, "STOCKOPS_HOME": str(listed.home)},
        capture_output=True,
        text=True,
    )
    assert called.returncode == 4, called.stderr  # IBM has no model
    assert {json.loads(line)["ticker"] for line in called.stdout.splitlines()} == {"AAPL", "IBM"}


def workers_of(process: "subprocess.Popen[str]") -> Iterator[psutil.Process]:
    """Yield the processes that work on tickers: those that have loaded torch."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if "libtorch" in Path(f"/proc/{child.pid}/maps").read_text():
                yield child
        except OSError:  # it has just ended
            continue


def a_worker_of(process: "subprocess.Popen[str]") -> psutil.Process:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := next(workers_of(process), None):
            return found
        time.sleep(0.05)
    raise AssertionError("no worker")


def test_a_killed_worker_costs_no_result(listed: Cli) -> None:
    called = start("train-child", "--jobs", "2", home=listed.home)
    a_worker_of(called).kill()
    out, err = called.communicate(timeout=120)
    assert called.returncode == 0, err
    assert {json.loads(line)["ticker"] for line in out.splitlines()} == set(TICKERS)
    assert len(out.splitlines()) == len(TICKERS)


def test_a_terminal_shows_how_far_it_is(forecast: Cli) -> None:
    seen = on_a_terminal("train-child", "--jobs", "2", "--skip-fresh", home=forecast.home)
    assert "train-child" in seen
    assert f"3/{len(TICKERS)}" in seen
    assert "AAPL: model" in seen


def test_one_ticker_starts_no_worker(trained: Cli) -> None:
    env = {**SAMPLES, "STOCKOPS_JOBS": "4"}
    code = (
        "import sys; from stockops.cli import main; code = main(['train-child', '--ticker', 'AAPL', '--skip-fresh']);"
        "sys.exit(code or 'loky' in sys.modules)"
    )
    called = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env, "STOCKOPS_HOME": str(trained.home)}, capture_output=True
    )
    assert called.returncode == 0, called.stderr


def test_no_job_is_no_number_of_jobs(trained: Cli) -> None:
    found = trained("train-child", "--ticker", "AAPL", "--jobs", "0")
    assert found.code == 2
    assert "--jobs" in found.err
