"""The story of a training: prices -> windows -> learning -> card and pictures -> artifacts."""

import importlib.metadata
import json
import logging
import pickle
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from stockops import __version__
from stockops.forecasting import checkpoint as checkpoints
from stockops.forecasting import scores, transfer
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.device import prepare
from stockops.forecasting.fit import FitConfig, best_epoch
from stockops.forecasting.learning import Learned, Table, learn
from stockops.forecasting.lstm import PriceLSTM
from stockops.market import features
from stockops.market.symbols import MARKET
from stockops.pipelines import models as stored
from stockops.pipelines.prices import Prices, daily
from stockops.ports import BarFeed, ModelStore, Plotter, Progress
from stockops.records import SCHEMA, Clock, Device, ModelRef, Split, Strategy

log = logging.getLogger("stockops.train")

_LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a training was told. epochs None: 20 for the parent, 10 for a child."""

    strategy: Strategy = "freeze"
    split: Split = "random"
    epochs: int | None = None
    seed: int = 7
    device: Device = "auto"
    threads: int = 2
    max_missing: int = 3


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gave: the checkpoint and its artifacts."""

    checkpoint: Checkpoint
    artifacts: tuple[str, ...]
    duration_seconds: float

    def document(self) -> dict[str, Any]:
        """Return the JSON document of `train-*`."""
        card = self.checkpoint.card
        return {
            "schema": SCHEMA,
            "status": "completed",
            "ticker": card["ticker"],
            "run_id": None,
            "strategy": card["strategy"],
            "parent": card["parent"],
            "model_version": self.checkpoint.version,
            "data": card["data"],
            "best_epoch": card["best_epoch"],
            "metrics": card["metrics"],
            "artifacts": list(self.artifacts),
            "duration_seconds": round(self.duration_seconds, 3),
            "degraded": [],
        }


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains models with what it was given: where prices come from, where artifacts go, who watches."""

    feed: BarFeed
    models: ModelStore
    plots: Plotter
    progress: Progress
    clock: Clock
    options: TrainOptions

    def parent(self) -> Trained:
        """Train the market's model and write its artifacts."""
        started = time.monotonic()
        history = self._history(MARKET)
        with self.models.lock(stored.PARENT):
            return self._parent(stored.PARENT, history, started)

    def child(self, ticker: str, place: ModelRef | None = None) -> Trained:
        """Train a ticker's model from the parent, which is trained first when no usable one is there."""
        started = time.monotonic()
        history = self._history(ticker)  # too few rows: said before a parent is trained
        parent = self.parent_checkpoint()
        if self.clock.as_of is None:
            stored.warn_if_ahead(parent, history.prices.last)
        place = place or ModelRef("child", ticker)
        strategy = self.options.strategy
        about = {"strategy": strategy, "parent": parent.summary}
        with self.models.lock(place):
            child = transfer.child_of(parent.model, strategy)
            return self._train(place, child, history, transfer.CHILD[strategy], about, started)

    def parent_checkpoint(self) -> Checkpoint:
        """Return the parent this call may use; train it when there is none."""
        if found := self._find_parent():
            return found
        started = time.monotonic()
        place = stored.place_for_healing(stored.PARENT, models=self.models, as_of=self.clock.as_of)
        history = self._history(MARKET)
        log.info("no parent model that this call may use: training %s first", MARKET)
        with self.models.lock(place):
            if found := self._find_parent():  # another process trained it while this one waited
                return found
            return self._parent(place, history, started).checkpoint

    def _find_parent(self) -> Checkpoint | None:
        found = stored.find(stored.PARENT, models=self.models, as_of=self.clock.as_of)
        return found[1] if found else None

    def _history(self, ticker: str) -> "_History":
        given = self.options
        prices = daily(ticker, feed=self.feed, clock=self.clock, max_missing=given.max_missing)
        return _History(prices, Table.of(ticker, prices.bars, split=given.split, seed=given.seed))

    def _parent(self, place: ModelRef, history: "_History", started: float) -> Trained:
        torch.manual_seed(self.options.seed)  # the first weights
        return self._train(place, PriceLSTM(), history, transfer.PARENT, {"strategy": None, "parent": None}, started)

    def _train(
        self,
        place: ModelRef,
        model: PriceLSTM,
        history: "_History",
        default: FitConfig,
        about: dict[str, Any],
        started: float,
    ) -> Trained:
        """Learn, describe, write: the same for the parent and both kinds of child."""
        config = replace(default, epochs=self.options.epochs) if self.options.epochs else default
        model.to(prepare(self.options.device, self.options.threads))
        with self.progress.epochs(f"{place.kind} {place.ticker}", config.epochs) as on_epoch:
            learned = learn(model, history.table, config, seed=self.options.seed, on_epoch=on_epoch)
        card = {
            "kind": place.kind,
            "ticker": place.ticker,
            **about,
            "data": history.prices.summary,
            "features": list(features.FEATURES),
            "config": asdict(model.config),
            "fit": asdict(config),
            "split": self.options.split,
            "seed": self.options.seed,
            "best_epoch": best_epoch(learned.history).epoch,
            "history": [asdict(epoch) for epoch in learned.history],
            "metrics": scores.summary(learned.evaluation),
            "libraries": {"stockops": __version__} | {name: importlib.metadata.version(name) for name in _LIBRARIES},
        }
        checkpoint = checkpoints.seal(model, card)
        artifacts = self._write(place, checkpoint, learned)
        return Trained(checkpoint, artifacts, time.monotonic() - started)

    def _write(self, place: ModelRef, checkpoint: Checkpoint, learned: Learned) -> tuple[str, ...]:
        """Write every artifact; the checkpoint comes after what describes it, so who finds it finds all."""
        skill = checkpoint.card["metrics"]["skill"]["RMSE"]
        files = {
            f"{place.kind}_scaler.pkl": pickle.dumps(learned.scaler, protocol=4),  # for notebooks; never read back
            "metrics.json": _json(_metrics_document(checkpoint)),
            "predictions.png": self.plots.predictions(learned.evaluation, skill),
            "residuals.png": self.plots.residuals(learned.evaluation, skill),
            place.checkpoint: checkpoints.pack(checkpoint),
            f"{place.kind}_model.json": _json({"schema": SCHEMA, **checkpoint.card}),
        }
        return self.models.write(place, files)


@dataclass(frozen=True, slots=True)
class _History:
    """The prices of one symbol and the table made of them."""

    prices: Prices
    table: Table


def _metrics_document(checkpoint: Checkpoint) -> dict[str, Any]:
    card = checkpoint.card
    return {
        "schema": SCHEMA,
        "ticker": card["ticker"],
        "model_version": checkpoint.version,
        "data": card["data"],
        **card["metrics"],
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()
