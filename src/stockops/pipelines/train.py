"""The story of a training: prices -> features -> windows -> fit -> ranges -> scores -> artifacts."""

import importlib.metadata
import json
import logging
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from stockops import __version__
from stockops.forecasting import checkpoint as checkpoints
from stockops.forecasting import fit, ranges, scores, transfer
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.device import prepare
from stockops.forecasting.forecast import as_bars
from stockops.forecasting.lstm import PriceLSTM, hidden_states, in_batches, relative
from stockops.market import features, windows
from stockops.market.ohlcv import OHLCV
from stockops.pipelines import models as stored
from stockops.pipelines.prices import Prices, daily
from stockops.ports import BarFeed, ModelStore, Plotter, Progress
from stockops.records import SCHEMA, Clock, Device, ModelRef, Split, Strategy

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

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
    """What a training gave: the checkpoint, its place, its artifacts."""

    ref: ModelRef
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

    def parent(self, place: ModelRef = stored.PARENT) -> Trained:
        """Train the market's model and write its artifacts to `place`."""
        started = time.monotonic()
        table = _Table.of(self._prices(place.ticker), self.options)
        with self.models.lock(place):
            return self._parent(place, table, started)

    def child(self, ticker: str, place: ModelRef | None = None) -> Trained:
        """Train a ticker's model from the parent, which is trained first when no usable one is there."""
        started = time.monotonic()
        prices = self._prices(ticker)
        table = _Table.of(prices, self.options)  # too few rows: said before a parent is trained
        parent = self.parent_checkpoint()
        if self.clock.as_of is None:
            stored.warn_if_ahead(parent, prices.last)
        place = place or ModelRef("child", ticker)
        with self.models.lock(place):
            return self._child(place, parent, table, started)

    def parent_checkpoint(self) -> Checkpoint:
        """Return the parent this call may use; train it when there is none."""
        if found := self._find_parent():
            return found
        started = time.monotonic()
        place = stored.place_for_healing(stored.PARENT, models=self.models, as_of=self.clock.as_of)
        table = _Table.of(self._prices(place.ticker), self.options)
        log.info("no parent model that this call may use: training %s first", place.ticker)
        with self.models.lock(place):
            if found := self._find_parent():  # another process trained it while this one waited
                return found
            return self._parent(place, table, started).checkpoint

    def _find_parent(self) -> Checkpoint | None:
        found = stored.find(stored.PARENT, models=self.models, as_of=self.clock.as_of)
        return found[1] if found else None

    def _parent(self, place: ModelRef, table: "_Table", started: float) -> Trained:
        torch.manual_seed(self.options.seed)
        about = {"strategy": None, "parent": None}
        return self._train(place, PriceLSTM(), table, transfer.PARENT, about, started)

    def _child(self, place: ModelRef, parent: Checkpoint, table: "_Table", started: float) -> Trained:
        strategy = self.options.strategy
        model = transfer.child_of(parent.model, strategy)
        about = {"strategy": strategy, "parent": parent.summary}
        return self._train(place, model, table, transfer.CHILD[strategy], about, started)

    def _prices(self, ticker: str) -> Prices:
        return daily(ticker, feed=self.feed, clock=self.clock, max_missing=self.options.max_missing)

    def _train(
        self,
        place: ModelRef,
        model: PriceLSTM,
        table: "_Table",
        default: fit.FitConfig,
        about: dict[str, Any],
        started: float,
    ) -> Trained:
        """Fit, calibrate, score, and write: the same for the parent and both kinds of child."""
        config = replace(default, epochs=self.options.epochs) if self.options.epochs else default
        model.to(prepare(self.options.device, self.options.threads))
        scaler = _fit_scaler(model, table.windows)
        forward, examples = _examples(model, table.windows)
        with self.progress.epochs(f"{place.kind} {place.ticker}", config.epochs) as on_epoch:
            history = fit.fit(model, forward, examples, config, seed=self.options.seed, on_epoch=on_epoch)
        evaluation = _evaluate(model, in_batches(model, forward, examples.inputs), table)
        _set_ranges(model, table.windows, evaluation)
        fitted = {
            "fit": asdict(config),
            "best_epoch": fit.best_epoch(history).epoch,
            "history": [asdict(epoch) for epoch in history],
            "metrics": scores.summary(evaluation),
        }
        checkpoint = checkpoints.seal(model, self._card(place, table, model, about) | fitted)
        artifacts = self._write(place, checkpoint, scaler, evaluation)
        return Trained(place, checkpoint, artifacts, time.monotonic() - started)

    def _card(self, place: ModelRef, table: "_Table", model: PriceLSTM, about: dict[str, Any]) -> dict[str, Any]:
        return {
            "kind": place.kind,
            "ticker": place.ticker,
            **about,
            "data": table.prices.summary,
            "features": list(features.FEATURES),
            "config": asdict(model.config),
            "split": self.options.split,
            "seed": self.options.seed,
            "libraries": {"stockops": __version__} | {name: importlib.metadata.version(name) for name in _LIBRARIES},
        }

    def _write(
        self, place: ModelRef, checkpoint: Checkpoint, scaler: "StandardScaler", evaluation: scores.Evaluation
    ) -> tuple[str, ...]:
        """Write every artifact; the checkpoint comes after what describes it, so who finds it finds all."""
        skill = checkpoint.card["metrics"]["skill"]["RMSE"]
        files = {
            f"{place.kind}_scaler.pkl": pickle.dumps(scaler, protocol=4),  # for notebooks; never read back
            "metrics.json": _json(_metrics_document(checkpoint)),
            "predictions.png": self.plots.predictions(evaluation, skill),
            "residuals.png": self.plots.residuals(evaluation, skill),
            place.checkpoint: checkpoints.pack(checkpoint),
            f"{place.kind}_model.json": _json({"schema": SCHEMA, **checkpoint.card}),
        }
        return self.models.write(place, files)


