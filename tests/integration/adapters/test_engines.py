"""The contract of every executor: each ticker once, whatever happens to the workers. Ray has two nodes here."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stockops.adapters.execution.local_executor import LocalExecutor, cores
from stockops.adapters.execution.ray_executor import RayExecutor
from stockops.errors import ServiceError, TryAgainError
from stockops.ports import Executor
from tests.builders import bars
from tests.integration.adapters.child_executor import ChildExecutor
from tests.integration.cli import SAMPLE, WITHOUT_SERVICES, Cli, start

pytestmark = pytest.mark.filterwarnings("ignore")  # from Ray and loky, in this process

TICKERS = ("AAPL", "MSFT")
SAMPLES = {**SAMPLE, **WITHOUT_SERVICES}


class TwoNodes:
    """A Ray cluster: a head that does no work, and two nodes of one core each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self.cluster.add_node(num_cpus=1) for _ in range(2)]
        self.cluster.wait_for_nodes()

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def kill_node(self) -> None:
        self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)

    def restore(self) -> None:
        while len(self.nodes) < 2:
            self.nodes.append(self.cluster.add_node(num_cpus=1))
        self.cluster.wait_for_nodes()


@pytest.fixture(scope="module")
def cluster() -> Iterator[TwoNodes]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_health_check_failure_threshold", "2")  # a lost node is detected within seconds
        environment.setenv("RAY_health_check_period_ms", "500")
        running = TwoNodes()
    yield running
    running.cluster.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def two_nodes(cluster: TwoNodes) -> TwoNodes:
    """The cluster, with two nodes that work."""
    cluster.restore()
    return cluster


@pytest.fixture(params=["local", "ray"])
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "local":
        return LocalExecutor(2)
    return cluster_executor(request.getfixturevalue("two_nodes"))


def cluster_executor(nodes: TwoNodes, threads: int = 1, look_seconds: float = 30) -> Executor:
    return ChildExecutor(RayExecutor(nodes.address, threads, look_seconds))


