"""The port Tracker on a real MLflow server and on real SQLite stores, including outages and damage."""

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient

from stockops.adapters.mlflow.tracker import EXPERIMENT, MlflowTracker
from stockops.errors import ServiceError
from stockops.records import EpochLoss, TrainingRun
from tests.integration import forked
from tests.integration.cli import copy_tables
from tests.loopback_http import serving
from tests.servers import MlflowServer

ENDED = datetime(2024, 6, 28, 21, 0, tzinfo=UTC)
RUN = TrainingRun(
    name="Child_Training_AAPL",
    started=ENDED - timedelta(seconds=6),
    ended=ENDED,
    params={"epochs": "2", "features": "Open, High"},
    tags={"ticker": "AAPL", "model_version": "0123456789ab"},
    history=(EpochLoss(0, None, 1.0, 1e-3), EpochLoss(1, 0.5, 0.9, 1e-3)),
    metrics={"MSE": 0.25, "skill_MSE": 0.01},
    files={"AAPL_child_model.pt": b"\x00\x01weights", "AAPL_metrics.json": b"{}"},
    model="stockops-child-AAPL",
    model_tags={"weights": "AAPL_child_model.pt", "signature": json.dumps({"inputs": []})},
)
MakeTracker = Callable[[], MlflowTracker]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mlflow_tables: Path) -> Iterator[MlflowServer]:
    running = MlflowServer(tmp_path_factory.mktemp("mlflow"), mlflow_tables)
    running.start()
    yield running
    running.stop()


def tracker(home: Path, uri: str = "", username: str = "", password: str = "") -> MlflowTracker:
    return MlflowTracker(home=home, uri=uri, username=username, password=password)


