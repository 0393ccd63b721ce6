import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.integration.cli import SAMPLE, Cli, prepare
from tests.price_builders import PriceFiles, history
from tests.servers import PushgatewayServer, RedisServer


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis shared by the tests of one file, which must flush what they store."""
    running = RedisServer(tmp_path_factory.mktemp("redis"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushgatewayServer]:
    """A pushgateway shared by the tests of one file, which must delete what they push."""
    running = PushgatewayServer(tmp_path_factory.mktemp("gateway"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def cli(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A CLI with the sample data and an empty home."""
    called = Cli(tmp_path, capfd, monkeypatch)
    called.setenv(**SAMPLE)
    return called


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that one process fills for all test processes of a run; copy from it, never write to it."""
    run = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    folder, made = run / name, run / f"{name}.made"
    with FileLock(run / f"{name}.lock"):
        if not made.exists():
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a parent and a child of AAPL; copy it, never write to it."""

    def train(home: Path) -> None:
        prepare(home, ("train-child", "--ticker", "AAPL"))
        for left in (home / "outputs").glob("*.db*"):  # start without recorded metrics and forecasts
            left.unlink()

    return _made_once(tmp_path_factory, "trained_home", train)


@pytest.fixture(scope="session")
def mlflow_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nothing but MLflow's tables, whose creation takes a second; copy it, never write to it."""

    def create(folder: Path) -> None:
        from mlflow import MlflowClient

        folder.mkdir()
        MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db").search_experiments()

    return _made_once(tmp_path_factory, "mlflow_tables", create) / "mlflow.db"


@pytest.fixture
def trained(cli: Cli, trained_home: Path) -> Cli:
    """A CLI with its own copy of a home that has a parent and a child of AAPL."""
    shutil.copytree(trained_home, cli.home, dirs_exist_ok=True)
    return cli


@pytest.fixture
def files(trained: Cli) -> PriceFiles:
    """A folder of price files, and a CLI that reads them."""
    return PriceFiles(trained)


@pytest.fixture(scope="module")
def _forecast_once() -> dict[str, Any]:
    return {}


@pytest.fixture
def plain(files: PriceFiles, _forecast_once: dict[str, Any]) -> dict[str, Any]:
    """The forecast from an unmodified file of `history()`, made once for the tests of one file."""
    if not _forecast_once:
        _forecast_once.update(files.forecast(history())[0])
    return _forecast_once