class UnpicklesOnlyHere:
    """Work that only this process and its children can unpickle, as if a worker had another release."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[int]]:
        return _unpickle_only_here, (os.getpid(),)

    def __call__(self, ticker: str) -> str:
        return ticker


def _unpickle_only_here(pid: int) -> UnpicklesOnlyHere:
    if pid not in (os.getpid(), os.getppid()):
        raise ModuleNotFoundError("No module named 'stockops'")
    return UnpicklesOnlyHere()


def test_every_ticker_is_returned_once_with_its_result(executor: Executor) -> None:
    names = [f"T{number}" for number in range(20)]
    found = list(executor.map(lambda ticker: (ticker.lower(), os.getpid()), names))
    assert sorted(name for name, _ in found) == sorted(names)
    results = {name: result for name, result in found if not isinstance(result, Exception)}
    assert {name: lower for name, (lower, _) in results.items()} == {name: name.lower() for name in names}
    assert os.getpid() not in {pid for _, pid in results.values()}


def test_the_ticker_of_a_killed_worker_is_retried_while_results_are_consumed(
    executor: Executor, tmp_path: Path
) -> None:
    def work(ticker: str) -> str:
        if ticker == "B" and not (marker := tmp_path / "marker").exists():
            marker.touch()
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        return ticker.lower()

    found = []
    for outcome in executor.map(work, "ABCDEFGH"):
        found.append(outcome)
        time.sleep(1 if len(found) == 1 else 0)
    assert dict(found) == {letter: letter.lower() for letter in "ABCDEFGH"}
    assert len(found) == 8


def test_a_ticker_that_kills_every_worker_fails_alone(executor: Executor) -> None:
    def work(ticker: str) -> str:
        if ticker == "B":
            os.kill(os.getpid(), signal.SIGKILL)
        return ticker.lower()

    found = dict(executor.map(work, "ABCDEF"))
    failure = found.pop("B")
    assert found == {letter: letter.lower() for letter in "ACDEF"}
    assert isinstance(failure, TryAgainError)
    assert "B: its" in failure.message


def test_no_ticker_is_started_after_the_caller_stops(executor: Executor, tmp_path: Path) -> None:
    def work(ticker: str) -> str:
        (tmp_path / ticker).touch()
        return ticker

    names = [f"T{number:03}" for number in range(200)]
    outcomes = executor.map(work, names)
    next(iter(outcomes))
    outcomes.close()  # type: ignore[attr-defined]
    assert len(list(tmp_path.iterdir())) < 20


def test_nodes_with_fewer_cores_than_threads_still_work(two_nodes: TwoNodes) -> None:
    assert dict(cluster_executor(two_nodes, threads=8).map(str.lower, "AB")) == {"A": "a", "B": "b"}


def test_a_node_that_cannot_unpickle_the_work_is_a_service_error(two_nodes: TwoNodes) -> None:
    found = dict(cluster_executor(two_nodes).map(UnpicklesOnlyHere(), ["A"]))
    assert isinstance(found["A"], ServiceError)
    assert "a node of the Ray cluster cannot work: " in found["A"].message


def test_resources_left_by_an_exit_are_cleaned_up_silently() -> None:
    """Else the tracker of multiprocessing writes warnings after the last line of an interrupted command."""
    code = (
        "import os; from stockops.adapters.execution.local_executor import LocalExecutor;"
        "outcomes = LocalExecutor(2).map(str.lower, 'AB'); next(outcomes); os._exit(0)"
    )
    exited = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (exited.returncode, exited.stderr) == (0, "")


def test_the_core_count_is_plausible() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:head", "nowhere.invalid:6379"])
def test_a_missing_cluster_is_a_service_error(cli_with_tickers: Cli, address: str) -> None:
    called = start(
        "predict-child", "--engine", "ray", "--ray-address", address, home=cli_with_tickers.home, env=SAMPLES
    )
    out, err = called.communicate(timeout=30)
    assert called.returncode == 5, err
    assert json.loads(out)["error"]["kind"] == "service"
    [line] = [line for line in err.splitlines() if line.startswith("stockops: no Ray")]
    assert f"no Ray cluster at {address}: " in line


def test_a_listener_that_is_not_a_cluster_is_reported_within_seconds(cli_with_tickers: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        called = start(
            "predict-child", "--engine", "ray", "--ray-address", address, home=cli_with_tickers.home, env=SAMPLES
        )
        _, err = called.communicate(timeout=60)
    assert called.returncode == 5, err
    assert f"stockops: no Ray cluster at {address}: " in err


def checkpoints(home: Path) -> dict[str, str]:
    found = (home / "outputs").glob("*/*_child_model.pt")
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def rows_by_ticker(lines: str) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in lines.splitlines()]
    return {row["ticker"]: {name: row[name] for name in row if name != "duration_seconds"} for row in rows}


@pytest.fixture
def cli_with_tickers(trained: Cli) -> Cli:
    (trained.home / "tickers").write_text("\n".join(TICKERS) + "\n")
    trained.setenv(STOCKOPS_TICKERS_FILE=str(trained.home / "tickers"), **SAMPLES)
    return trained


def start_on_ray(nodes: TwoNodes, *arguments: str, home: Path, **env: str) -> "subprocess.Popen[str]":
    return start(*arguments, "--engine", "ray", "--ray-address", nodes.address, home=home, env=env)


def test_a_cluster_gives_the_same_checkpoints_as_this_machine_byte_for_byte(
    two_nodes: TwoNodes, cli_with_tickers: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths are resolved by the caller, so workers find the files from any folder."""
    (cli_with_tickers.home / "bars").mkdir()
    for symbol, seed in (("^GSPC", 1), *((ticker, 2 + number) for number, ticker in enumerate(TICKERS))):
        bars(240, seed=seed).to_csv(cli_with_tickers.home / "bars" / f"{symbol}.csv", index_label="Date")
    monkeypatch.chdir(cli_with_tickers.home)
    cli_with_tickers.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR="bars", STOCKOPS_AS_OF="")
    local = cli_with_tickers("train-child")
    assert local.code == 0
    before = checkpoints(cli_with_tickers.home)
    for path in (cli_with_tickers.home / "outputs").glob("*/*_child_*"):
        path.unlink()
    out, err = start_on_ray(two_nodes, "train-child", home=cli_with_tickers.home).communicate(timeout=120)
    assert rows_by_ticker(out) == rows_by_ticker(local.out), err
    assert "set REDIS_URL" in err  # several machines cannot share a SQLite file
    assert checkpoints(cli_with_tickers.home) == before
    forecasts, _ = start_on_ray(two_nodes, "predict-child", "--no-cache", home=cli_with_tickers.home).communicate(
        timeout=120
    )
    assert rows_by_ticker(forecasts) == rows_by_ticker(cli_with_tickers("predict-child", "--no-cache").out)


