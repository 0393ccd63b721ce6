"""Files that are not what their name says, or hold what they should not: named, never used, never waited for."""

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


def doctor(cli: Cli, name: str) -> dict[str, object]:
    [found] = [check for check in cli("doctor").document["checks"] if check["name"] == name]
    return dict(found)


def swap(home: Path, source: str, target: str, how: Callable[[Path, Path], object]) -> None:
    (home / target).parent.mkdir(parents=True, exist_ok=True)
    (home / target).unlink(missing_ok=True)
    how(home / source, home / target)


@pytest.mark.parametrize("how", [shutil.copy, lambda source, target: target.symlink_to(source)])
@pytest.mark.parametrize(
    ("source", "target", "command", "line"),
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
def test_another_model_is_refused_with_the_cure_and_doctor_names_it(
    trained: Cli, source: str, target: str, command: tuple[str, ...], line: str, how: Callable[[Path, Path], object]
) -> None:
    swap(trained.home, source, target, how)
    result = trained(*command)
    assert (result.code, result.document["error"]["kind"]) == (4, "model")
    assert line in result.err
    found = doctor(trained, "models")
    assert found["state"] == "broken"
    assert f"{target} is the " in str(found["detail"])


def test_the_cure_heals_it(trained: Cli) -> None:
    swap(trained.home, PARENT_FILE, CHILD_FILE, shutil.copy)
    assert trained(*PREDICT).code == 4
    assert trained("train-child", "--ticker", "AAPL").code == 0
    assert trained(*PREDICT).code == 0
    assert doctor(trained, "models")["state"] == "up"


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


NO_FILES: dict[str, Callable[[Path], None]] = {
    "is a folder, not a file": Path.mkdir,
    "is a pipe, not a file": a_pipe,
    "is a link that leads to itself": a_loop,
    "is a device, not a file": a_device,
}


@pytest.mark.parametrize("what", NO_FILES)
def test_a_checkpoint_that_is_no_file_is_named_at_once(trained: Cli, what: str) -> None:
    (trained.home / CHILD_FILE).unlink()
    NO_FILES[what](trained.home / CHILD_FILE)
    result = trained(*PREDICT)
    assert result.code == 4
    assert f"{CHILD_FILE} {what}; move it away, then train anew: stockops train-child --ticker AAPL" in result.err
    assert what in str(doctor(trained, "models")["detail"])
    assert trained("outputs", "--ticker", "AAPL").code == 0
    assert trained("metrics").code == 0


@pytest.mark.parametrize("what", NO_FILES)
def test_prices_and_lists_that_are_no_files_are_named_at_once(trained: Cli, tmp_path: Path, what: str) -> None:
    prices = tmp_path / "prices"
    prices.mkdir()
    NO_FILES[what](prices / "AAPL.csv")
    result = trained(*PREDICT, "--source", "csv", "--data-dir", str(prices))
    assert result.code == 3
    assert f"AAPL.csv {what}" in result.err
    NO_FILES[what](tmp_path / "tickers.txt")
    result = trained("predict-child", "--tickers-file", str(tmp_path / "tickers.txt"))
    assert result.code == 2
    assert f"tickers.txt {what}; write one symbol a line" in result.err


@pytest.mark.parametrize("what", NO_FILES)
@pytest.mark.parametrize("name", ["backtest/latest_backtest.json", "AAPL_metrics.json", "drift/latest_drift.json"])
def test_an_artifact_that_is_no_file_costs_what_it_would_say(trained: Cli, name: str, what: str) -> None:
    path = trained.home / "outputs/AAPL" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    NO_FILES[what](path)
    assert trained(*PREDICT).code == 0
    assert trained("analyze", "--ticker", "AAPL").code == 0
    kind = {"backtest": "backtest", "AAPL_metrics.json": "metrics", "drift": "drift"}[name.split("/")[0]]
    shown = trained("show", kind, "--ticker", "AAPL")
    assert shown.code == 3
    assert what in shown.err


@pytest.mark.parametrize("what", NO_FILES)
@pytest.mark.parametrize("name", ["state.db", "ledger.db"])
def test_a_database_that_is_no_file_is_an_outage_that_is_said(trained: Cli, name: str, what: str) -> None:
    NO_FILES[what](trained.home / "outputs" / name)
    result = trained(*PREDICT)
    assert result.code == 0
    assert result.document["degraded"] == [name.removesuffix(".db")]
    assert what in result.err
    assert what in str(doctor(trained, name.removesuffix(".db"))["detail"])


def test_an_empty_database_has_lost_what_it_held(trained: Cli) -> None:
    for name in ("state", "ledger"):
        (trained.home / f"outputs/{name}.db").touch()
    result = trained(*PREDICT)
    assert (result.code, result.document["degraded"]) == (0, ["ledger", "state"])
    assert "state.db cannot be used: is empty" in result.err
    for name in ("state", "ledger"):
        assert (trained.home / f"outputs/{name}.db").read_bytes() == b""
        assert doctor(trained, name)["state"] == "down"


def state(home: Path) -> SqliteState:
    return SqliteState(home / "outputs/state.db")


def test_a_forecast_is_made_anew_where_the_kept_one_is_mutated(trained: Cli) -> None:
    fresh = trained(*PREDICT).document
    assert trained(*PREDICT).document["cached"] is True
    kept = state(trained.home)
    raw = kept.get(prediction_cache.PREFIX + "AAPL") or b""
    close = str(fresh["predictions"]["next_day"]["close"])
    kept.put(prediction_cache.PREFIX + "AAPL", raw.replace(close.encode(), b"1.0"), seconds=99)
    again = trained(*PREDICT)
    assert again.document == fresh
    assert "ignoring an invalid entry predict_child_AAPL" in again.err


def test_a_record_of_a_task_that_is_none_hides_no_other(trained: Cli) -> None:
    kept = state(trained.home)
    record = Task(
        task_id="MSFT", job="train-child", ticker="MSFT", status="completed", here="elsewhere",
        log="logs/task-MSFT.log", queued_at="2024-06-28T20:00:00+00:00",
    )  # fmt: skip
    kept.put(tasks.PREFIX + "MSFT", strict_json.signed(asdict(record)), seconds=999)
    for number, raw in enumerate([b"{}", b"[" * 100_000, b'{"task_id": "X0"}', b"\xff", b"null", b"1e999"]):
        kept.put(f"{tasks.PREFIX}X{number}", raw, seconds=999)
    kept.close()
    result = trained("status")
    assert (result.code, [task["task_id"] for task in result.document["tasks"]]) == (0, ["MSFT"])
    assert trained("status", "X0").code == 3
    assert trained("metrics").code == 0


@pytest.mark.parametrize("cell", ["abc", None, 5, b"\xff", "[" * 100_000])
def test_cells_of_another_kind_in_the_state_are_passed_over(trained: Cli, cell: object) -> None:
    assert trained(*PREDICT).code == 0
    with sqlite3.connect(trained.home / "outputs/state.db") as database:
        database.execute("PRAGMA ignore_check_constraints = 1")
        if cell is not None:
            database.execute("UPDATE value SET value = ?", (cell,))
        database.execute("UPDATE total SET total = 9e999")
    for command in (PREDICT, ("metrics",), ("status",), ("cache", "list"), ("doctor",)):
        assert trained(*command).code == 0, command


ARTIFACTS = {  # X: where a number belongs; V: the version of the model
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


@pytest.mark.parametrize("wrong", ['"abc"', "null", "NaN", "[]", "1e999", '{"a": 1}', "[" * 5_000])
@pytest.mark.parametrize("what", ["metrics", "backtest", "drift"])
def test_numbers_that_are_none_in_an_artifact_are_not_quoted(trained: Cli, what: str, wrong: str) -> None:
    ref = ModelRef("child", "AAPL")
    lend(trained.home, ref, "sample", date.fromisoformat(AS_OF))
    name, text = ARTIFACTS[what]
    path = trained.home / "outputs/AAPL" / name
    path.parent.mkdir(exist_ok=True)
    version = json.loads((trained.home / "outputs/AAPL/AAPL_metrics.json").read_text())["model_version"]
    path.write_text(text.replace("X", wrong).replace("V", json.dumps(version)))
    for command in (PREDICT, ("analyze", "--ticker", "AAPL"), ("metrics",)):
        result = trained(*command)
        assert result.code == 0, result.err
        assert "NaN" not in result.out
    assert trained("show", what, "--ticker", "AAPL").code in (0, 3)
