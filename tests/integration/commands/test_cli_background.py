"""Background work: workers that outlive the call, and records that stay true whatever becomes of them."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from stockops.adapters.execution.worker_processes import WorkerProcesses
from stockops.adapters.storage.sqlite_state import SqliteState
from tests.integration.cli import Cli, start
from tests.servers import wait_until

TRAIN = ("train-child", "--ticker", "AAPL")
PREDICT = ("predict-child", "--ticker", "AAPL")


def status(cli: Cli, task: str = "AAPL") -> str:
    return str(cli("status", task).document["status"])


def workers_of(cli: Cli, task: str = "AAPL") -> list[int]:
    """Return the process ids of the living workers of a task of this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended
            continue
        if "work" in words and task in words and f"STOCKOPS_HOME={cli.home}" in environment:
            found.append(int(folder.name))
    return found


def worker_of(cli: Cli, task: str = "AAPL") -> int:
    """Return the process id of the one living worker."""
    [pid] = workers_of(cli, task)
    return pid


def test_a_missing_model_is_trained_in_the_background_and_its_forecast_kept(cli: Cli) -> None:
    started = cli(*PREDICT, "--on-missing", "background")
    assert started.code == 75
    assert started.document["status"] == "training"
    assert started.document["task_id"] == "AAPL"
    waited = cli("status", "AAPL", "--wait", "--timeout", "100")
    assert waited.code == 0
    assert waited.document["status"] == "completed"
    answer = cli(*PREDICT, "--on-missing", "fail").document
    assert answer["cached"] is True
    assert answer["model_version"] == waited.document["result"]["model_version"]
    assert {"outputs/parent/^GSPC_parent_model.pt", "outputs/AAPL/AAPL_forecast.json"} <= cli.files()


def test_an_asked_for_training_runs_with_what_the_call_was_told(trained: Cli) -> None:
    before = trained(*PREDICT).document["model_version"]
    result = trained(*TRAIN, "--background", "--seed", "11")
    assert result.code == 0
    assert result.document["status"] == "started"
    done = trained("status", "AAPL", "--wait").document
    assert done["result"]["model_version"] != before
    assert trained(*TRAIN, "--seed", "11").document["model_version"] == done["result"]["model_version"]


def test_the_parents_task_is_called_parent(cli: Cli) -> None:
    assert cli("train-parent", "--background").document["task_id"] == "parent"
    assert cli("status", "parent", "--wait").document["job"] == "train-parent"
    assert [task["task_id"] for task in cli("status").document["tasks"]] == ["parent"]