def test_secrets_are_not_sent_to_workers(two_nodes: TwoNodes, cli_with_tickers: Cli) -> None:
    env = {"REDIS_URL": "redis://:hush-hush@127.0.0.1:1/0"}
    called = start_on_ray(two_nodes, "predict-child", "--no-cache", home=cli_with_tickers.home, **env)
    out, err = called.communicate(timeout=120)
    assert "hush-hush" not in out + err
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["error"]["message"] for row in rows} == {"REDIS_URL: set where the call was made and not on this node"}
    assert called.returncode == 2
    (cli_with_tickers.home / ".env").write_text(f"REDIS_URL={env['REDIS_URL']}\n")  # where every node finds it
    out, _ = start_on_ray(two_nodes, "predict-child", "--no-cache", home=cli_with_tickers.home).communicate(timeout=120)
    assert {tuple(json.loads(line)["degraded"]) for line in out.splitlines()} == {("redis",)}
    code = "import pickle; from stockops.console.batch import WorkerSpec; "
    code += "from stockops.console.command_context import CommandContext; "
    code += "context = CommandContext.start('predict-child', {}, frozenset()).__enter__(); "
    code += "print(b'hush-hush' in pickle.dumps(WorkerSpec.of(context, print)))"
    completed = subprocess.run([sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True)
    assert completed.stdout.strip() == "False", completed.stderr


# Last: what they kill is started again only for a test that follows.


def test_a_killed_node_loses_no_result(two_nodes: TwoNodes, cli_with_tickers: Cli) -> None:
    tickers = (*TICKERS, "GOOG", "IBM")
    called = start_on_ray(
        two_nodes, "train-child", "--ticker", "GOOG,IBM", home=cli_with_tickers.home, STOCKOPS_EPOCHS="100"
    )
    assert called.stdout
    first = called.stdout.readline()
    two_nodes.kill_node()
    out, err = called.communicate(timeout=120)
    assert called.returncode == 0, err
    assert sorted(rows_by_ticker(first + out)) == sorted(tickers)
    assert len((first + out).splitlines()) == len(tickers)


def test_every_ticker_fails_with_the_reason_when_no_node_is_left(two_nodes: TwoNodes) -> None:
    def work(ticker: str) -> str:
        time.sleep(0 if ticker == "A" else 60)
        return ticker

    outcomes = cluster_executor(two_nodes, look_seconds=1).map(work, "ABCDEFGH")
    assert next(iter(outcomes)) == ("A", "A")
    for _ in range(2):
        two_nodes.kill_node()
    found = dict(outcomes)
    assert sorted(found) == list("BCDEFGH")
    assert {str(failure) for failure in found.values()} == {
        "no node of the Ray cluster has a core; add one: ray start --address …"
    }
