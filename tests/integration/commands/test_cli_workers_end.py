"""Processes that work for a call end with it, however it ends, and leave what they wrote whole."""

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


def begin(home: Path, *command: str) -> "subprocess.Popen[str]":
    """Start a call in a session of its own, with SIGHUP and SIGINT as a terminal leaves them."""

    def hear() -> None:
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    environment = {
        **os.environ, **WITHOUT_SERVICES, "STOCKOPS_HOME": str(home), "STOCKOPS_SOURCE": "sample",
        "STOCKOPS_AS_OF": AS_OF,
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "stockops", *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, preexec_fn=hear,
    )  # fmt: skip


def at_work(home: Path) -> "tuple[subprocess.Popen[str], list[psutil.Process]]":
    """Return a list of tickers in training, and its workers once they are at it."""
    for left in (home / "outputs").glob("*/.lock"):
        left.unlink()
    command = begin(home, "train-child", "--ticker", TICKERS, "--jobs", "2", "--epochs", "400")
    wait_until(lambda: len(list((home / "outputs").glob("*/.lock"))) >= 2, 90, "two workers at work")
    time.sleep(0.3)  # into the epochs
    return command, psutil.Process(command.pid).children(recursive=True)


def check_whole(trained: Cli) -> None:
    """Nothing is half-written, nothing is locked."""
    assert model_resolver.check(ModelFiles(trained.home, 5), 9).startswith("1 parent")
    assert trained("train-child", "--ticker", "AAPL", "--epochs", "1").code == 0
    assert trained("doctor").code == 0


def test_workers_end_soon_after_their_parent_was_killed(trained: Cli) -> None:
    command, workers = at_work(trained.home)
    command.kill()
    command.communicate()
    gone, alive = psutil.wait_procs(workers, timeout=2)
    assert not alive, alive
    assert len(gone) >= 2
    before = {path: path.stat().st_mtime for path in trained.home.rglob("*")}
    time.sleep(0.5)
    assert {path: path.stat().st_mtime for path in trained.home.rglob("*")} == before
    check_whole(trained)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_list_ends_as_with_ctrl_c(trained: Cli, number: signal.Signals, code: int) -> None:
    command, workers = at_work(trained.home)
    command.send_signal(number)
    _, err = command.communicate(timeout=20)
    assert command.returncode == code
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "stockops: interrupted; nothing was left half-written"
    assert not psutil.wait_procs(workers, timeout=2)[1]
    assert not list(trained.home.rglob("*.tmp"))
    check_whole(trained)


def test_a_server_of_metrics_ends_on_sigterm(trained: Cli) -> None:
    command = begin(trained.home, "metrics", "--listen", "127.0.0.1:0")
    assert command.stderr is not None
    assert "serving" in command.stderr.readline()
    command.terminate()
    _, err = command.communicate(timeout=10)
    assert (command.returncode, err.splitlines()[-1][:21]) == (143, "stockops: interrupted")


def test_background_work_outlives_the_call_that_began_it(trained: Cli) -> None:
    command = begin(trained.home, "train-child", "--ticker", "AAPL", "--epochs", "400", "--background")
    assert command.wait(timeout=60) == 0
    command.communicate()
    time.sleep(1)
    [task] = trained("status").document["tasks"]
    assert task["status"] == "running"
    [worker] = [one for one in psutil.process_iter() if _is_worker(one, trained.home)]
    worker.terminate()
    worker.wait(20)
    assert trained("status", "AAPL").document["status"] == "failed"
    check_whole(trained)


def _is_worker(process: psutil.Process, home: Path) -> bool:
    try:
        return "work" in process.cmdline() and str(process.environ().get("STOCKOPS_HOME")) == str(home)
    except psutil.Error:
        return False
