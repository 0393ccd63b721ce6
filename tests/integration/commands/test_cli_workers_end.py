"""Workers of a batch end with the command, however it ends; background workers outlive it; files stay intact."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stockops.adapters.storage.model_files import ModelFiles
from stockops.pipelines import model_resolver
from tests.integration.cli import AS_OF, WITHOUT_SERVICES, Cli
from tests.servers import wait_until

TICKERS = "AAPL,MSFT,IBM,GOOG"


def start_in_session(home: Path, *command: str) -> "subprocess.Popen[str]":
    """Start a command in its own session, with default handlers for SIGHUP and SIGINT as under a terminal."""

    def reset_signals() -> None:
        for signum in (signal.SIGHUP, signal.SIGINT):
            signal.signal(signum, signal.SIG_DFL)

    environment = {
        **os.environ, **WITHOUT_SERVICES, "STOCKOPS_HOME": str(home), "STOCKOPS_SOURCE": "sample",
        "STOCKOPS_AS_OF": AS_OF,
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "stockops", *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, preexec_fn=reset_signals,
    )  # fmt: skip


def start_batch(home: Path) -> "tuple[subprocess.Popen[str], list[psutil.Process]]":
    """Start training a batch of tickers; return the command and its workers once they are training."""
    for lock in (home / "outputs").glob("*/.lock"):
        lock.unlink()
    command = start_in_session(home, "train-child", "--ticker", TICKERS, "--jobs", "2", "--epochs", "400")
    wait_until(lambda: len(list((home / "outputs").glob("*/.lock"))) >= 2, 90, "two workers at work")
    time.sleep(0.3)  # until the epochs have begun
    return command, psutil.Process(command.pid).children(recursive=True)


def assert_home_intact(trained: Cli) -> None:
    """Check that no model is damaged and no lock is still held."""
    assert model_resolver.check(ModelFiles(trained.home, 5), 9).startswith("1 parent")
    assert trained("train-child", "--ticker", "AAPL", "--epochs", "1").code == 0
    assert trained("doctor").code == 0


def test_workers_end_soon_after_the_command_is_killed(trained: Cli) -> None:
    command, workers = start_batch(trained.home)
    command.kill()
    command.communicate()
    gone, alive = psutil.wait_procs(workers, timeout=2)
    assert not alive, alive
    assert len(gone) >= 2
    before = {path: path.stat().st_mtime for path in trained.home.rglob("*")}
    time.sleep(0.5)
    assert {path: path.stat().st_mtime for path in trained.home.rglob("*")} == before
    assert_home_intact(trained)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_termination_signal_ends_a_batch_as_ctrl_c_does(trained: Cli, signum: signal.Signals, code: int) -> None:
    command, workers = start_batch(trained.home)
    command.send_signal(signum)
    _, err = command.communicate(timeout=20)
    assert command.returncode == code
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "stockops: interrupted; nothing was left half-written"
    assert not psutil.wait_procs(workers, timeout=2)[1]
    assert not list(trained.home.rglob("*.tmp"))
    assert_home_intact(trained)


def test_the_metrics_server_ends_on_sigterm(trained: Cli) -> None:
    command = start_in_session(trained.home, "metrics", "--listen", "127.0.0.1:0")
    assert command.stderr is not None
    assert "serving" in command.stderr.readline()
    command.terminate()
    _, err = command.communicate(timeout=10)
    assert (command.returncode, err.splitlines()[-1][:21]) == (143, "stockops: interrupted")


def test_a_background_worker_outlives_the_call_that_started_it(trained: Cli) -> None:
    command = start_in_session(trained.home, "train-child", "--ticker", "AAPL", "--epochs", "400", "--background")
    assert command.wait(timeout=60) == 0
    command.communicate()
    time.sleep(1)
    [task] = trained("status").document["tasks"]
    assert task["status"] == "running"
    [worker] = [process for process in psutil.process_iter() if _is_worker(process, trained.home)]
    worker.terminate()
    worker.wait(20)
    assert trained("status", "AAPL").document["status"] == "failed"
    assert_home_intact(trained)


def _is_worker(process: psutil.Process, home: Path) -> bool:
    try:
        return "work" in process.cmdline() and str(process.environ().get("STOCKOPS_HOME")) == str(home)
    except psutil.Error:
        return False
