"""The story of a training: prices -> windows -> learning -> card and pictures -> artifacts -> tracker."""

import importlib.metadata
import json
import logging
import pickle
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from stockops import __version__
from stockops.best_effort import BestEffort
from stockops.forecasting import checkpoint as checkpoints
from stockops.forecasting import scores, transfer
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.device import prepare
from stockops.forecasting.fit import FitConfig, best_epoch
from stockops.forecasting.learning import Learned, Table, learn
from stockops.forecasting.lstm import PriceLSTM
from stockops.market import features
from stockops.monitoring import catalogue
from stockops.pipelines import feature_history
from stockops.pipelines import models as stored
from stockops.pipelines.meter import Meter
from stockops.pipelines.models import Found
from stockops.pipelines.prices import Prices, daily
from stockops.pipelines.tracking import run_of
from stockops.ports import BarFeed, FeatureStore, ModelStore, Plotter, Progress, Tracker
from stockops.records import PARENT, SCHEMA, Clock, Device, ModelRef, Split, Strategy, TrainingRun

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
    """What a training gave: the checkpoint, its artifacts, its run in the tracker, and what did not serve."""

    checkpoint: Checkpoint
    artifacts: tuple[str, ...]
    run_id: str | None
    duration_seconds: float
    degraded: list[str]

    def document(self) -> dict[str, Any]:
        """Return the JSON document of `train-*`."""
        card = self.checkpoint.card
        return {
            "schema": SCHEMA,
            "status": "completed",
            "ticker": card["ticker"],
            "run_id": self.run_id,
            "strategy": card["strategy"],
            "parent": card["parent"],
            "model_version": self.checkpoint.version,
            "data": card["data"],
            "best_epoch": card["best_epoch"],
            "metrics": card["metrics"],
            "artifacts": list(self.artifacts),
            "duration_seconds": round(self.duration_seconds, 3),
            "degraded": self.degraded,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Trains models with what it was given: where prices come from, where artifacts go, who watches.

    features, tracker: None where they are switched off.
    """

    feed: BarFeed
    models: ModelStore
    features: FeatureStore | None
    tracker: Tracker | None
    plots: Plotter
    progress: Progress
    effort: BestEffort
    meter: Meter
    clock: Clock
    options: TrainOptions

    def train(self, ref: ModelRef) -> Trained:
        """Train a model anew, its parent first where no usable one is there, and write its artifacts."""
        started = time.monotonic()
        lesson = self._prepare(ref)
        with self.models.lock(ref):
            return self._train(ref, lesson, started)

    def heal(self, ref: ModelRef) -> Found:
        """Return the model that this call may use; train it where there is none and no other process does so."""
        if found := self.find(ref):
            return found
        started = time.monotonic()
        place = stored.place_for_healing(ref, models=self.models, as_of=self.clock.as_of)
        log.info("no %s model of %s that this call may use: training it first", ref.kind, ref.ticker)
        lesson = self._prepare(place)
        with self.models.lock(place):
            if not self.find(ref):  # another process may have trained it while this one waited
                self._train(place, lesson, started)
        found = self.find(ref)
        if found is None:
            raise stored.missing(ref, self.clock.as_of)
        return found

    def find(self, ref: ModelRef) -> Found | None:
        """Return the model that this call may use, None where there is none."""
        return stored.find(ref, models=self.models, as_of=self.clock.as_of)

    def prices(self, ticker: str) -> Prices:
        """Return the prices that this call may see."""
        return daily(ticker, feed=self.feed, clock=self.clock, max_missing=self.options.max_missing)

    def _prepare(self, place: ModelRef) -> "_Lesson":
        prices = self.prices(place.ticker)  # too few rows: said before a parent is trained
        table = Table.of(place.ticker, prices.bars, split=self.options.split, seed=self.options.seed)
        if place.kind == "parent":
            torch.manual_seed(self.options.seed)  # the first weights
            return _Lesson(prices, table, PriceLSTM(), transfer.PARENT, {"strategy": None, "parent": None})
        parent = self.heal(PARENT).checkpoint
        if self.clock.as_of is None:
            stored.warn_if_ahead(parent, prices.last)
        strategy = self.options.strategy
        child = transfer.child_of(parent.model, strategy)
        about = {"strategy": strategy, "parent": parent.summary}
        return _Lesson(prices, table, child, transfer.CHILD[strategy], about)

    def _train(self, place: ModelRef, lesson: "_Lesson", started: float) -> Trained:
        """Learn, describe, write, record: the same for the parent and both kinds of child."""
        config = replace(lesson.fit, epochs=self.options.epochs) if self.options.epochs else lesson.fit
        model = lesson.model.to(prepare(self.options.device, self.options.threads))
        with self.progress.epochs(f"{place.kind} {place.ticker}", config.epochs) as on_epoch:
            learned = learn(model, lesson.table, config, seed=self.options.seed, on_epoch=on_epoch)
        checkpoint = checkpoints.seal(model, self._card(place, lesson, config, learned))
        files = self._files(place, checkpoint, learned)
        artifacts = self.models.write(place, files)
        run_id = self._publish(
            lesson.prices, run_of(place, checkpoint, files, learned.history, time.monotonic() - started)
        )
        seconds = time.monotonic() - started
        self.meter.add(catalogue.observe("training_duration_seconds", seconds, task_id=place.task))
        return Trained(checkpoint, artifacts, run_id, seconds, self.effort.degraded)

    def _publish(self, prices: Prices, run: TrainingRun) -> str | None:
        """Tell the feature store and the tracker, each of which may fail; the model is written already."""
        features, tracker = self.features, self.tracker
        if features and run.model:  # a model kept apart looks back: its features would hide today's
            self.effort.attempt(features, lambda: feature_history.keep(prices, features))
        return self.effort.attempt(tracker, lambda: tracker.record(run)) if tracker else None

    def _card(self, place: ModelRef, lesson: "_Lesson", config: FitConfig, learned: Learned) -> dict[str, Any]:
        return {
            "kind": place.kind,
            "ticker": place.ticker,
            **lesson.about,
            "data": lesson.prices.summary,
            "features": list(features.FEATURES),
            "config": asdict(lesson.model.config),
            "fit": asdict(config),
            "split": self.options.split,
            "seed": self.options.seed,
            "best_epoch": best_epoch(learned.history).epoch,
            "history": [asdict(epoch) for epoch in learned.history],
            "metrics": scores.summary(learned.evaluation),
            "libraries": {"stockops": __version__} | {name: importlib.metadata.version(name) for name in _LIBRARIES},
        }

    def _files(self, place: ModelRef, checkpoint: Checkpoint, learned: Learned) -> dict[str, bytes]:
        """Return every artifact; the checkpoint comes after what describes it, so who finds it finds all."""
        skill = checkpoint.card["metrics"]["skill"]["RMSE"]
        return {
            f"{place.kind}_scaler.pkl": pickle.dumps(learned.scaler, protocol=4),  # for notebooks; never read back
            "metrics.json": _json(_metrics_document(checkpoint)),
            "predictions.png": self.plots.predictions(learned.evaluation, skill),
            "residuals.png": self.plots.residuals(learned.evaluation, skill),
            place.checkpoint: checkpoints.pack(checkpoint),
            f"{place.kind}_model.json": _json({"schema": SCHEMA, **checkpoint.card}),
        }


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What a training starts from: prices, the table made of them, the model, how to fit it, what to say of it."""

    prices: Prices
    table: Table
    model: PriceLSTM
    fit: FitConfig
    about: dict[str, Any]


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