def test_a_task_under_way_is_not_started_twice(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    assert trained(*TRAIN, "--background").code == 0
    pid = worker_of(trained)
    assert trained(*TRAIN, "--background").code == 0
    assert worker_of(trained) == pid
    os.kill(pid, signal.SIGKILL)


def test_a_failed_task_says_why_and_wait_leaves_with_its_code(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "FB", "--background").code == 0  # listed in 2012
    waited = trained("status", "FB", "--wait")
    assert waited.code == 3
    assert waited.document["status"] == "failed"
    assert "no bars from 2004-08-19" in waited.document["error"]["message"]
    assert trained("status", "FB").code == 0
    assert "no bars from" in (trained.home / waited.document["log"]).read_text()


def test_a_worker_that_was_killed_is_failed_at_the_next_look_and_the_old_model_serves(trained: Cli) -> None:
    before = trained(*PREDICT, "--no-cache").document
    trained.setenv(STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    wait_until(lambda: trained("status", "AAPL").document.get("epoch", 0) > 0, 60, "an epoch")
    assert status(trained) == "running"
    os.kill(worker_of(trained), signal.SIGKILL)
    wait_until(lambda: status(trained) == "failed", 5, "the death of a worker being seen")
    waited = trained("status", "AAPL", "--wait")
    assert waited.code == 1
    assert waited.document["error"]["message"] == "its worker died"
    assert trained(*PREDICT, "--no-cache").document == before
    trained.setenv(STOCKOPS_EPOCHS="1")
    assert trained(*TRAIN, "--background").code == 0
    assert trained("status", "AAPL", "--wait").code == 0


def test_ctrl_c_in_the_terminal_reaches_no_worker(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    pid = worker_of(trained)
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGKILL)


def test_no_more_workers_than_allowed_run_at_once_and_the_others_wait(trained: Cli) -> None:
    trained.setenv(STOCKOPS_MAX_WORKERS="1", STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    wait_until(lambda: status(trained) == "running", 60, "the first worker running")
    trained("train-child", "--ticker", "MSFT", "--background", "--epochs", "1")
    time.sleep(1)  # a worker that found a free slot would be running by now
    assert status(trained, "MSFT") == "queued"
    os.kill(worker_of(trained), signal.SIGKILL)
    assert trained("status", "MSFT", "--wait", "--timeout", "60").document["status"] == "completed"


def test_a_worker_killed_before_its_turn_is_failed_at_the_next_look(trained: Cli) -> None:
    trained.setenv(STOCKOPS_MAX_WORKERS="1", STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    wait_until(lambda: status(trained) == "running", 60, "the first worker running")
    trained("train-child", "--ticker", "MSFT", "--background")
    assert status(trained, "MSFT") == "queued"
    os.kill(worker_of(trained, "MSFT"), signal.SIGKILL)
    wait_until(lambda: status(trained, "MSFT") == "failed", 5, "the death of a waiting worker being seen")
    os.kill(worker_of(trained), signal.SIGKILL)


def test_waiting_has_a_bound_when_asked(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    result = trained("status", "AAPL", "--wait", "--timeout", "0.5")
    assert result.code == 75
    assert "see logs/task-AAPL.log" in result.err
    os.kill(worker_of(trained), signal.SIGKILL)


def test_a_task_nobody_started_is_3_and_a_name_that_is_none_is_2(cli: Cli) -> None:
    assert cli("status", "AAPL").code == 3
    assert cli("status", "../x").code == 2
    assert cli("status").document["tasks"] == []


def test_a_worker_that_cannot_start_is_said_with_its_last_words(trained: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = trained(*TRAIN, "--background")
    assert result.code == 5
    assert "the worker of AAPL did not start: exit 1" in result.err
    monkeypatch.undo()


def test_records_live_as_long_as_seed_says(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    state = SqliteState(trained.home / "outputs/state.db")
    trained(*TRAIN, "--background")
    running = state.seconds_left("task_status:AAPL")
    os.kill(worker_of(trained), signal.SIGKILL)
    wait_until(lambda: status(trained) == "failed", 5, "the death of a worker being seen")
    ended = state.seconds_left("task_status:AAPL")
    assert running is not None
    assert 7_100 < running <= 7_200
    assert ended is not None
    assert 3_590 < ended <= 3_600


def test_without_redis_a_worker_trains_and_status_says_it_cannot_know(trained: Cli) -> None:
    trained.setenv(REDIS_URL="redis://127.0.0.1:9/0")
    version = trained(*PREDICT).document["model_version"]
    result = trained(*TRAIN, "--background", "--seed", "11")
    assert result.code == 0
    assert result.document["degraded"] == ["redis"]
    assert trained("status", "AAPL").code == 5
    workers = WorkerProcesses(trained.home, 4)
    wait_until(lambda: not workers.is_held("AAPL"), 60, "the end of the worker")
    assert trained(*PREDICT).document["model_version"] != version


def test_two_calls_that_heal_the_same_model_train_it_once(cli: Cli) -> None:
    first, second = (start(*PREDICT, "--no-cache", home=cli.home) for _ in range(2))
    outs = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert outs[0][0] == outs[1][0]
    counted = cli("metrics", "--json").document["metrics"]
    assert counted['training_duration_seconds_count{task_id="parent"}'] == 1
    assert counted['training_duration_seconds_count{task_id="AAPL"}'] == 1


def test_kills_at_any_moment_leave_a_whole_model_and_no_running_task(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="3")
    for i in range(4):
        assert trained(*TRAIN, "--background", "--seed", str(i)).code == 0
        time.sleep(0.9 * i)  # a training takes some three seconds
        for pid in workers_of(trained):
            os.kill(pid, signal.SIGKILL)
        lock = FileLock(trained.home / "locks/task-AAPL.lock")
        with lock.acquire(timeout=30):
            pass
        assert status(trained) in ("failed", "completed")
        answer = trained(*PREDICT, "--no-cache")
        assert answer.code == 0, answer.err