@dataclass(frozen=True, slots=True)
class _Table:
    """A history made ready for training: its windows, and the session each window's target begins on."""

    prices: Prices
    windows: windows.Windows
    targets_from: tuple[date, ...]

    @classmethod
    def of(cls, prices: Prices, options: TrainOptions) -> "_Table":
        table = features.add(prices.bars)
        cut = windows.make(table.to_numpy(dtype=float), symbol=prices.symbol, split=options.split, seed=options.seed)
        first_targets = pd.DatetimeIndex(table.index)[windows.CONTEXT :][: len(cut.context)]
        return cls(prices, cut, tuple(stamp.date() for stamp in first_targets))


def _fit_scaler(model: PriceLSTM, cut: windows.Windows) -> "StandardScaler":
    """Fit the scaler on the relative rows of the training windows, and set it in the model."""
    from sklearn.preprocessing import StandardScaler  # over a second that a forecast does not need

    rows = relative(_tensor(cut.context[cut.training])).flatten(0, 1)
    scaler = StandardScaler().fit(rows.numpy())
    model.scaler_mean.copy_(torch.as_tensor(scaler.mean_))
    model.scaler_scale.copy_(torch.as_tensor(scaler.scale_))
    return scaler


def _tensor(values: windows.Floats) -> torch.Tensor:
    """Return a tensor of a read-only view."""
    return torch.as_tensor(np.ascontiguousarray(values))


def _set_ranges(model: PriceLSTM, cut: windows.Windows, evaluation: scores.Evaluation) -> None:
    close = OHLCV.index("Close")
    held_out = cut.validation
    quantiles = ranges.calibrate(
        cut.context[held_out, :, close],
        evaluation.forecast[held_out, :, close],
        evaluation.actual[held_out, :, close],
    )
    model.range_quantiles.copy_(torch.as_tensor(quantiles))


def _examples(model: PriceLSTM, cut: windows.Windows) -> tuple[Callable[[torch.Tensor], torch.Tensor], fit.Examples]:
    """Return what trains and on what: the head on hidden states where the body is frozen, else the network."""
    device = model.scaler_mean.device
    context, target = _tensor(cut.context).to(device), _tensor(cut.target).to(device)
    frozen = not any(weight.requires_grad for weight in model.body.parameters())
    examples = fit.Examples(
        inputs=hidden_states(model, context) if frozen else model.encode(context),
        targets=((target - context[:, -1:]) / model.steps(context)).float(),
        training=torch.as_tensor(cut.training, device=device),
        validation=torch.as_tensor(cut.validation, device=device),
    )
    return (model.change if frozen else model.respond), examples


def _evaluate(model: PriceLSTM, change: torch.Tensor, table: _Table) -> scores.Evaluation:
    """Return the scaled changes of all windows as an evaluation, the forecasts being bars as a user gets them."""
    cut = table.windows
    last, steps = cut.context[:, -1:], model.steps(_tensor(cut.context).to(change.device)).cpu().numpy()
    forecast = as_bars(last + change.double().cpu().numpy() * steps, last[..., OHLCV.index("Close"), None])
    held_out = np.zeros(len(cut.context), dtype=bool)
    held_out[cut.validation] = True
    return scores.Evaluation(
        ticker=table.prices.symbol,
        dates=table.targets_from,
        forecast=forecast,
        actual=cut.target,
        last=last[:, 0],
        held_out=held_out,
        steps=steps,
    )


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
