"""Models for backtests: the same one is trained once, also by tickers that are tested at the same time."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stockops.adapters.storage.blob_cache import FileBlobCache
from stockops.console.progress import ProgressBars
from stockops.errors import TryAgainError
from stockops.forecasting.checkpoint import Checkpoint
from stockops.market import calendar
from stockops.pipelines import training_job
from stockops.pipelines.backtest_models import BacktestModelTrainer
from stockops.pipelines.prices import Prices
from stockops.records import MARKET, PARENT, TrainOptions
from tests.builders import bars

Making = Callable[..., BacktestModelTrainer]


@pytest.fixture
def trainers(tmp_path: Path) -> Making:
    def make(seconds: float = 60) -> BacktestModelTrainer:
        return BacktestModelTrainer(
            FileBlobCache(tmp_path, seconds), ProgressBars(shown=False), TrainOptions(epochs=1, threads=1)
        )

    return make


@pytest.fixture
def market() -> Prices:
    return Prices(MARKET, "csv", bars(230), calendar.of(MARKET))


def trainings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("training")]


@pytest.mark.slow
def test_two_that_need_the_same_parent_at_once_train_it_once(
    trainers: Making, market: Prices, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stockops.backtest")
    with ThreadPoolExecutor(2) as both:
        found: list[Checkpoint] = list(both.map(lambda _: trainers().parent(market), range(2)))
    assert len({checkpoint.version for checkpoint in found}) == 1
    assert len(trainings(caplog)) == 1


@pytest.mark.slow
def test_another_history_is_another_model(trainers: Making, market: Prices, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "stockops.backtest")
    trainers().parent(market)
    trainers().parent(Prices(MARKET, "csv", bars(231), calendar.of(MARKET)))
    assert len(trainings(caplog)) == 2


def test_who_waits_too_long_is_told_to_try_again(trainers: Making, market: Prices) -> None:
    slow = trainers()
    table = training_job.table(market, market.as_market, slow.options)
    key = slow._key(PARENT, market, table, None)
    with slow.blob_cache.lock(key), pytest.raises(TryAgainError, match="another process is making"):
        trainers(seconds=0.1).parent(market)
