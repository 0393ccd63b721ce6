"""Feast's own command line, run in a clone's `feature_store/` on features written by stockops."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import redis

from stockops.adapters.feast.feature_store import FeastStore
from stockops.market import calendar, features
from tests.builders import bars
from tests.integration.adapters.feast_program import FeastProgram
from tests.places import ROOT
from tests.servers import RedisServer

Feast = Callable[..., None]


@pytest.fixture
def table() -> pd.DataFrame:
    rows = features.add(bars(60))
    return rows.set_axis(calendar.of("AAPL").closes(pd.DatetimeIndex(rows.index)))


@pytest.fixture
def home(tmp_path: Path, table: pd.DataFrame) -> Path:
    """A home laid out like a clone, with nothing but offline features."""
    FeastStore(home=tmp_path, redis_url="", timeout_seconds=1).write("AAPL", table)
    for name in ("feature_store.yaml", "features.py"):
        shutil.copy(ROOT / "feature_store" / name, tmp_path / "feature_store")
    for name in ("registry.db", "online_store.db"):
        (tmp_path / "feature_store" / "data" / name).unlink()
    return tmp_path


@pytest.fixture(scope="module")
def program() -> Iterator[FeastProgram]:
    running = FeastProgram()
    yield running
    running.close()


@pytest.fixture
def feast(program: FeastProgram, home: Path) -> Feast:
    """Runs Feast's command line in the folder where a user would."""
    return partial(program, home / "feature_store")


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"


def assert_online(home: Path, url: str, table: pd.DataFrame) -> None:
    vector = FeastStore(home=home, redis_url=url, timeout_seconds=1).latest("AAPL")
    assert vector is not None
    assert vector.event_time == table.index[-1]
    assert dict(vector.values) == table.iloc[-1].to_dict()


def test_feast_applies_and_materialises_features_written_by_stockops(
    feast: Feast, home: Path, table: pd.DataFrame
) -> None:
    feast("apply")
    feast("materialize-incremental", now())
    assert_online(home, "", table)
    assert not FeastStore(home=home, redis_url="", timeout_seconds=1).apply()  # stockops has the same definitions


def test_files_of_an_earlier_release_still_work(feast: Feast, home: Path, table: pd.DataFrame) -> None:
    for name in ("feature_store.yaml", "features.py"):
        file = home / "feature_store" / name
        text = file.read_text().replace("stockops.adapters.feast.", "stockops.adapters.feast_")
        file.write_text(
            text.replace("adapters.feast import definitions", "adapters import feast_definitions as definitions")
        )
    assert "feast_" in (home / "feature_store" / "features.py").read_text()
    feast("apply")
    feast("materialize-incremental", now())
    assert_online(home, "", table)
    assert not FeastStore(home=home, redis_url="", timeout_seconds=1).apply()


def test_feast_materialises_into_the_redis_that_stockops_reads(feast: Feast, home: Path, table: pd.DataFrame) -> None:
    server = RedisServer(home / "redis")
    server.start()
    try:
        FeastStore(home=home, redis_url="", timeout_seconds=1).materialize(datetime.now(UTC))
        (home / ".env").write_text(f"REDIS_HOST=127.0.0.1\nREDIS_PORT={server.port}\n")
        feast("materialize-incremental", now())
        assert len(redis.Redis.from_url(server.url).keys()) == 1
        assert_online(home, server.url, table)
    finally:
        server.stop()
