"""A home that is moved, copied or used by a process that is killed: no old address, no run that never ends."""

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
from tests.integration.cli import Cli, Result
from tests.loopback_llm import Llm, llama_cpp
from tests.servers import MlflowServer

MOVED = "the home has moved"
KEPT = ("mlruns", "outputs", "feature_store", "cache")


@pytest.fixture
def stores(cli: Cli) -> Iterator[None]:
    """Every store in use, and a model: a report that is kept has its words in it."""
    with llama_cpp(Llm()) as model:
        cli.setenv(STOCKOPS_TRACKING="on", STOCKOPS_FEATURE_STORE="on", LLAMA_CPP_BASE_URL=f"{model.url}/v1")
        yield


@pytest.fixture
def used(trained: Cli, stores: None) -> Cli:
    """A home in which a model was trained, a forecast made and a report written."""
    use(trained)
    return trained


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place") / "home"


@pytest.fixture
def shared(cli: Cli, stores: None, trained_home: Path, place: Path) -> Cli:
    """A used home, made once for the tests that change nothing in it."""
    cli.home = place
    cli.setenv(STOCKOPS_HOME=str(place))
    if not place.exists():
        shutil.copytree(trained_home, place)
        use(cli)
    return cli


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which MLflow has made its tables: that takes it a second."""
    home = tmp_path_factory.mktemp("tables")
    (home / "mlruns").mkdir()
    client_of(home).search_experiments()
    return home / "mlruns/mlflow.db"


@pytest.fixture
def home(tmp_path: Path, tables: Path) -> Path:
    """A home with nothing but MLflow's tables."""
    (tmp_path / "home/mlruns").mkdir(parents=True)
    shutil.copy(tables, tmp_path / "home/mlruns")
    return tmp_path / "home"


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A name that nothing has yet, with what an address writes otherwise."""
    return tmp_path_factory.mktemp("elsewhere") / "a copy #1"


def use(cli: Cli, ticker: str = "AAPL") -> None:
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
    """Every file that keeps something; locks are none."""
    found = [path for name in KEPT for path in (home / name).rglob("*") if path.is_file()]
    assert {path.relative_to(home).parts[0] for path in found} == set(KEPT)
    return {str(path.relative_to(home)): path.read_bytes() for path in found}


def client_of(home: Path) -> MlflowClient:
    address = f"sqlite:///{home}/mlruns/mlflow.db"
    return MlflowClient(tracking_uri=address, registry_uri=address)


def runs(client: MlflowClient) -> list[Run]:
    """The runs of our experiment, the oldest first."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))[::-1]


def addresses(home: Path) -> list[str]:
    """Every address of files in a home's database, its experiments' too."""
    client = client_of(home)
    found = [experiment.artifact_location for experiment in client.search_experiments()]
    found += [run.info.artifact_uri for run in runs(client)]
    for version in client.search_model_versions():
        found += [str(version.source), client.get_model_version_download_uri(version.name, version.version)]
    return found


def test_nothing_but_mlflows_database_says_where_the_home_is(shared: Cli) -> None:
    with_address = [name for name, data in contents(shared.home).items() if os.fsencode(shared.home) in data]
    assert with_address == ["mlruns/mlflow.db"]


def test_mlflows_addresses_are_all_in_the_home_wherever_it_was_made(shared: Cli) -> None:
    found = addresses(shared.home)
    assert len(found) == 5
    assert all(address.startswith(f"{shared.home.as_uri()}/mlruns/artifacts") for address in found), found


