"""The story of a training: prices -> training job -> checkpoint and pictures -> artifacts -> tracker."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from stockops.backtesting import summary
from stockops.best_effort import BestEffort
from stockops.forecasting import checkpoint as checkpoints
from stockops.forecasting.checkpoint import Checkpoint
from stockops.monitoring import catalogue
from stockops.pipelines import feature_sync, freshness, latest_backtest
from stockops.pipelines import model_resolver as stored
from stockops.pipelines.metrics_recorder import MetricsRecorder
from stockops.pipelines.model_resolver import ResolvedModel
from stockops.pipelines.prices import PriceHistory, Prices
from stockops.pipelines.tracking import build_training_run
from stockops.ports import FeatureStore, ModelStore, Plotter, Progress, Tracker
from stockops.records import PARENT, SCHEMA, Clock, ModelRef, TrainingRun, TrainOptions

if TYPE_CHECKING:
    from stockops.forecasting.trainer import TrainingResult
    from stockops.pipelines.training_job import Inheritance, TrainingJob

log = logging.getLogger("stockops.train")


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gave: the checkpoint, its artifacts, its run in the tracker, and what did not serve.

    location: the folder that the model lies in, below the home. data: what the prices are. backtest: what the last one
    of this ticker says of the method, None where there is none.
    """

    checkpoint: Checkpoint
    location: str
    data: dict[str, Any]
    backtest: dict[str, Any] | None
    artifacts: tuple[str, ...]
    run_id: str | None
    duration_seconds: float
    degraded: list[str]

    def document(self, status: Literal["completed", "fresh"] = "completed") -> dict[str, Any]:
        """Return the JSON document of `train-*`; `fresh` is a model that was left as it is."""
        card = self.checkpoint.card
        return {
            "schema": SCHEMA,
            "status": status,
            "ticker": card["ticker"],
            "run_id": self.run_id,
            "strategy": card["strategy"],
            "parent": card["parent"],
            "model_version": self.checkpoint.version,
            "location": self.location,
            "data": self.data,
            "best_epoch": card["best_epoch"],
            "ranges_from": card["ranges_from"],
            "metrics": card["metrics"],
            "backtest": self.backtest,
            "artifacts": list(self.artifacts),
            "duration_seconds": round(self.duration_seconds, 3),
            "degraded": self.degraded,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Trains models with what it was given: which prices, where artifacts go, who watches.

    features, tracker: None where they are switched off. replace: a model that is trained by name, looking back, may
    replace one of later sessions.
    """

    history: PriceHistory
    models: ModelStore
    features: FeatureStore | None
    tracker: Tracker | None
    plots: Plotter
    progress: Progress
    effort: BestEffort
    meter: MetricsRecorder
    clock: Clock
    options: TrainOptions
    replace: bool = False

    def train(self, ref: ModelRef) -> Trained:
        """Train a model anew, its parent first where no usable one is there, and write its artifacts.

        A training that looks back leaves a model of later sessions where it is, unless it is told to replace it.
        """
        started = time.monotonic()
        job = self._prepare(ref)
        with self._held(ref, None if self.replace else self.clock.as_of) as place:
            self._say_what_stays(ref, place, job.prices.last)
            return self._train(place, job, started)

    def fresh(self, ref: ModelRef) -> Trained | None:
        """Return the model of a child that a training would only make again, None where there is none."""
        started = time.monotonic()
        found = freshness.fresh(ref, history=self.history, models=self.models, options=self.options)
        if found is None:
            return None
        checkpoint = found.model.checkpoint
        log.info("%s: its model is whole and current: left as it is", ref.ticker)
        seconds = time.monotonic() - started
        location = self._location(found.model.place)
        return Trained(checkpoint, location, found.data, None, (), None, seconds, self.effort.degraded)

    def heal(self, ref: ModelRef) -> ResolvedModel:
        """Return the model that this call may use; train it where there is none and no other process does so."""
        if found := self.find(ref):
            return found
        started = time.monotonic()
        log.info("no %s model of %s that this call may use: training it first", ref.kind, ref.ticker)
        job = self._prepare(ref)
        with self._held(ref, self.clock.as_of) as place:
            if not self.find(ref):  # another process may have trained it while this one waited
                self._say_what_stays(ref, place, job.prices.last)
                self._train(place, job, started)
        found = self.find(ref)
        if found is None:
            raise stored.missing(ref, models=self.models, as_of=self.clock.as_of)
        return found

    def find(self, ref: ModelRef) -> ResolvedModel | None:
        """Return the model that this call may use, None where there is none."""
        return stored.find(ref, models=self.models, as_of=self.clock.as_of)

    @contextmanager
    def _held(self, ref: ModelRef, as_of: date | None) -> Iterator[ModelRef]:
        """Give the place that a model is trained for, locked; where another process filled it meanwhile, the next."""
        place = stored.place_for_training(ref, models=self.models, as_of=as_of)
        with self.models.lock(place):
            now = stored.place_for_training(ref, models=self.models, as_of=as_of)
            if now == place:
                yield place
                return
        with self.models.lock(now):
            yield now

    def _say_what_stays(self, ref: ModelRef, place: ModelRef, last: date) -> None:
        """Say what becomes of a model of later sessions: it stays, or was meant to be replaced."""
        if stored.place_for_training(ref, models=self.models, as_of=last) == ref:
            return
        name = self.models.name(ref, ref.checkpoint)
        if place == ref:
            log.warning("%s was trained on later sessions: it is replaced by a model that ends on %s", name, last)
        else:
            where = self._location(place)
            log.warning("%s was trained on later sessions and stays; this model goes to %s", name, where)

    def _location(self, place: ModelRef) -> str:
        return PurePosixPath(self.models.name(place, place.checkpoint)).parent.as_posix()

    def _prepare(self, ref: ModelRef) -> "TrainingJob | Inheritance":
        from stockops.pipelines import training_job  # torch, which a forecast that finds its model does without

        prices = self.history.daily(ref.ticker)
        young = ref.kind == "child" and training_job.is_young(prices)  # too few rows: said before a parent is trained
        market = self.history.market(prices)
        if young:
            return training_job.Inheritance(ref, prices, market, self._parent_of(prices))
        table = training_job.table(prices, market, self.options)
        if ref.kind == "parent" and self.options.universe:
            universe = self.history.universe(self.options.universe)
            tables = training_job.tables(universe, market, self.options, self.history.leave_out)
            return training_job.from_many(ref, prices, table, tables, len(self.options.universe), self.options)
        if ref.kind == "parent":
            return training_job.from_scratch(ref, prices, table, self.options)
        return training_job.from_parent(ref, prices, table, self._parent_of(prices), self.options)

    def _parent_of(self, prices: Prices) -> Checkpoint:
        """Return the parent of a child of these prices, trained first where there is none."""
        parent = self.heal(PARENT).checkpoint
        if self.clock.as_of is None:
            stored.warn_if_ahead(parent, prices.last)
        stored.doubt_parent(parent, prices, self.effort)
        return parent

    def _train(self, place: ModelRef, job: "TrainingJob | Inheritance", started: float) -> Trained:
        """Learn or inherit, write, record: the same for the parent and every kind of child."""
        checkpoint, learned = self._learnt(job)
        prices = job.prices
        backtest = latest_backtest.of_model(place, checkpoint, prices, self.models)
        files = self._files(place, checkpoint, learned, prices.currency, backtest)
        artifacts = self.models.write(place, files)
        history = learned.history if learned else []
        run = build_training_run(place, checkpoint, files, history, time.monotonic() - started, backtest)
        run_id = self._publish(prices, run)
        seconds = time.monotonic() - started
        self.meter.add(catalogue.observe("training_duration_seconds", seconds, task_id=place.task))
        location, degraded = self._location(place), self.effort.degraded
        return Trained(checkpoint, location, prices.document, backtest, artifacts, run_id, seconds, degraded)

    def _learnt(self, job: "TrainingJob | Inheritance") -> "tuple[Checkpoint, TrainingResult | None]":
        """Return the checkpoint, and what learning left beside it: nothing where there was too little to learn from."""
        from stockops.pipelines.training_job import Inheritance

        ticker = job.place.ticker
        if isinstance(job, Inheritance):
            log.warning(
                "%s: too young for a model of its own, its parent forecasts it as it is; %d more sessions make it one",
                ticker,
                job.waits_for,
            )
            return job.child(self.options), None
        with self.progress.epochs(job.label, job.fit.epochs) as on_epoch:
            checkpoint, learned = job.learn(self.options, on_epoch)
        if not learned.own_ranges:
            log.warning("%s: too short a history for ranges of its own: they began as its parent's", ticker)
        return checkpoint, learned

    def _publish(self, prices: Prices, run: TrainingRun) -> str | None:
        """Tell the feature store and the tracker, each of which may fail; the model is written already."""
        features, tracker = self.features, self.tracker
        if features and run.model:  # a model kept apart looks back: its features would hide today's
            self.effort.attempt(features, lambda: feature_sync.keep(prices, features))
        if not tracker:
            return None
        if run.model and run.doubt:
            log.warning("%s goes into production although %s", run.model, run.doubt)
        return self.effort.attempt(tracker, lambda: tracker.record(run))

    def _files(
        self,
        place: ModelRef,
        checkpoint: Checkpoint,
        learned: "TrainingResult | None",
        unit: str | None,
        backtest: dict[str, Any] | None,
    ) -> dict[str, bytes]:
        """Return every artifact; the checkpoint comes after what describes it, so who finds it finds all."""
        described = {"metrics.json": _json(_metrics_document(checkpoint, backtest))}
        if learned:
            worth = summary.worth(backtest, place.ticker)
            described = {
                f"{place.kind}_scaler.pkl": learned.scaler.pickled(),  # for notebooks; never read back
                **described,
                "predictions.png": self.plots.predictions(learned.evaluation, worth, unit),
                "residuals.png": self.plots.residuals(learned.evaluation, worth),
            }
        return described | {
            place.checkpoint: checkpoints.serialize(checkpoint),
            f"{place.kind}_model.json": _json({"schema": SCHEMA, **checkpoint.card}),
        }


def _metrics_document(checkpoint: Checkpoint, backtest: dict[str, Any] | None) -> dict[str, Any]:
    card = checkpoint.card
    return {
        "schema": SCHEMA,
        "ticker": card["ticker"],
        "model_version": checkpoint.version,
        "strategy": card["strategy"],
        "of_many": checkpoint.of_many,
        "data": card["data"],
        **card["metrics"],
        "backtest": backtest,
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()
