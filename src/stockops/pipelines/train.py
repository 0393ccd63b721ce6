"""The training use case: prices -> training job -> checkpoint and plots -> artifacts -> tracker."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from stockops.backtesting import summary
from stockops.documents.backtest import BacktestSummary
from stockops.documents.encoding import as_json, encoded
from stockops.documents.fields import field_values
from stockops.documents.prices import PriceData
from stockops.documents.training import MetricsResult, SeenData, TrainedModel
from stockops.forecasting import checkpoint as checkpoints
from stockops.forecasting.checkpoint import Checkpoint
from stockops.monitoring import catalogue
from stockops.optional_services import OptionalServices
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Trains models, writes their artifacts and publishes them.

    features, tracker: None if disabled. replace: a model trained by name, looking back, may replace one that has seen
    later sessions.
    """

    history: PriceHistory
    models: ModelStore
    features: FeatureStore | None
    tracker: Tracker | None
    plots: Plotter | None
    progress: Progress
    optional: OptionalServices
    meter: MetricsRecorder
    clock: Clock
    options: TrainOptions
    replace: bool = False

    def train(self, ref: ModelRef) -> TrainedModel:
        """Train a model, its parent first if there is no usable one, and write its artifacts.

        A training that looks back leaves a model that has seen later sessions in place, unless `replace` is set.
        """
        started = time.monotonic()
        job = self._prepare(ref)
        with self._lock_place(ref, None if self.replace else self.clock.as_of) as place:
            self._log_replacement(ref, place, job.prices.last)
            return self._train(place, job, started)

    def fresh(self, ref: ModelRef) -> TrainedModel | None:
        """Return the model of a child if training would only reproduce it, else None."""
        started = time.monotonic()
        found = freshness.fresh(ref, history=self.history, models=self.models, options=self.options)
        if found is None:
            return None
        checkpoint = found.model.checkpoint
        log.info("%s: its model is whole and current: left as it is", ref.ticker)
        return _result(
            checkpoint,
            status="fresh",
            location=self._location(found.model.place),
            data=found.data,
            seconds=time.monotonic() - started,
            degraded=self.optional.degraded,
        )

    def heal(self, ref: ModelRef) -> ResolvedModel:
        """Return the model that this call may use; train it if there is none and no other process does so first."""
        if found := self.find(ref):
            return found
        started = time.monotonic()
        log.info("no %s model of %s that this call may use: training it first", ref.kind, ref.ticker)
        job = self._prepare(ref)
        with self._lock_place(ref, self.clock.as_of) as place:
            if not self.find(ref):  # another process may have trained it while this one waited
                self._log_replacement(ref, place, job.prices.last)
                self._train(place, job, started)
        found = self.find(ref)
        if found is None:
            raise stored.missing(ref, models=self.models, as_of=self.clock.as_of)
        return found

    def find(self, ref: ModelRef) -> ResolvedModel | None:
        """Return the model that this call may use, or None."""
        return stored.find(ref, models=self.models, as_of=self.clock.as_of)

    @contextmanager
    def _lock_place(self, ref: ModelRef, as_of: date | None) -> Iterator[ModelRef]:
        """Yield the place that a model is trained for, locked; if another process filled it meanwhile, the next."""
        place = stored.place_for_training(ref, models=self.models, as_of=as_of)
        with self.models.lock(place):
            now = stored.place_for_training(ref, models=self.models, as_of=as_of)
            if now == place:
                yield place
                return
        with self.models.lock(now):
            yield now

    def _log_replacement(self, ref: ModelRef, place: ModelRef, last: date) -> None:
        """Log whether a model that has seen later sessions stays or is replaced."""
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
        from stockops.pipelines import training_job  # torch, not needed if the model exists

        prices = self.history.daily(ref.ticker)
        young = ref.kind == "child" and training_job.is_young(prices)  # raises before a parent is trained
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
        return training_job.transfer(ref, prices, table, self._parent_of(prices), self.options)

    def _parent_of(self, prices: Prices) -> Checkpoint:
        """Return the parent for a child of these prices, trained first if missing."""
        parent = self.heal(PARENT).checkpoint
        if self.clock.as_of is None:
            stored.warn_if_ahead(parent, prices.last)
        stored.doubt_parent(parent, prices, self.optional)
        return parent

    def _train(self, place: ModelRef, job: "TrainingJob | Inheritance", started: float) -> TrainedModel:
        """Train or inherit, write, publish: the same for the parent and every kind of child."""
        with self.meter.training(place.task):
            checkpoint, learned = self._run(job)
            prices = job.prices
            backtest = latest_backtest.of_model(place, checkpoint, prices, self.models)
            files = self._files(place, checkpoint, learned, prices.currency, backtest)
            artifacts = self.models.write(place, files)
            history = learned.history if learned else []
            run = build_training_run(place, checkpoint, files, history, time.monotonic() - started, backtest)
            run_id = self._publish(prices, run)
            seconds = time.monotonic() - started
            self.meter.add(catalogue.observe("training_duration_seconds", seconds, task_id=place.task))
            return _result(
                checkpoint,
                location=self._location(place),
                data=prices.data,
                seconds=seconds,
                degraded=self.optional.degraded,
                run_id=run_id,
                backtest=backtest,
                artifacts=artifacts,
            )

    def _run(self, job: "TrainingJob | Inheritance") -> "tuple[Checkpoint, TrainingResult | None]":
        """Return the checkpoint and the training result; None if there was too little to train on."""
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
            checkpoint, learned = job.train(self.options, on_epoch)
        if not learned.own_ranges:
            log.warning("%s: too short a history for ranges of its own: they began as its parent's", ticker)
        return checkpoint, learned

    def _publish(self, prices: Prices, run: TrainingRun) -> str | None:
        """Update the feature store and record the run, both best effort; the model is already written."""
        features, tracker = self.features, self.tracker
        if features and run.model:  # a model stored apart looks back: its features would hide today's
            self.optional.attempt(features, lambda: feature_sync.put(prices, features))
        if not tracker:
            return None
        if run.model and run.doubt:
            log.warning("%s goes into production although %s", run.model, run.doubt)
        return self.optional.attempt(tracker, lambda: tracker.record(run))

    def _files(
        self,
        place: ModelRef,
        checkpoint: Checkpoint,
        learned: "TrainingResult | None",
        unit: str | None,
        backtest: BacktestSummary | None,
    ) -> dict[str, bytes]:
        """Return every artifact in writing order: a checkpoint is never there without its metrics and plots."""
        files = {f"{place.kind}_scaler.pkl": learned.scaler.pickled()} if learned else {}  # for notebooks; never read
        files["metrics.json"] = encoded(_metrics(checkpoint, backtest))
        if learned and self.plots:
            worth = summary.worth(backtest, place.ticker)
            files["predictions.png"] = self.plots.predictions(learned.evaluation, worth, unit)
            files["residuals.png"] = self.plots.residuals(learned.evaluation, worth)
        return files | {
            place.checkpoint: checkpoints.serialize(checkpoint),
            f"{place.kind}_model.json": encoded({"schema": SCHEMA, **as_json(checkpoint.card)}),
        }


def _result(
    checkpoint: Checkpoint,
    *,
    status: Literal["completed", "fresh"] = "completed",
    location: str,
    data: PriceData | SeenData,
    seconds: float,
    degraded: tuple[str, ...],
    run_id: str | None = None,
    backtest: BacktestSummary | None = None,
    artifacts: tuple[str, ...] = (),
) -> TrainedModel:
    card = checkpoint.card
    return TrainedModel(
        status=status,
        ticker=card.ticker,
        run_id=run_id,
        strategy=card.strategy,
        parent=card.parent,
        model_version=checkpoint.version,
        location=location,
        data=data,
        best_epoch=card.best_epoch,
        ranges_from=card.ranges_from,
        metrics=card.metrics,
        backtest=backtest,
        artifacts=artifacts,
        duration_seconds=round(seconds, 3),
        degraded=degraded,
    )


def _metrics(checkpoint: Checkpoint, backtest: BacktestSummary | None) -> MetricsResult:
    card = checkpoint.card
    return MetricsResult(
        ticker=card.ticker,
        model_version=checkpoint.version,
        strategy=card.strategy,
        of_many=checkpoint.of_many,
        data=card.data,
        **field_values(card.metrics),
        backtest=backtest,
    )