def test_work_in_a_copy_leaves_the_original_as_it_was(shared: Cli, elsewhere: Path) -> None:
    before = contents(shared.home)
    shutil.copytree(shared.home, elsewhere)
    shared.setenv(STOCKOPS_HOME=str(elsewhere))
    use(shared, "MSFT")
    (elsewhere / "feature_store/data/registry.db").unlink()
    assert shared("features", "apply").code == 0
    run_id = train(shared, seed=8).document["run_id"]
    changed = {Path(name).parts[0] for name, data in contents(elsewhere).items() if before.get(name) != data}
    assert changed == set(KEPT)
    after = contents(shared.home)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []
    weights = elsewhere / f"mlruns/artifacts/{run_id}/artifacts/AAPL_child_model.pt"
    assert weights.read_bytes() == (elsewhere / "outputs/AAPL/AAPL_child_model.pt").read_bytes()


def test_a_moved_home_keeps_all_its_runs_and_says_once_that_it_has_moved(used: Cli, elsewhere: Path) -> None:
    [old] = runs(client_of(used.home))
    weights = (used.home / "outputs/AAPL/AAPL_child_model.pt").read_bytes()
    used.home.rename(elsewhere)
    used.setenv(STOCKOPS_HOME=str(elsewhere))
    first, second = train(used, seed=8), train(used, seed=9)
    assert [line for line in first.err.splitlines() if MOVED in line] == [
        f"stockops: {MOVED}: MLflow's runs have their files in {elsewhere / 'mlruns' / 'artifacts'}"
    ]
    assert MOVED not in second.err
    assert not used.home.exists()
    assert all(address.startswith(elsewhere.as_uri() + "/") for address in addresses(elsewhere))
    client = client_of(elsewhere)
    assert runs(client)[0].info.run_id == old.info.run_id
    path = client.download_artifacts(old.info.run_id, "AAPL_child_model.pt")
    assert Path(path).read_bytes() == weights
    forecast = used("predict-child", "--ticker", "AAPL", "--no-cache").document
    assert forecast["degraded"] == []


