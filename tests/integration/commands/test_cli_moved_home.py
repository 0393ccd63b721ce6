"""A home that is moved or copied, or whose process is killed: no stale addresses, and no run stays open."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import UserDict
from collections.abc import Callable, ItemsView, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stockops.adapters.mlflow.tracker import EXPERIMENT, MlflowTracker
from tests.integration import forked
from tests.integration.adapters.test_mlflow_tracker import RUN, tracker
from tests.integration.cli import Cli, Result, copy_tables
from tests.loopback_llm import Llm, llama_cpp
from tests.servers import MlflowServer

MOVED = "the home has moved"
DATA_FOLDERS = ("mlruns", "outputs", "feature_store", "cache")


@pytest.fixture
def stores(cli: Cli) -> Iterator[None]:
    """All stores in use, and a chat model, without which no report would be cached."""
    with llama_cpp(Llm()) as model:
        cli.setenv(STOCKOPS_TRACKING="on", STOCKOPS_FEATURE_STORE="on", LLAMA_CPP_BASE_URL=f"{model.url}/v1")
        yield


@pytest.fixture
def used(trained: Cli, stores: None) -> Cli:
    """A CLI with its own home, in which a model was trained, a forecast made and a report written."""
    fill_stores(trained)
    return trained


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "home"


@pytest.fixture
def shared(cli: Cli, stores: None, trained_home: Path, shared_home: Path) -> Cli:
    """A CLI with a used home, made once for the tests that change nothing in it."""
    cli.home = shared_home
    cli.setenv(STOCKOPS_HOME=str(shared_home))
    if not shared_home.exists():
        shutil.copytree(trained_home, shared_home)
        fill_stores(cli)
    return cli


@pytest.fixture
def home(tmp_path: Path, mlflow_tables: Path) -> Path:
    """A home with nothing but MLflow's tables."""
    copy_tables(mlflow_tables, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path that does not exist yet, with characters that are escaped in an address."""
    return tmp_path_factory.mktemp("elsewhere") / "a copy #1"


def fill_stores(cli: Cli, ticker: str = "AAPL") -> None:
    assert train(cli, ticker).document["degraded"] == []
    assert cli("features", "materialize", "--ticker", ticker).code == 0
    report = cli("analyze", "--ticker", ticker)
    assert report.code == 0, report.err
    assert report.document["degraded"] == []


def train(cli: Cli, ticker: str = "AAPL", seed: int = 7) -> Result:
    result = cli("train-child", "--ticker", ticker, "--seed", str(seed))
    assert result.code == 0, result.err
    return result


def contents(home: Path) -> dict[str, bytes]:
    """Return the content of every file below the data folders of a home, by its path."""
    found = [path for name in DATA_FOLDERS for path in (home / name).rglob("*") if path.is_file()]
    assert {path.relative_to(home).parts[0] for path in found} == set(DATA_FOLDERS)
    return {str(path.relative_to(home)): path.read_bytes() for path in found}


def client_of(home: Path) -> MlflowClient:
    uri = f"sqlite:///{home}/mlruns/mlflow.db"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs(client: MlflowClient) -> list[Run]:
    """Return the runs of our experiment, oldest first."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))[::-1]


def addresses(home: Path) -> list[str]:
    """Return every file address in a home's database, including those of experiments."""
    client = client_of(home)
    found = [experiment.artifact_location for experiment in client.search_experiments()]
    found += [run.info.artifact_uri for run in runs(client)]
    for version in client.search_model_versions():
        found += [str(version.source), client.get_model_version_download_uri(version.name, version.version)]
    return found


def test_only_the_mlflow_database_contains_the_path_of_the_home(shared: Cli) -> None:
    with_path = [name for name, data in contents(shared.home).items() if os.fsencode(shared.home) in data]
    assert with_path == ["mlruns/mlflow.db"]


def test_all_mlflow_addresses_point_into_the_home(shared: Cli) -> None:
    found = addresses(shared.home)
    assert len(found) == 5
    assert all(address.startswith(f"{shared.home.as_uri()}/mlruns/artifacts") for address in found), found


def test_working_in_a_copy_leaves_the_original_unchanged(shared: Cli, new_home: Path) -> None:
    before = contents(shared.home)
    shutil.copytree(shared.home, new_home)
    shared.setenv(STOCKOPS_HOME=str(new_home))
    fill_stores(shared, "MSFT")
    (new_home / "feature_store/data/registry.db").unlink()
    assert shared("features", "apply").code == 0
    run_id = train(shared, seed=8).document["run_id"]
    changed = {Path(name).parts[0] for name, data in contents(new_home).items() if before.get(name) != data}
    assert changed == set(DATA_FOLDERS)
    after = contents(shared.home)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []
    weights = new_home / f"mlruns/artifacts/{run_id}/artifacts/AAPL_child_model.pt"
    assert weights.read_bytes() == (new_home / "outputs/AAPL/AAPL_child_model.pt").read_bytes()


def test_a_moved_home_keeps_all_its_runs_and_logs_the_move_once(used: Cli, new_home: Path) -> None:
    [old_run] = runs(client_of(used.home))
    weights = (used.home / "outputs/AAPL/AAPL_child_model.pt").read_bytes()
    used.home.rename(new_home)
    used.setenv(STOCKOPS_HOME=str(new_home))
    first, second = train(used, seed=8), train(used, seed=9)
    assert [line for line in first.err.splitlines() if MOVED in line] == [
        f"stockops: {MOVED}: MLflow's runs have their files in {new_home / 'mlruns' / 'artifacts'}"
    ]
    assert MOVED not in second.err
    assert not used.home.exists()
    assert all(address.startswith(new_home.as_uri() + "/") for address in addresses(new_home))
    client = client_of(new_home)
    assert runs(client)[0].info.run_id == old_run.info.run_id
    path = client.download_artifacts(old_run.info.run_id, "AAPL_child_model.pt")
    assert Path(path).read_bytes() == weights
    forecast = used("predict-child", "--ticker", "AAPL", "--no-cache").document
    assert forecast["degraded"] == []


def test_run_files_missing_from_a_copy_are_found_in_the_original(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    missing, copied = tracker(home).record(RUN), tracker(home).record(RUN)
    shutil.copytree(home, copy)
    shutil.rmtree(copy / "mlruns/artifacts" / missing)
    tracker(copy).record(RUN)
    client = client_of(copy)
    assert len(runs(client)) == 3
    for run_id, owner in ((missing, home), (copied, copy)):
        assert str(client.get_run(run_id).info.artifact_uri).startswith(f"{owner.as_uri()}/mlruns/artifacts/{run_id}/")
        assert client.list_artifacts(run_id)


def test_a_copy_of_the_database_alone_stores_new_files_in_the_copy(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    tracker(home).record(RUN)
    (copy / "mlruns").mkdir(parents=True)
    shutil.copy(home / "mlruns/mlflow.db", copy / "mlruns")
    run_id = tracker(copy).record(RUN)
    assert (copy / "mlruns/artifacts" / run_id).is_dir()
    assert len(list((home / "mlruns/artifacts").iterdir())) == 1


def test_a_home_reached_through_a_link_has_not_moved(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    link = tmp_path / "link"
    caplog.set_level("INFO", "stockops")
    tracker(home).record(RUN)
    link.symlink_to(home)
    before = addresses(home)
    tracker(link).record(RUN)
    assert MOVED not in caplog.text
    assert set(before) <= set(addresses(home))


def test_a_home_can_be_moved_while_its_runs_stay_on_another_disk(tmp_path: Path) -> None:
    home, moved = tmp_path / "home", tmp_path / "moved"
    (tmp_path / "disk").mkdir()
    home.mkdir()
    (home / "mlruns").symlink_to(tmp_path / "disk")
    tracker(home).record(RUN)
    home.rename(moved)
    tracker(moved).record(RUN)
    assert not home.exists()
    assert all(address.startswith(moved.as_uri() + "/") for address in addresses(moved))


def test_an_artifact_location_chosen_by_a_user_is_not_changed(home: Path, tmp_path: Path) -> None:
    chosen = (tmp_path / "disk").as_uri()
    client_of(home).create_experiment(EXPERIMENT, artifact_location=chosen)
    run_id = tracker(home).record(RUN)
    assert str(client_of(home).get_run(run_id).info.artifact_uri).startswith(chosen)


def test_a_database_outside_the_home_is_not_rewritten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "stockops")
    uri = f"sqlite:///{tmp_path}/shared.db"
    tracker(tmp_path / "home", uri).record(RUN)
    tracker(tmp_path / "other", uri).record(RUN)
    assert MOVED not in caplog.text
    with sqlite3.connect(tmp_path / "shared.db") as database:
        [address] = database.execute(
            "SELECT artifact_location FROM experiments WHERE name = ?", [EXPERIMENT]
        ).fetchone()
    database.close()
    assert address == (tmp_path / "home/mlruns/artifacts").as_uri()


class _DeadlyFiles(UserDict[str, bytes]):
    """Files that kill the process that reads them."""

    def items(self) -> ItemsView[str, bytes]:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().items()


def _record_and_die(home: Path, uri: str) -> None:
    MlflowTracker(home=home, uri=uri, username="", password="").record(replace(RUN, files=_DeadlyFiles()))


def record_and_kill(home: Path, uri: str = "") -> None:
    """Record a run in a process that is killed while recording."""
    process = forked.start(_record_and_die, home, uri)
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def live_process() -> Iterator[int]:
    """The id of a live process."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        yield process.pid


def test_a_run_left_running_by_a_kill_is_ended_by_the_next_training(trained: Cli, mlflow_tables: Path) -> None:
    copy_tables(mlflow_tables, trained.home)
    trained.setenv(STOCKOPS_TRACKING="on")
    train(trained)
    record_and_kill(trained.home)
    assert [run.info.status for run in runs(client_of(trained.home))].count("RUNNING") == 1
    result = train(trained, seed=8)
    by_status = {run.info.status: run for run in runs(client_of(trained.home))}
    assert set(by_status) == {"FINISHED", "KILLED"}
    assert by_status["KILLED"].info.end_time is not None
    assert result.err.count(by_status["KILLED"].info.run_id) == 1


def test_a_run_left_running_by_a_kill_is_ended_in_a_copy_too(home: Path, tmp_path: Path) -> None:
    record_and_kill(home)
    shutil.copytree(home, tmp_path / "copy")
    tracker(tmp_path / "copy").record(RUN)
    assert {run.info.status for run in runs(client_of(tmp_path / "copy"))} == {"KILLED", "FINISHED"}
    assert [run.info.status for run in runs(client_of(home))] == ["RUNNING"]


AddRuns = Callable[[MlflowClient, str], dict[str, str]]


@pytest.fixture
def add_runs(live_process: int) -> AddRuns:
    """Adds runs of all kinds to an experiment; returns the status that each should have after the next training."""
    start = psutil.Process(live_process).create_time()
    host = socket.gethostname()

    def add(client: MlflowClient, untagged_status: str) -> dict[str, str]:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        tags_by_name = {
            "alive": {"stockops.recorder": f"{host} {live_process} {start:.0f}"},
            "reused pid": {"stockops.recorder": f"{host} {live_process} {start - 3600:.0f}"},
            "unreadable": {"stockops.recorder": "x"},
            "of another program": {"mlflow.source.name": "theirs.py"},
            "untagged": {},
        }
        for name, run_tags in tags_by_name.items():
            client.create_run(experiment.experiment_id, run_name=name, tags=run_tags)
        client.create_run(client.create_experiment("theirs"), run_name="of another experiment")
        return dict.fromkeys(tags_by_name, "RUNNING") | {
            "reused pid": "KILLED",
            "untagged": untagged_status,
        }

    return add


def statuses(client: MlflowClient, expected: dict[str, str]) -> dict[str, str]:
    return {run.info.run_name: run.info.status for run in runs(client) if run.info.run_name in expected}


def test_in_the_database_of_a_home_every_run_of_a_dead_recorder_is_ended(home: Path, add_runs: AddRuns) -> None:
    tracker(home).record(RUN)
    client = client_of(home)
    expected = add_runs(client, "KILLED")
    tracker(home).record(RUN)
    assert statuses(client, expected) == expected
    other_experiment = client.get_experiment_by_name("theirs")
    assert other_experiment is not None
    assert [run.info.status for run in client.search_runs([other_experiment.experiment_id])] == ["RUNNING"]


def test_on_a_server_only_runs_that_died_on_this_machine_are_ended(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, mlflow_tables: Path, add_runs: AddRuns
) -> None:
    server = MlflowServer(tmp_path_factory.mktemp("server"), mlflow_tables)
    server.start()
    try:
        client = MlflowClient(tracking_uri=server.url, registry_uri=server.url)
        record_and_kill(tmp_path / "home", server.url)
        [dead] = runs(client)
        expected = add_runs(client, "RUNNING") | {"elsewhere": "RUNNING"}
        client.create_run(
            dead.info.experiment_id, run_name="elsewhere", tags={"stockops.recorder": "another-machine 1 1719608400"}
        )
        tracker(tmp_path / "other", server.url).record(RUN)
        assert client.get_run(dead.info.run_id).info.status == "KILLED"
        assert statuses(client, expected) == expected
    finally:
        server.stop()
