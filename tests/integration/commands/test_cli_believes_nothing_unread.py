"""Files that are not what their name says, or hold invalid content: reported, never used, never waited for."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from stockops import strict_json
from stockops.adapters.storage.sqlite_state import SqliteState
from stockops.pipelines import prediction_cache, tasks
from stockops.pipelines.tasks import Task
from stockops.records import ModelRef
from tests.integration.cli import AS_OF, Cli
from tests.price_builders import lend

PARENT_FILE, CHILD_FILE = "outputs/parent/^GSPC_parent_model.pt", "outputs/AAPL/AAPL_child_model.pt"
PREDICT = ("predict-child", "--ticker", "AAPL", "--on-missing", "fail")


def doctor_check(cli: Cli, name: str) -> dict[str, object]:
    [found] = [check for check in cli("doctor").document["checks"] if check["name"] == name]
    return dict(found)


def replace_file(home: Path, source: str, target: str, how: Callable[[Path, Path], object]) -> None:
    (home / target).parent.mkdir(parents=True, exist_ok=True)
    (home / target).unlink(missing_ok=True)
    how(home / source, home / target)


@pytest.mark.parametrize("how", [shutil.copy, lambda source, target: target.symlink_to(source)])
@pytest.mark.parametrize(
    ("source", "target", "command", "message"),
    [
        (CHILD_FILE, "outputs/MSFT/MSFT_child_model.pt", ("predict-child", "--ticker", "MSFT", "--on-missing", "fail"),
         "outputs/MSFT/MSFT_child_model.pt is the child model of AAPL, not the child model of MSFT; "
         "train it anew: stockops train-child --ticker MSFT"),
        (PARENT_FILE, CHILD_FILE, PREDICT,
         f"{CHILD_FILE} is the parent model of ^GSPC, not the child model of AAPL; "
         "train it anew: stockops train-child --ticker AAPL"),
        (CHILD_FILE, PARENT_FILE, ("predict-parent", "--on-missing", "fail"),
         f"{PARENT_FILE} is the child model of AAPL, not the parent model of ^GSPC; "
         "train it anew: stockops train-parent"),
        (CHILD_FILE, PARENT_FILE, ("train-child", "--ticker", "MSFT"), f"{PARENT_FILE} is the child model of AAPL"),
        (CHILD_FILE, f"outputs/as_of/{AS_OF}/MSFT/MSFT_child_model.pt",
         ("predict-child", "--ticker", "MSFT", "--on-missing", "fail"),
         f"outputs/as_of/{AS_OF}/MSFT/MSFT_child_model.pt is the child model of AAPL, not the child model of MSFT"),
    ],
)  # fmt: skip
def test_a_swapped_model_is_rejected_with_a_hint_and_reported_by_doctor(
    trained: Cli, source: str, target: str, command: tuple[str, ...], message: str, how: Callable[[Path, Path], object]
) -> None:
    replace_file(trained.home, source, target, how)
    result = trained(*command)
    assert (result.code, result.document["error"]["kind"]) == (4, "model")
    assert message in result.err
    found = doctor_check(trained, "models")
    assert found["state"] == "broken"
    assert f"{target} is the " in str(found["detail"])


def test_retraining_replaces_a_swapped_model(trained: Cli) -> None:
    replace_file(trained.home, PARENT_FILE, CHILD_FILE, shutil.copy)
    assert trained(*PREDICT).code == 4
    assert trained("train-child", "--ticker", "AAPL").code == 0
    assert trained(*PREDICT).code == 0
    assert doctor_check(trained, "models")["state"] == "up"


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_link_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_device_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


NOT_FILES: dict[str, Callable[[Path], None]] = {
    "is a folder, not a file": Path.mkdir,
    "is a pipe, not a file": make_pipe,
    "is a link that leads to itself": make_link_loop,
    "is a device, not a file": make_device_link,
}


@pytest.mark.parametrize("problem", NOT_FILES)
def test_a_checkpoint_that_is_not_a_file_is_reported_without_blocking(trained: Cli, problem: str) -> None:
    (trained.home / CHILD_FILE).unlink()
    NOT_FILES[problem](trained.home / CHILD_FILE)
    result = trained(*PREDICT)
    assert result.code == 4
    assert f"{CHILD_FILE} {problem}; move it away, then train anew: stockops train-child --ticker AAPL" in result.err
    assert problem in str(doctor_check(trained, "models")["detail"])
    assert trained("outputs", "--ticker", "AAPL").code == 0
    assert trained("metrics").code == 0


@pytest.mark.parametrize("problem", NOT_FILES)
def test_prices_and_lists_that_are_not_files_are_reported_without_blocking(
    trained: Cli, tmp_path: Path, problem: str
) -> None:
    prices = tmp_path / "prices"
    prices.mkdir()
    NOT_FILES[problem](prices / "AAPL.csv")
    result = trained(*PREDICT, "--source", "csv", "--data-dir", str(prices))
    assert result.code == 3
    assert f"AAPL.csv {problem}" in result.err
    NOT_FILES[problem](tmp_path / "tickers.txt")
    result = trained("predict-child", "--tickers-file", str(tmp_path / "tickers.txt"))
    assert result.code == 2
    assert f"tickers.txt {problem}; write one symbol a line" in result.err


@pytest.mark.parametrize("problem", NOT_FILES)
@pytest.mark.parametrize("name", ["backtest/latest_backtest.json", "AAPL_metrics.json", "drift/latest_drift.json"])
def test_an_artifact_that_is_not_a_file_only_breaks_show(trained: Cli, name: str, problem: str) -> None:
    path = trained.home / "outputs/AAPL" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    NOT_FILES[problem](path)
    assert trained(*PREDICT).code == 0
    assert trained("analyze", "--ticker", "AAPL").code == 0
    kind = {"backtest": "backtest", "AAPL_metrics.json": "metrics", "drift": "drift"}[name.split("/")[0]]
    shown = trained("show", kind, "--ticker", "AAPL")
    assert shown.code == 3
    assert problem in shown.err


@pytest.mark.parametrize("problem", NOT_FILES)
@pytest.mark.parametrize("name", ["state.db", "ledger.db"])
def test_a_database_that_is_not_a_file_degrades_its_service(trained: Cli, name: str, problem: str) -> None:
    NOT_FILES[problem](trained.home / "outputs" / name)
    result = trained(*PREDICT)
    assert result.code == 0
    assert result.document["degraded"] == [name.removesuffix(".db")]
    assert problem in result.err
    assert problem in str(doctor_check(trained, name.removesuffix(".db"))["detail"])


def test_an_empty_database_counts_as_damaged_and_is_left_untouched(trained: Cli) -> None:
    for name in ("state", "ledger"):
        (trained.home / f"outputs/{name}.db").touch()
    result = trained(*PREDICT)
    assert (result.code, result.document["degraded"]) == (0, ["ledger", "state"])
    assert "state.db cannot be used: is empty" in result.err
    for name in ("state", "ledger"):
        assert (trained.home / f"outputs/{name}.db").read_bytes() == b""
        assert doctor_check(trained, name)["state"] == "down"


def state_store(home: Path) -> SqliteState:
    return SqliteState(home / "outputs/state.db")


def test_a_mutated_cached_forecast_is_recomputed(trained: Cli) -> None:
    fresh = trained(*PREDICT).document
    assert trained(*PREDICT).document["cached"] is True
    store = state_store(trained.home)
    raw = store.get(prediction_cache.PREFIX + "AAPL") or b""
    close = str(fresh["predictions"]["next_day"]["close"])
    store.put(prediction_cache.PREFIX + "AAPL", raw.replace(close.encode(), b"1.0"), seconds=99)
    recomputed = trained(*PREDICT)
    assert recomputed.document == fresh
    assert "ignoring an invalid entry predict_child_AAPL" in recomputed.err


def test_invalid_task_records_do_not_hide_valid_ones(trained: Cli) -> None:
    store = state_store(trained.home)
    record = Task(
        task_id="MSFT", job="train-child", ticker="MSFT", status="completed", here="elsewhere",
        log="logs/task-MSFT.log", queued_at="2024-06-28T20:00:00+00:00",
    )  # fmt: skip
    store.put(tasks.PREFIX + "MSFT", strict_json.signed(asdict(record)), seconds=999)
    for number, raw in enumerate([b"{}", b"[" * 100_000, b'{"task_id": "X0"}', b"\xff", b"null", b"1e999"]):
        store.put(f"{tasks.PREFIX}X{number}", raw, seconds=999)
    store.close()
    result = trained("status")
    assert (result.code, [task["task_id"] for task in result.document["tasks"]]) == (0, ["MSFT"])
    assert trained("status", "X0").code == 3
    assert trained("metrics").code == 0


@pytest.mark.parametrize("cell", ["abc", None, 5, b"\xff", "[" * 100_000])
def test_state_cells_of_the_wrong_type_are_ignored(trained: Cli, cell: object) -> None:
    assert trained(*PREDICT).code == 0
    with sqlite3.connect(trained.home / "outputs/state.db") as database:
        database.execute("PRAGMA ignore_check_constraints = 1")
        if cell is not None:
            database.execute("UPDATE value SET value = ?", (cell,))
        database.execute("UPDATE total SET total = 9e999")
    for command in (PREDICT, ("metrics",), ("status",), ("cache", "list"), ("doctor",)):
        assert trained(*command).code == 0, command


ARTIFACTS = {  # X stands for a number, V for the model version
    "metrics": (
        "AAPL_metrics.json",
        """{"ticker": "AAPL", "model_version": V, "strategy": "freeze",
        "validation": {"windows": X, "skill": {"RMSE": X}}}""",
    ),
    "backtest": (
        "backtest/latest_backtest.json",
        """{"method": 2, "strategy": "freeze", "source": "sample", "ticker": "AAPL", "end": "2006-01-03",
        "summary": {"start": "2005-01-03", "end": "2006-01-03", "origins": X, "source": "sample", "refit": "never",
        "skill": {"Open": {}, "High": {}, "Low": {}, "Close": {"1": X}, "Volume": {}}, "close_skill": X,
        "close_findings": {"1": "tied"}, "coverage": {"80": X}, "text": "t"}}""",
    ),
    "drift": (
        "drift/latest_drift.json",
        """{"as_of": "2006-01-03", "health": "Healthy", "drift_score": X, "volatility_index": X,
        "returns": {"health": "Healthy", "volatility": {"ratio": X}}}""",
    ),
}


@pytest.mark.parametrize("invalid", ['"abc"', "null", "NaN", "[]", "1e999", '{"a": 1}', "[" * 5_000])
@pytest.mark.parametrize("kind", ["metrics", "backtest", "drift"])
def test_invalid_numbers_in_an_artifact_are_not_reported(trained: Cli, kind: str, invalid: str) -> None:
    ref = ModelRef("child", "AAPL")
    lend(trained.home, ref, "sample", date.fromisoformat(AS_OF))
    name, text = ARTIFACTS[kind]
    path = trained.home / "outputs/AAPL" / name
    path.parent.mkdir(exist_ok=True)
    version = json.loads((trained.home / "outputs/AAPL/AAPL_metrics.json").read_text())["model_version"]
    path.write_text(text.replace("X", invalid).replace("V", json.dumps(version)))
    for command in (PREDICT, ("analyze", "--ticker", "AAPL"), ("metrics",)):
        result = trained(*command)
        assert result.code == 0, result.err
        assert "NaN" not in result.out
    assert trained("show", kind, "--ticker", "AAPL").code in (0, 3)
