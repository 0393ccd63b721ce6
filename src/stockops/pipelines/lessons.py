"""A lesson: what one model is to learn from, and the checkpoint that comes of it. No file is touched."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from stockops import __version__
from stockops.forecasting import checkpoint as checkpoints
from stockops.forecasting import recipes, scores, transfer
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.device import prepare
from stockops.forecasting.fit import best_epoch
from stockops.forecasting.learning import Learned, Table, learn
from stockops.forecasting.lstm import PriceLSTM
from stockops.forecasting.recipes import FitConfig
from stockops.market import features
from stockops.pipelines.prices import Prices
from stockops.records import EpochLoss, ModelRef, TrainOptions

_LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Lesson:
    """Prices, the table made of them, the model that is to learn, how, and what its card says of its origin."""

    place: ModelRef
    prices: Prices
    table: Table
    model: PriceLSTM
    fit: FitConfig
    about: dict[str, Any]

    @property
    def label(self) -> str:
        """What a progress bar calls it."""
        return f"{self.place.kind} {self.place.ticker}"

    def learn(self, options: TrainOptions, on_epoch: Callable[[EpochLoss], None]) -> tuple[Checkpoint, Learned]:
        """Return the checkpoint of the trained model, and what learning left beside it."""
        model = self.model.to(prepare(options.device, options.threads))
        learned = learn(model, self.table, self.fit, seed=options.seed, on_epoch=on_epoch)
        return checkpoints.seal(model.weights(), self._card(options, learned)), learned

    def _card(self, options: TrainOptions, learned: Learned) -> dict[str, Any]:
        ticker, parent = self.place.ticker, self.about["parent"]
        return {
            "kind": self.place.kind,
            "ticker": ticker,
            **self.about,
            "data": self.prices.summary,
            "bars": self.prices.digest,
            "features": list(features.FEATURES),
            "config": asdict(self.model.config),
            "fit": asdict(self.fit),
            "split": options.split,
            "seed": options.seed,
            "best_epoch": best_epoch(learned.history).epoch,
            "history": [asdict(epoch) for epoch in learned.history],
            "shrinkage": learned.shrinkage,
            "ranges_from": ticker if learned.own_ranges else parent["ticker"],
            "metrics": scores.summary(learned.evaluation),
            "libraries": {"stockops": __version__} | {name: importlib.metadata.version(name) for name in _LIBRARIES},
        }


def table(prices: Prices, options: TrainOptions) -> Table:
    """Return the windows of a history; DataError when they are too few."""
    return Table.of(prices.symbol, prices.bars, split=options.split, seed=options.seed)


def from_nothing(place: ModelRef, prices: Prices, table: Table, options: TrainOptions) -> Lesson:
    """Return the lesson of a model without a parent: the parent itself, or a child that is to do without one."""
    torch.manual_seed(options.seed)  # the first weights
    about = {"strategy": None, "parent": None}
    return Lesson(place, prices, table, PriceLSTM(), recipes.of(recipes.PARENT, options), about)


def from_parent(place: ModelRef, prices: Prices, table: Table, parent: Checkpoint, options: TrainOptions) -> Lesson:
    """Return the lesson of a child."""
    child = transfer.child_of(parent, options.strategy)
    about = {"strategy": options.strategy, "parent": parent.summary}
    return Lesson(place, prices, table, child, recipes.of(recipes.CHILD[options.strategy], options), about)
