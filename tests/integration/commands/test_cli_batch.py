"""Batches of tickers: parallel workers, `--skip-fresh`, progress bars, and no result lost on the way."""

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
TRAIN_UNKNOWN = ("train-child", "--ticker", "GONE", "--ticker", "AAPL")
SAMPLES = {**SAMPLE, **WITHOUT_SERVICES}
VARYING_FIELDS = {"duration_seconds"}


@pytest.fixture
def batch_cli(trained: Cli) -> Cli:
    """A CLI with three tickers in its tickers file and two parallel jobs."""
    (trained.home / "tickers").write_text("\n".join(TICKERS) + "\n")
    trained.setenv(STOCKOPS_TICKERS_FILE=str(trained.home / "tickers"), STOCKOPS_JOBS="2", **SAMPLES)
    return trained


@pytest.fixture(scope="module")
def batch_home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a child for each of the three tickers; copy it, never write to it."""
    home = shutil.copytree(trained_home, tmp_path_factory.mktemp("three") / "home")
    prepare(home, ("train-child", "--ticker", ",".join(TICKERS)))
    return home


@pytest.fixture
def trained_batch_cli(batch_cli: Cli, batch_home: Path) -> Cli:
    """The same CLI with a child for each of the three tickers."""
    shutil.copytree(batch_home, batch_cli.home, dirs_exist_ok=True)
    return batch_cli


@pytest.fixture(scope="module")
def parallel_run(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A home where two workers trained the three tickers and failed on a fourth, and the result of that call."""
    home = shutil.copytree(trained_home, tmp_path_factory.mktemp("two") / "home")
    (home / "tickers").write_text("\n".join(TICKERS) + "\n")
    return home, run(*TRAIN_UNKNOWN, "--tickers-file", str(home / "tickers"), "--jobs", "2", home=home, env=SAMPLES)


def checkpoint_digests(home: Path) -> dict[str, str]:
    paths = (home / "outputs").glob("*/*_child_model.pt")
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def by_ticker(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["ticker"]: {name: value for name, value in row.items() if name not in VARYING_FIELDS} for row in rows}


def test_parallel_and_serial_runs_give_identical_results(batch_cli: Cli, parallel_run: tuple[Path, Result]) -> None:
    home, parallel = parallel_run
    digests = checkpoint_digests(home)
    shutil.copytree(home, batch_cli.home, dirs_exist_ok=True)
    batch_cli.setenv(STOCKOPS_JOBS="1")
    forecasts = batch_cli("predict-child")
    serial = batch_cli(*TRAIN_UNKNOWN)
    assert [row["ticker"] for row in serial.rows] == ["GONE", *TICKERS]
    assert parallel.code == serial.code
    assert by_ticker(parallel.rows) == by_ticker(serial.rows)
    assert checkpoint_digests(batch_cli.home) == digests
    assert len(set(digests.values())) == len(TICKERS)
    again = batch_cli("predict-child", "--no-cache")
    assert by_ticker(again.rows) == by_ticker(forecasts.rows)


def test_a_failure_is_a_row_and_worker_log_lines_are_not_repeated(parallel_run: tuple[Path, Result]) -> None:
    _, result = parallel_run
    assert result.code == 3
    rows = {row["ticker"]: row["status"] for row in result.rows}
    assert rows == {"GONE": "failed", **dict.fromkeys(TICKERS, "completed")}
    assert "GONE" in result.err
    lines = result.err.splitlines()
    assert len(lines) == len(set(lines))
    assert all(any(f"{ticker}: too short a history" in line for line in lines) for ticker in TICKERS)


def test_a_dead_service_is_logged_once_for_all_workers(trained_batch_cli: Cli) -> None:
    trained_batch_cli.setenv(REDIS_URL="redis://127.0.0.1:1/0", STOCKOPS_SERVICE_TIMEOUT_SECONDS="0.2")
    result = trained_batch_cli("predict-child")
    assert result.code == 0
    assert [row["degraded"] for row in result.rows] == [["redis"]] * len(TICKERS)
    assert result.err.count("going on without it") == 1


def test_skip_fresh_trains_only_the_missing_models(batch_cli: Cli) -> None:
    assert batch_cli("train-child", "--ticker", "IBM", "--tickers-file", os.devnull).code == 0
    before = checkpoint_digests(batch_cli.home)
    statuses = {row["ticker"]: row["status"] for row in batch_cli("train-child", "--skip-fresh").rows}
    assert statuses == {"AAPL": "fresh", "IBM": "fresh", "MSFT": "completed"}
    assert {name: checkpoint_digests(batch_cli.home)[name] for name in before} == before
    assert {row["status"] for row in batch_cli("train-child", "--skip-fresh", "--jobs", "1").rows} == {"fresh"}


@pytest.mark.parametrize(
    "change", [("--seed", "8"), ("--epochs", "2"), ("--strategy", "fine_tune"), ("--as-of", "2006-07-05")]
)
def test_a_model_trained_with_another_option_or_as_of_is_not_fresh(trained: Cli, change: tuple[str, ...]) -> None:
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "fresh"
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh", *change).document["status"] == "completed"


def test_a_damaged_model_or_one_of_another_parent_is_not_fresh(trained: Cli) -> None:
    path = trained.home / "outputs" / "AAPL" / "AAPL_child_model.pt"
    path.write_bytes(path.read_bytes()[:1000])
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "completed"
    assert trained("train-parent", "--seed", "9").code == 0
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "completed"
    assert trained("train-child", "--ticker", "AAPL", "--skip-fresh").document["status"] == "fresh"


