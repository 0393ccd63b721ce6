"""Models for backtests: each is trained once, even when tickers are backtested concurrently."""

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

MakeTrainer = Callable[..., BacktestModelTrainer]


@pytest.fixture
def make_trainer(tmp_path: Path) -> MakeTrainer:
    def make(seconds: float = 60) -> BacktestModelTrainer:
        return BacktestModelTrainer(
            FileBlobCache(tmp_path, seconds), ProgressBars(shown=False), TrainOptions(epochs=1, threads=1)
        )

    return make


@pytest.fixture
def market() -> Prices:
    return Prices(MARKET, "csv", bars(230), calendar.of(MARKET))


def training_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("training")]


@pytest.mark.slow
def test_concurrent_backtests_train_a_shared_parent_once(
    make_trainer: MakeTrainer, market: Prices, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stockops.backtest")
    with ThreadPoolExecutor(2) as pool:
        parents: list[Checkpoint] = list(pool.map(lambda _: make_trainer().parent(market), range(2)))
    assert len({parent.version for parent in parents}) == 1
    assert len(training_lines(caplog)) == 1


@pytest.mark.slow
def test_a_different_history_trains_a_different_model(
    make_trainer: MakeTrainer, market: Prices, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stockops.backtest")
    make_trainer().parent(market)
    make_trainer().parent(Prices(MARKET, "csv", bars(231), calendar.of(MARKET)))
    assert len(training_lines(caplog)) == 2


def test_a_lock_timeout_raises_try_again_error(make_trainer: MakeTrainer, market: Prices) -> None:
    trainer = make_trainer()
    table = training_job.table(market, market.as_market, trainer.options)
    key = trainer._key(PARENT, market, table, None)
    with trainer.blob_cache.lock(key), pytest.raises(TryAgainError, match="another process is making"):
        make_trainer(seconds=0.1).parent(market)