@pytest.fixture(scope="module", params=["sqlite", "server"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[MlflowTracker, str]:
    """A tracker and the URI at which MLflow clients find its runs."""
    home = tmp_path_factory.mktemp("home")
    if request.param == "server":
        url = request.getfixturevalue("server").url
        return tracker(home, url), url
    return tracker(home), f"sqlite:///{home}/mlruns/mlflow.db"


@pytest.fixture(scope="module")
def recorded(backend: tuple[MlflowTracker, str]) -> tuple[str, MlflowClient]:
    return backend[0].record(RUN), MlflowClient(tracking_uri=backend[1], registry_uri=backend[1])


def test_a_recorded_run_has_its_params_metrics_and_tags(recorded: tuple[str, MlflowClient]) -> None:
    run_id, client = recorded
    run = client.get_run(run_id)
    assert run.info.run_name == "Child_Training_AAPL"
    assert run.info.status == "FINISHED"
    assert (run.info.end_time - run.info.start_time) == 6000
    assert run.data.params == RUN.params
    assert run.data.metrics == {**RUN.metrics, "loss": 0.5, "validation_loss": 0.9, "learning_rate": 1e-3}
    assert RUN.tags.items() <= run.data.tags.items()
    assert client.get_experiment(run.info.experiment_id).name == EXPERIMENT


def test_curves_have_one_point_per_epoch(recorded: tuple[str, MlflowClient]) -> None:
    run_id, client = recorded
    points = [(point.step, point.value) for point in client.get_metric_history(run_id, "validation_loss")]
    assert points == [(0, 1.0), (1, 0.9)]
    assert [point.step for point in client.get_metric_history(run_id, "loss")] == [1]


def test_artifacts_are_downloaded_unchanged(recorded: tuple[str, MlflowClient], tmp_path: Path) -> None:
    run_id, client = recorded
    for name, data in RUN.files.items():
        assert Path(client.download_artifacts(run_id, name, str(tmp_path))).read_bytes() == data


def test_the_production_version_points_to_the_artifacts_of_its_run(recorded: tuple[str, MlflowClient]) -> None:
    run_id, client = recorded
    version = client.get_model_version_by_alias("stockops-child-AAPL", "production")
    assert version.run_id == run_id
    assert version.current_stage == "Production"
    assert version.source == client.get_run(run_id).info.artifact_uri
    assert version.tags == RUN.model_tags


@pytest.mark.parametrize("ticker", ["^GSPC", "BRK-B", "7203.T"])
def test_a_second_version_takes_over_the_alias_and_the_stage(backend: tuple[MlflowTracker, str], ticker: str) -> None:
    client = MlflowClient(tracking_uri=backend[1], registry_uri=backend[1])
    name = f"stockops-child-{ticker}"
    backend[0].record(replace(RUN, model=name))
    second = backend[0].record(replace(RUN, model=name))
    assert client.get_model_version_by_alias(name, "production").run_id == second
    stages = {str(version.version): version.current_stage for version in client.search_model_versions(f"name='{name}'")}
    assert stages == {"1": "Archived", "2": "Production"}


def test_a_run_without_a_model_registers_none(backend: tuple[MlflowTracker, str]) -> None:
    client = MlflowClient(tracking_uri=backend[1], registry_uri=backend[1])
    before = len(client.search_registered_models())
    run_id = backend[0].record(replace(RUN, model=None))
    assert client.get_run(run_id).info.status == "FINISHED"
    assert len(client.search_registered_models()) == before


def test_record_and_check_print_nothing_and_check_returns_the_version(
    backend: tuple[MlflowTracker, str], capfd: pytest.CaptureFixture[str]
) -> None:
    backend[0].record(RUN)
    assert backend[0].check().startswith("3.")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


@pytest.fixture(scope="module")
def home_template(tmp_path_factory: pytest.TempPathFactory, mlflow_tables: Path) -> Path:
    home = tmp_path_factory.mktemp("used")
    copy_tables(mlflow_tables, home)
    tracker(home).record(RUN)
    return home


@pytest.fixture
def used_home(home_template: Path, tmp_path: Path) -> Path:
    """A test's own home with one recorded run."""
    return shutil.copytree(home_template, tmp_path / "used")


def test_long_histories_are_recorded_completely(used_home: Path) -> None:
    history = tuple(EpochLoss(i, 1.0, 1.0, 1e-3) for i in range(700))  # 2,100 points: more than fit into a request
    run_id = tracker(used_home).record(replace(RUN, history=history))
    client = MlflowClient(tracking_uri=f"sqlite:///{used_home}/mlruns/mlflow.db")
    assert len(client.get_metric_history(run_id, "learning_rate")) == 700


def _wait_and_record(make_tracker: MakeTracker, barrier: "threading.Barrier") -> None:
    barrier.wait()
    make_tracker().record(RUN)


def test_processes_recording_at_once_in_an_empty_home_lose_no_run(tmp_path: Path) -> None:
    barrier = forked.context.Barrier(4)
    processes = [forked.start(_wait_and_record, partial(tracker, tmp_path), barrier) for _ in range(4)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id])) == 4
    assert len(client.search_model_versions("name='stockops-child-AAPL'")) == 4


def test_the_next_run_is_recorded_after_a_kill_while_recording(tmp_path: Path) -> None:
    for delay in (0.0, 0.1, 0.2):
        barrier = forked.context.Barrier(2)
        process = forked.start(_wait_and_record, partial(tracker, tmp_path), barrier)
        barrier.wait()
        while process.is_alive() and not (tmp_path / "mlruns/mlflow.db").exists():
            time.sleep(0.01)
        time.sleep(delay)
        process.kill()
        process.join()
    assert tracker(tmp_path).record(RUN)


def record_failure(
    home: Path, uri: str, seconds: float, run: TrainingRun = RUN, username: str = "", password: str = ""
) -> ServiceError:
    started = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        tracker(home, uri, username, password).record(run)
    assert time.monotonic() - started < seconds
    assert caught.value.service == "mlflow"
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    "uri",
    [
        "http://user:sesame@127.0.0.1:9",
        "http://user:sesame/sesame@127.0.0.1:9",
        "postgresql://user:x/sesame@127.0.0.1/m",
        "http://[bad",
        "file:./mlruns",
        "mlruns",
        "ftp://x/y",
    ],
)
def test_an_unusable_address_is_reported_quickly_and_without_secrets(tmp_path: Path, uri: str) -> None:
    assert "sesame" not in str(record_failure(tmp_path, uri, 3))


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_damaged_database_is_reported_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns/mlflow.db").write_bytes(content)
    assert "mlflow.db" in str(record_failure(tmp_path, "", 10))
    with pytest.raises(ServiceError, match=r"mlflow\.db"):
        tracker(tmp_path).check()


