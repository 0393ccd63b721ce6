import os
import shutil
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a parent and a child of AAPL, trained once for all test processes; copy it, never write to it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of every process of this run
    home, made = folder / "trained_home", folder / "trained_home.made"
    with FileLock(folder / "trained_home.lock"):
        if not made.exists():
            prepare(home, ("train-child", "--ticker", "AAPL"))
            for left in (home / "outputs").glob("*.db*"):  # start without recorded metrics and forecasts
                left.unlink()
            made.touch()
    return home


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