def without_last_row(table: pd.DataFrame) -> pd.DataFrame:
    return table[:-1]


def with_changed_volume(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(Volume=table["Volume"].where(table.index != table.index[100], 1.0))


@pytest.mark.parametrize("before", [without_last_row, with_changed_volume])
def test_a_model_is_not_fresh_after_its_price_file_grows_or_is_corrected(
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


def test_background_training_also_skips_a_fresh_model(trained: Cli) -> None:
    result = trained("train-child", "--ticker", "AAPL", "--skip-fresh", "--background")
    assert (result.code, result.document["status"]) == (0, "fresh")
    assert trained("status").document["tasks"] == []


def test_background_trainings_outlive_the_call_that_starts_them(batch_cli: Cli) -> None:
    result = batch_cli("predict-child", "--on-missing", "background", "--no-cache")
    assert result.code == 75
    assert {row["ticker"]: row.get("status") for row in result.rows if row["ticker"] != "AAPL"} == {
        "IBM": "training", "MSFT": "training",
    }  # fmt: skip
    for ticker in ("IBM", "MSFT"):
        assert batch_cli("status", ticker, "--wait", "--timeout", "90").document["status"] == "completed"


def test_an_unreadable_model_fails_only_its_own_ticker(trained_batch_cli: Cli) -> None:
    broken = trained_batch_cli.home / "outputs" / "IBM" / "IBM_child_model.pt"
    broken.unlink()
    broken.mkdir()  # unreadable even for root
    result = trained_batch_cli("predict-child")
    assert {row["ticker"]: "error" in row for row in result.rows} == {ticker: ticker == "IBM" for ticker in TICKERS}


def test_rows_go_to_stdout_while_the_terminal_shows_the_progress_bar(trained_batch_cli: Cli) -> None:
    out = trained_batch_cli.home / "rows.ndjson"
    with out.open("w") as file:
        screen = on_a_terminal("predict-child", "--jobs", "2", home=trained_batch_cli.home, stdout=file)
    assert sorted(json.loads(line)["ticker"] for line in out.read_text().splitlines()) == sorted(TICKERS)
    assert f"3/{len(TICKERS)}" in screen
    assert "model_version" not in screen


def test_json_lines_on_a_terminal_are_not_broken_by_progress_bars(trained_batch_cli: Cli) -> None:
    screen = on_a_terminal("predict-child", "--jobs", "2", "--json", home=trained_batch_cli.home)
    rows = [json.loads(line) for line in screen.splitlines() if line.startswith("{")]
    assert sorted(row["ticker"] for row in rows) == sorted(TICKERS)


def test_cached_forecasts_are_printed_first_and_only_the_rest_is_computed(trained_batch_cli: Cli) -> None:
    assert {row["cached"] for row in trained_batch_cli("predict-child", "--jobs", "1").rows} == {False}
    assert trained_batch_cli("train-child", "--ticker", "MSFT", "--seed", "9", "--tickers-file", os.devnull).code == 0
    rows = trained_batch_cli("predict-child").rows
    assert [(row["ticker"], row["cached"]) for row in rows] == [
        *((ticker, True) for ticker in TICKERS if ticker != "MSFT"),
        ("MSFT", False),
    ]


def test_tickers_are_read_from_standard_input(batch_cli: Cli) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "stockops", "predict-child", "--tickers-file", "-", "--on-missing", "fail"],
        input="AAPL  # the first\n\nIBM\n",
        env={**os.environ, **SAMPLES, "STOCKOPS_HOME": str(batch_cli.home)},
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 4, completed.stderr  # IBM has no model
    assert {json.loads(line)["ticker"] for line in completed.stdout.splitlines()} == {"AAPL", "IBM"}


def workers_of(process: "subprocess.Popen[str]") -> Iterator[psutil.Process]:
    """Yield the worker processes, recognized by the torch library they have loaded."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if "libtorch" in Path(f"/proc/{child.pid}/maps").read_text():
                yield child
        except OSError:  # the process has just ended
            continue


def wait_for_worker(process: "subprocess.Popen[str]") -> psutil.Process:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if worker := next(workers_of(process), None):
            return worker
        time.sleep(0.05)
    raise AssertionError("no worker")


def test_a_killed_worker_loses_no_result(batch_cli: Cli) -> None:
    process = start("train-child", "--jobs", "2", home=batch_cli.home)
    wait_for_worker(process).kill()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert {json.loads(line)["ticker"] for line in out.splitlines()} == set(TICKERS)
    assert len(out.splitlines()) == len(TICKERS)


def test_a_terminal_shows_the_progress_of_a_batch(trained_batch_cli: Cli) -> None:
    screen = on_a_terminal("train-child", "--jobs", "2", "--skip-fresh", home=trained_batch_cli.home)
    assert "train-child" in screen
    assert f"3/{len(TICKERS)}" in screen
    assert "AAPL: model" in screen


def test_one_ticker_starts_no_worker(trained: Cli) -> None:
    env = {**SAMPLES, "STOCKOPS_JOBS": "4"}
    code = (
        "import sys; from stockops.cli import main; code = main(['train-child', '--ticker', 'AAPL', '--skip-fresh']);"
        "sys.exit(code or 'loky' in sys.modules)"
    )
    completed = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env, "STOCKOPS_HOME": str(trained.home)}, capture_output=True
    )
    assert completed.returncode == 0, completed.stderr


def test_zero_jobs_is_a_usage_error(trained: Cli) -> None:
    result = trained("train-child", "--ticker", "AAPL", "--jobs", "0")
    assert result.code == 2
    assert "--jobs" in result.err
