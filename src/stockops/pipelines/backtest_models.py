"""Models trained for backtests: never served, and cached so that none is trained twice."""

import functools
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources

from stockops import __version__
from stockops.errors import DataError, ModelDamagedError
from stockops.forecasting.checkpoint import Checkpoint, deserialize, serialize
from stockops.forecasting.covariates import Market
from stockops.forecasting.trainer import TrainingSet
from stockops.pipelines import training_job
from stockops.pipelines.prices import Prices
from stockops.pipelines.training_job import TrainingJob
from stockops.ports import BlobCache, Progress
from stockops.records import PARENT, ModelRef, Strategy, TrainOptions

log = logging.getLogger("stockops.backtest")


@dataclass(frozen=True, slots=True)
class BacktestModelTrainer:
    """Trains models on the given data and nothing else.

    blob_cache: earlier models, keyed by a digest of everything that they were made from; so a cached model is the one
    that would be trained.
    """

    blob_cache: BlobCache
    progress: Progress
    options: TrainOptions

    def with_strategy(self, strategy: Strategy) -> "BacktestModelTrainer":
        """Return the same trainer with another strategy for children."""
        return replace(self, options=replace(self.options, strategy=strategy))

    def parent(self, market: Prices, others: Sequence[Prices] = ()) -> Checkpoint:
        """Return a parent trained on this history of the market, and on any others."""
        return self._train_cached(PARENT, market, market.as_market, None, others)

    def child(self, prices: Prices, market: Market, parent: Checkpoint) -> Checkpoint:
        """Return a child trained on this history, or inherited from the parent if the ticker is too young."""
        place = ModelRef("child", prices.symbol)
        if training_job.is_young(prices):
            return training_job.Inheritance(place, prices, market, parent).child(self.options)
        return self._train_cached(place, prices, market, parent)

    def from_scratch(self, prices: Prices, market: Market) -> Checkpoint:
        """Return a model trained on this history alone, without a parent, for as many epochs as a parent."""
        return self._train_cached(ModelRef("child", prices.symbol), prices, market, None)

    def _train_cached(
        self,
        place: ModelRef,
        prices: Prices,
        market: Market,
        parent: Checkpoint | None,
        others: Sequence[Prices] = (),
    ) -> Checkpoint:
        table = training_job.table(prices, market, self.options)
        key = self._key(place, prices, table, parent, others)
        with self.blob_cache.lock(key):  # another ticker with the same start needs the same parent
            if found := self._cached(place, key):
                return found
            checkpoint = self._train(self._job(place, prices, market, table, parent, others))
            self.blob_cache.put(key, serialize(checkpoint))
            return checkpoint

    def _job(
        self,
        place: ModelRef,
        prices: Prices,
        market: Market,
        table: TrainingSet,
        parent: Checkpoint | None,
        others: Sequence[Prices],
    ) -> TrainingJob:
        options = self.options
        if parent is not None:
            return training_job.transfer(place, prices, table, parent, options)
        if not others:
            return training_job.from_scratch(place, prices, table, options)
        tables = training_job.tables(others, market, options, _leave_out)  # those still too short then
        return training_job.from_many(place, prices, table, tables, len(others), options)

    def _train(self, job: TrainingJob) -> Checkpoint:
        sessions, last = len(job.prices.bars), job.prices.last
        log.info("training %s on %s sessions to %s", job.label, sessions, last)
        with self.progress.epochs(job.label, job.fit.epochs) as on_epoch:
            checkpoint, _ = job.train(self.options, on_epoch)
        return checkpoint

    def _cached(self, place: ModelRef, key: str) -> Checkpoint | None:
        data = self.blob_cache.get(key)
        if data is None:
            return None
        try:
            return deserialize(data, place, key)
        except ModelDamagedError as exc:
            log.warning("%s: it is trained anew", exc.message)
            return None

    def _key(
        self,
        place: ModelRef,
        prices: Prices,
        table: TrainingSet,
        parent: Checkpoint | None,
        others: Sequence[Prices] = (),
    ) -> str:
        recipe = {
            "release": __version__,
            "code": _code(),
            "place": [place.kind, place.ticker],
            "parent": parent.version if parent else None,
            "source": prices.source,
            "bars": prices.digest,
            "covariates": table.covariates.digest,
            "others": [[other.symbol, other.digest] for other in others],
            "options": asdict(self.options) | {"strategy": self.options.strategy if parent else None, "universe": None},
        }
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32] + ".pt"


def _leave_out(_: str, why: DataError) -> None:
    log.info("left out of what the parent learns from: %s", why.message)


@functools.cache
def _code() -> str:
    """Return a digest of the code that turns a history into a model, so that changed code retrains."""
    digest = hashlib.sha256()
    for package in ("stockops.forecasting", "stockops.market"):
        for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()