def test_a_database_of_a_newer_mlflow_is_rejected(used_home: Path) -> None:
    with sqlite3.connect(used_home / "mlruns/mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    error = record_failure(used_home, "", 3)
    assert "its tables are of a newer release than MLflow 3." in error.message
    assert error.hint == "install the MLflow that wrote it"
    with pytest.raises(ServiceError, match="of a newer release"):
        tracker(used_home).check()


def test_a_database_of_an_older_mlflow_is_rejected_with_the_upgrade_command(used_home: Path) -> None:
    assert "mlflow.db" in tracker(used_home).check()
    with sqlite3.connect(used_home / "mlruns/mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '1bd49d398cd23'")
    with pytest.raises(ServiceError, match=r"are older .* run: mlflow db upgrade sqlite:///.*mlflow\.db"):
        tracker(used_home).check()
    assert "are older" in record_failure(used_home, "", 3).message


def test_a_folder_that_cannot_be_created_is_reported_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("a file")
    assert "mlruns" in str(record_failure(tmp_path, "", 10))


class _OtherServer(BaseHTTPRequestHandler):
    """An HTTP server that is not MLflow; it stores what it is sent."""

    status = 404
    seen: list[tuple[str, str | None]] = []  # noqa: RUF012  replaced for each test

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>go away, sesame</html>")

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[401, 404, 200, 500])
def other_server(request: pytest.FixtureRequest) -> Iterator[str]:
    _OtherServer.status, _OtherServer.seen = request.param, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _OtherServer)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


def test_another_http_server_is_rejected_and_gets_credentials_only_in_a_header(
    other_server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failure = record_failure(tmp_path, other_server, 15, username="anna", password="opensesame")
    assert "opensesame" not in str(failure) + caplog.text
    assert _OtherServer.seen
    for path, authorization in _OtherServer.seen:
        assert "opensesame" not in path
        assert authorization == "Basic YW5uYTpvcGVuc2VzYW1l"
    assert "MLFLOW_TRACKING_PASSWORD" not in os.environ


def test_the_name_of_a_home_may_contain_spaces_and_special_characters(tmp_path: Path) -> None:
    home = tmp_path / "my hoüse #1"
    assert tracker(home).record(RUN)
    assert "mlflow.db" in tracker(home).check()
    assert [path.name for path in tmp_path.iterdir()] == [home.name]


@pytest.mark.parametrize("name", ["a?b", "a%20b"])
def test_a_home_whose_name_does_not_fit_in_an_address_is_reported(tmp_path: Path, name: str) -> None:
    assert "is no address" in str(record_failure(tmp_path / name, "", 3))
    assert list(tmp_path.iterdir()) == []


def test_check_creates_no_file(tmp_path: Path) -> None:
    assert "made by the first training" in tracker(tmp_path).check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [Path.touch, Path.mkdir, os.mkfifo])
def test_a_database_that_is_empty_or_not_a_file_is_reported_and_left_untouched(
    tmp_path: Path, create: Callable[[Path], None]
) -> None:
    path = tmp_path / "mlruns/mlflow.db"
    path.parent.mkdir()
    create(path)
    calls: list[Callable[[], str]] = [lambda: tracker(tmp_path).record(RUN), tracker(tmp_path).check]
    for call in calls:
        with pytest.raises(ServiceError, match=r"is (empty|a folder|a pipe).*move mlflow.db away"):
            call()
    assert path.is_dir() or path.is_fifo() or path.read_bytes() == b""


def test_a_server_that_hangs_or_dies_fails_within_seconds(tmp_path: Path, server: MlflowServer) -> None:
    """The last test of this file: it kills the server that the others share."""
    assert tracker(tmp_path, server.url).record(RUN)
    server.pause()
    assert "no answer in 3 s" in record_failure(tmp_path, server.url, 6).message
    server.resume()
    killer = threading.Timer(0.1, server.kill)
    killer.start()
    long_history = tuple(EpochLoss(i, 1.0, 1.0, 1e-3) for i in range(20_000))
    record_failure(tmp_path, server.url, 20, replace(RUN, history=long_history))
    killer.join()
    record_failure(tmp_path, server.url, 3)
