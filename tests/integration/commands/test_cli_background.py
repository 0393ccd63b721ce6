"""Background training: workers that outlive the call, and task records that stay accurate however they end."""

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
    """Return the process ids of the live workers of a task in this home."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().decode().split("\0")
            environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # the process has just ended
            continue
        if "work" in arguments and task in arguments and f"STOCKOPS_HOME={cli.home}" in environment:
            pids.append(int(folder.name))
    return pids


def worker_of(cli: Cli, task: str = "AAPL") -> int:
    """Return the process id of the only live worker."""
    [pid] = workers_of(cli, task)
    return pid


def test_a_missing_model_is_trained_in_the_background_and_its_forecast_cached(cli: Cli) -> None:
    started = cli(*PREDICT, "--on-missing", "background")
    assert started.code == 75
    assert started.document["status"] == "training"
    assert started.document["task_id"] == "AAPL"
    waited = cli("status", "AAPL", "--wait", "--timeout", "100")
    assert waited.code == 0
    assert waited.document["status"] == "completed"
    forecast = cli(*PREDICT, "--on-missing", "fail").document
    assert forecast["cached"] is True
    assert forecast["model_version"] == waited.document["result"]["model_version"]
    assert {"outputs/parent/^GSPC_parent_model.pt", "outputs/AAPL/AAPL_forecast.json"} <= cli.files()


def test_background_training_uses_the_options_of_the_call(trained: Cli) -> None:
    before = trained(*PREDICT).document["model_version"]
    result = trained(*TRAIN, "--background", "--seed", "11")
    assert result.code == 0
    assert result.document["status"] == "started"
    done = trained("status", "AAPL", "--wait").document
    assert done["result"]["model_version"] != before
    assert trained(*TRAIN, "--seed", "11").document["model_version"] == done["result"]["model_version"]


def test_the_task_id_of_the_parent_is_parent(cli: Cli) -> None:
    assert cli("train-parent", "--background").document["task_id"] == "parent"
    assert cli("status", "parent", "--wait").document["job"] == "train-parent"
    assert [task["task_id"] for task in cli("status").document["tasks"]] == ["parent"]


def test_a_running_task_is_not_started_again(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    assert trained(*TRAIN, "--background").code == 0
    pid = worker_of(trained)
    assert trained(*TRAIN, "--background").code == 0
    assert worker_of(trained) == pid
    os.kill(pid, signal.SIGKILL)


def test_a_failed_task_reports_its_error_and_wait_exits_with_its_code(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "FB", "--background").code == 0  # listed in 2012
    waited = trained("status", "FB", "--wait")
    assert waited.code == 3
    assert waited.document["status"] == "failed"
    assert "no bars from 2004-08-19" in waited.document["error"]["message"]
    assert trained("status", "FB").code == 0
    assert "no bars from" in (trained.home / waited.document["log"]).read_text()


def test_a_killed_worker_is_reported_as_failed_and_the_old_model_still_serves(trained: Cli) -> None:
    before = trained(*PREDICT, "--no-cache").document
    trained.setenv(STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    wait_until(lambda: trained("status", "AAPL").document.get("epoch", 0) > 0, 60, "an epoch")
    assert status(trained) == "running"
    os.kill(worker_of(trained), signal.SIGKILL)
    wait_until(lambda: status(trained) == "failed", 5, "detection of the dead worker")
    waited = trained("status", "AAPL", "--wait")
    assert waited.code == 1
    assert waited.document["error"]["message"] == "its worker died"
    assert trained(*PREDICT, "--no-cache").document == before
    trained.setenv(STOCKOPS_EPOCHS="1")
    assert trained(*TRAIN, "--background").code == 0
    assert trained("status", "AAPL", "--wait").code == 0


def test_ctrl_c_in_the_terminal_does_not_reach_a_worker(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    pid = worker_of(trained)
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGKILL)


def test_at_most_max_workers_run_at_once_and_the_rest_queue(trained: Cli) -> None:
    trained.setenv(STOCKOPS_MAX_WORKERS="1", STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    wait_until(lambda: status(trained) == "running", 60, "the first worker running")
    trained("train-child", "--ticker", "MSFT", "--background", "--epochs", "1")
    time.sleep(1)  # a worker with a free slot would be running by now
    assert status(trained, "MSFT") == "queued"
    os.kill(worker_of(trained), signal.SIGKILL)
    assert trained("status", "MSFT", "--wait", "--timeout", "60").document["status"] == "completed"


def test_a_worker_killed_while_queued_is_reported_as_failed(trained: Cli) -> None:
    trained.setenv(STOCKOPS_MAX_WORKERS="1", STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    wait_until(lambda: status(trained) == "running", 60, "the first worker running")
    trained("train-child", "--ticker", "MSFT", "--background")
    assert status(trained, "MSFT") == "queued"
    os.kill(worker_of(trained, "MSFT"), signal.SIGKILL)
    wait_until(lambda: status(trained, "MSFT") == "failed", 5, "detection of the dead queued worker")
    os.kill(worker_of(trained), signal.SIGKILL)


def test_status_wait_ends_at_its_timeout(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    trained(*TRAIN, "--background")
    result = trained("status", "AAPL", "--wait", "--timeout", "0.5")
    assert result.code == 75
    assert "see logs/task-AAPL.log" in result.err
    os.kill(worker_of(trained), signal.SIGKILL)


def test_status_of_an_unknown_task_exits_3_and_of_an_invalid_name_exits_2(cli: Cli) -> None:
    assert cli("status", "AAPL").code == 3
    assert cli("status", "../x").code == 2
    assert cli("status").document["tasks"] == []


def test_a_worker_that_fails_to_start_is_reported(trained: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = trained(*TRAIN, "--background")
    assert result.code == 5
    assert "the worker of AAPL did not start: exit 1" in result.err
    monkeypatch.undo()


def test_records_expire_after_two_hours_while_running_and_one_hour_once_ended(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="10000")
    state = SqliteState(trained.home / "outputs/state.db")
    trained(*TRAIN, "--background")
    running = state.seconds_left("task_status:AAPL")
    os.kill(worker_of(trained), signal.SIGKILL)
    wait_until(lambda: status(trained) == "failed", 5, "detection of the dead worker")
    ended = state.seconds_left("task_status:AAPL")
    assert running is not None
    assert 7_100 < running <= 7_200
    assert ended is not None
    assert 3_590 < ended <= 3_600


def test_without_redis_a_worker_still_trains_but_status_is_unavailable(trained: Cli) -> None:
    trained.setenv(REDIS_URL="redis://127.0.0.1:9/0")
    version = trained(*PREDICT).document["model_version"]
    result = trained(*TRAIN, "--background", "--seed", "11")
    assert result.code == 0
    assert result.document["degraded"] == ["redis"]
    assert trained("status", "AAPL").code == 5
    workers = WorkerProcesses(trained.home, 4)
    wait_until(lambda: not workers.is_held("AAPL"), 60, "the end of the worker")
    assert trained(*PREDICT).document["model_version"] != version


def test_concurrent_calls_that_heal_the_same_model_train_it_once(cli: Cli) -> None:
    first, second = (start(*PREDICT, "--no-cache", home=cli.home) for _ in range(2))
    outputs = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert outputs[0][0] == outputs[1][0]
    metrics = cli("metrics", "--json").document["metrics"]
    assert metrics['training_duration_seconds_count{task_id="parent"}'] == 1
    assert metrics['training_duration_seconds_count{task_id="AAPL"}'] == 1


def test_a_kill_at_any_moment_leaves_an_intact_model_and_no_running_task(trained: Cli) -> None:
    trained.setenv(STOCKOPS_EPOCHS="3")
    for i in range(4):
        assert trained(*TRAIN, "--background", "--seed", str(i)).code == 0
        time.sleep(0.9 * i)  # a training takes about three seconds
        for pid in workers_of(trained):
            os.kill(pid, signal.SIGKILL)
        lock = FileLock(trained.home / "locks/task-AAPL.lock")
        with lock.acquire(timeout=30):
            pass
        assert status(trained) in ("failed", "completed")
        forecast = trained(*PREDICT, "--no-cache")
        assert forecast.code == 0, forecast.err