def test_files_that_did_not_come_along_stay_where_they_are(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    lost, kept = tracker(home).record(RUN), tracker(home).record(RUN)
    shutil.copytree(home, copy)
    shutil.rmtree(copy / "mlruns/artifacts" / lost)
    tracker(copy).record(RUN)
    client = client_of(copy)
    assert len(runs(client)) == 3
    for run_id, place in ((lost, home), (kept, copy)):
        assert str(client.get_run(run_id).info.artifact_uri).startswith(f"{place.as_uri()}/mlruns/artifacts/{run_id}/")
        assert client.list_artifacts(run_id)


def test_a_copy_of_the_database_alone_keeps_its_new_files_to_itself(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    tracker(home).record(RUN)
    (copy / "mlruns").mkdir(parents=True)
    shutil.copy(home / "mlruns/mlflow.db", copy / "mlruns")
    run_id = tracker(copy).record(RUN)
    assert (copy / "mlruns/artifacts" / run_id).is_dir()
    assert len(list((home / "mlruns/artifacts").iterdir())) == 1


def test_a_home_behind_a_link_has_not_moved(home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    link = tmp_path / "link"
    caplog.set_level("INFO", "stockops")
    tracker(home).record(RUN)
    link.symlink_to(home)
    before = addresses(home)
    tracker(link).record(RUN)
    assert MOVED not in caplog.text
    assert set(before) <= set(addresses(home))


def test_a_home_whose_runs_are_on_another_disk_is_moved_without_them(tmp_path: Path) -> None:
    home, moved = tmp_path / "home", tmp_path / "moved"
    (tmp_path / "disk").mkdir()
    home.mkdir()
    (home / "mlruns").symlink_to(tmp_path / "disk")
    tracker(home).record(RUN)
    home.rename(moved)
    tracker(moved).record(RUN)
    assert not home.exists()
    assert all(address.startswith(moved.as_uri() + "/") for address in addresses(moved))


def test_a_place_that_somebody_chose_is_kept(home: Path, tmp_path: Path) -> None:
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
        [place] = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", [EXPERIMENT]).fetchone()
    database.close()
    assert place == (tmp_path / "home/mlruns/artifacts").as_uri()


class _Deadly(UserDict[str, bytes]):
    """Files whose reader is killed."""

    def items(self) -> ItemsView[str, bytes]:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().items()


def _record_and_die(home: Path, uri: str) -> None:
    MlflowTracker(home=home, uri=uri, username="", password="").record(replace(RUN, files=_Deadly()))


def killed(home: Path, uri: str = "") -> None:
    """Record a run in a process that is killed on the way."""
    process = forked.start(_record_and_die, home, uri)
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def living() -> Iterator[int]:
    """The process id of somebody who lives."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        yield process.pid


def test_a_run_that_a_kill_left_running_is_ended_by_the_next_training(trained: Cli) -> None:
    trained.setenv(STOCKOPS_TRACKING="on")
    train(trained)
    killed(trained.home)
    assert [run.info.status for run in runs(client_of(trained.home))].count("RUNNING") == 1
    found = train(trained, seed=8)
    ended = {run.info.status: run for run in runs(client_of(trained.home))}
    assert set(ended) == {"FINISHED", "KILLED"}
    assert ended["KILLED"].info.end_time is not None
    assert found.err.count(ended["KILLED"].info.run_id) == 1


def test_a_run_that_a_kill_left_running_is_ended_in_a_copy_too(home: Path, tmp_path: Path) -> None:
    killed(home)
    shutil.copytree(home, tmp_path / "copy")
    tracker(tmp_path / "copy").record(RUN)
    assert {run.info.status for run in runs(client_of(tmp_path / "copy"))} == {"KILLED", "FINISHED"}
    assert [run.info.status for run in runs(client_of(home))] == ["RUNNING"]


Strew = Callable[[MlflowClient, str], dict[str, str]]


@pytest.fixture
def strew(living: int) -> Strew:
    """Leave runs of all kinds in an experiment; return the status that each should have after the next training."""
    born = psutil.Process(living).create_time()
    here = socket.gethostname()

    def left(client: MlflowClient, untagged: str) -> dict[str, str]:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        tags = {
            "lives": {"stockops.recorder": f"{here} {living} {born:.0f}"},
            "number given anew": {"stockops.recorder": f"{here} {living} {born - 3600:.0f}"},
            "unreadable": {"stockops.recorder": "x"},
            "somebody's": {"mlflow.source.name": "theirs.py"},
            "of an older release": {},
        }
        for name, its in tags.items():
            client.create_run(experiment.experiment_id, run_name=name, tags=its)
        client.create_run(client.create_experiment("theirs"), run_name="of another experiment")
        return dict.fromkeys(tags, "RUNNING") | {"number given anew": "KILLED", "of an older release": untagged}

    return left


def statuses(client: MlflowClient, wanted: dict[str, str]) -> dict[str, str]:
    return {run.info.run_name: run.info.status for run in runs(client) if run.info.run_name in wanted}


def test_in_the_homes_own_database_only_the_living_are_spared(home: Path, strew: Strew) -> None:
    tracker(home).record(RUN)
    client = client_of(home)
    wanted = strew(client, "KILLED")
    tracker(home).record(RUN)
    assert statuses(client, wanted) == wanted
    theirs = client.get_experiment_by_name("theirs")
    assert theirs is not None
    assert [run.info.status for run in client.search_runs([theirs.experiment_id])] == ["RUNNING"]


def test_on_a_server_only_those_that_died_on_this_machine_are_ended(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, strew: Strew
) -> None:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    try:
        client = MlflowClient(tracking_uri=server.url, registry_uri=server.url)
        killed(tmp_path / "home", server.url)
        [died] = runs(client)
        wanted = strew(client, "RUNNING") | {"elsewhere": "RUNNING"}
        client.create_run(
            died.info.experiment_id, run_name="elsewhere", tags={"stockops.recorder": "another-machine 1 1719608400"}
        )
        tracker(tmp_path / "other", server.url).record(RUN)
        assert client.get_run(died.info.run_id).info.status == "KILLED"
        assert statuses(client, wanted) == wanted
    finally:
        server.stop()
