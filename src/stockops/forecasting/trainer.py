"""Trains one model: scaler, spread, fit, shrinkage, ranges, scores, in that order."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stockops.arrays import Floats
from stockops.forecasting import ranges, risk, training_loop
from stockops.forecasting import spread as spreads
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.lstm import PriceLSTM, in_batches, states
from stockops.forecasting.normalization import changes, denormalize, relative
from stockops.forecasting.ohlcv_constraints import as_bars
from stockops.forecasting.scaler import Scaler
from stockops.forecasting.scores import ModelEvaluation, NormalizedValues
from stockops.forecasting.train_config import FitConfig
from stockops.market import windows
from stockops.market.features import FEATURES
from stockops.market.ohlcv import OHLCV, PRICES
from stockops.records import EpochLoss, Split

_OPEN, _HIGH, _LOW, _CLOSE = (FEATURES.index(name) for name in PRICES)
_ENOUGH = 500  # windows; with fewer, a 99 % quantile depends on a handful of days
_DAYS_A_YEAR = 365.25
_PRIOR = 250  # weight of the previous median High and Low, in windows


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A history prepared for training: its windows, their covariates, and the first target session of each."""

    symbol: str
    windows: windows.Windows
    covariates: Covariates
    targets_from: tuple[date, ...]

    @classmethod
    def of(cls, symbol: str, table: pd.DataFrame, covariates: Covariates, *, split: Split, seed: int) -> "TrainingSet":
        """Cut a feature table (rows, 7) and its covariates into windows; raises DataError if there are too few."""
        cut = windows.make(table.to_numpy(dtype=float), symbol=symbol, split=split, seed=seed)
        origins = slice(windows.CONTEXT - 1, windows.CONTEXT - 1 + len(cut.context))
        first_targets = pd.DatetimeIndex(table.index)[windows.CONTEXT :][: len(cut.context)]
        return cls(symbol, cut, covariates.at(origins), tuple(stamp.date() for stamp in first_targets))


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What training produces besides the weights.

    history: losses of every epoch. shrinkage: share of the learned change of each price that remains, by horizon.
    own_ranges: False if there were too few windows and the ranges started from the parent's.
    """

    history: list[EpochLoss]
    scaler: Scaler
    shrinkage: dict[str, list[float]]
    own_ranges: bool
    evaluation: ModelEvaluation


def train(
    model: PriceLSTM,
    table: TrainingSet,
    config: FitConfig,
    *,
    seed: int,
    on_epoch: Callable[[EpochLoss], None],
    shown: TrainingSet | None = None,
) -> TrainingResult:
    """Train the model's trainable weights in place; set its scaler, its spread and the quantiles of its ranges.

    If the body is frozen, the head's input is computed once per window and the head is trained on it. shown: the
    history to evaluate on, if the training set comes from many (`panel`).
    """
    scaler = _fit_scaler(model, table.windows)
    spread = _fit_spread(model, table)
    forward, examples = _examples(model, table, spread)
    if model.head.weight.any():
        _centre(model, in_batches(model, forward, examples.of(examples.training)), examples)
    else:  # its output is zero, and computing it would take as long as an epoch
        _centre(model, torch.zeros_like(examples.targets[examples.training]), examples)
    history = training_loop.fit(model, forward, examples, config, seed=seed, on_epoch=on_epoch)
    years = (table.targets_from[-1] - table.targets_from[0]).days / _DAYS_A_YEAR
    shrinkage = _shrink(model, in_batches(model, forward, examples.of(examples.validation)), examples, years)
    evaluation = _evaluate(in_batches(model, forward, examples.inputs), table, spread)
    own = _set_ranges(model, ranges.residuals(spread, evaluation.forecast, evaluation.actual), of_one=shown is None)
    return TrainingResult(history, scaler, shrinkage, own, evaluation if shown is None else _look_at(model, shown))


def _fit_scaler(model: PriceLSTM, cut: windows.Windows) -> Scaler:
    """Fit the scaler on the relative rows of the training windows only, and set it in the model."""
    scaler = Scaler.of(relative(cut.context[cut.training]))
    model.scaler_mean.copy_(torch.as_tensor(scaler.mean))
    model.scaler_scale.copy_(torch.as_tensor(scaler.scale))
    return scaler


def _fit_spread(model: PriceLSTM, table: TrainingSet) -> Floats:
    """Fit the spread on the training windows, a child's from its parent's; return that of all windows, (windows, 5)."""
    cut, known = table.windows, table.covariates
    chosen, before = cut.training, model.spread.cpu().numpy()
    prior = before if before.any() else None  # a child starts as a copy of its parent
    weights = spreads.fit(cut.context[chosen], cut.target[chosen], known.at(chosen), prior)
    model.spread.copy_(torch.as_tensor(weights))
    return spreads.spread(weights, cut.context, known)


def _examples(
    model: PriceLSTM, table: TrainingSet, spread: Floats
) -> tuple[Callable[..., Tensor], training_loop.Examples]:
    """Return the function to train and its examples: the head on its inputs if the body is frozen, else the network."""
    device, cut = model.scaler_mean.device, table.windows
    frozen = not any(weight.requires_grad for weight in model.body.parameters())
    inputs = model.inputs(cut.context, table.covariates)
    examples = training_loop.Examples(
        inputs=(states(model, inputs), inputs[-1]) if frozen else inputs,
        targets=torch.from_numpy(changes(cut.context, cut.target, spread).astype(np.float32)).to(device),
        training=torch.as_tensor(cut.training, device=device),
        validation=torch.as_tensor(cut.validation, device=device),
    )
    return (model.change if frozen else model), examples


@torch.no_grad()
def _centre(model: PriceLSTM, change: Tensor, examples: training_loop.Examples) -> None:
    """Shift the head's High and Low to the median of the training windows, less far if there are few.

    A usual day's high and low, in units of the spread, are most of what can be predicted about them.
    """
    left = (examples.targets[examples.training] - change).quantile(0.5, dim=0)
    trusted = len(change) / (len(change) + _PRIOR)
    model.head.bias.view_as(left)[:, [_HIGH, _LOW]] += trusted * left[:, [_HIGH, _LOW]]


@torch.no_grad()
def _shrink(model: PriceLSTM, change: Tensor, examples: training_loop.Examples, years: float) -> dict[str, list[float]]:
    """Shrink the head's prices toward the last close; return the factors, in [0, 1], by price, then horizon.

    Open and Close by least squares on the held-out windows: the last close is nearly unbeatable there, and most of what
    a network learns beyond it is noise. High and Low by how much their median varied from year to year. Source: Copas,
    Regression, Prediction and Shrinkage (1983).
    """
    target = examples.targets[examples.validation]
    scale = ((change * target).sum(dim=0) / change.square().sum(dim=0).clamp(min=1e-12)).clamp(0.0, 1.0)
    factor = torch.ones_like(scale)
    factor[:, [_OPEN, _CLOSE]] = scale[:, [_OPEN, _CLOSE]]
    factor[:, [_HIGH, _LOW]] = _steadiness(examples.targets[examples.training][..., [_HIGH, _LOW]], round(years))
    model.head.weight.mul_(factor.flatten()[:, None])
    model.head.bias.mul_(factor.flatten())
    model.calendar.mul_(factor[..., None])
    return {name: factor[:, FEATURES.index(name)].tolist() for name in PRICES}


def _steadiness(targets: Tensor, years: int) -> Tensor:
    """Return how stable the median of targets (windows, …), oldest first, was from year to year, in [0, 1].

    The squared median over itself plus twice the variance of the yearly medians: future years differ more from those of
    the training than these do from each other. 1 for less than two years, unless the median is 0.
    """
    medians = torch.stack([year.quantile(0.5, dim=0) for year in torch.tensor_split(targets, max(years, 1))])
    varied = medians.var(dim=0) if years > 1 else torch.zeros_like(medians[0])
    usual = targets.quantile(0.5, dim=0).square()
    return usual / (usual + 2 * varied).clamp(min=1e-12)


def _evaluate(change: Tensor, table: TrainingSet, spread: Floats) -> ModelEvaluation:
    """Return the evaluation of the changes forecast for all windows, as the valid bars that a user gets."""
    cut = table.windows
    forecast = as_bars(denormalize(cut.context, change.cpu().numpy(), spread), cut.context[:, -1:, _CLOSE, None])
    held_out = np.zeros(len(cut.context), dtype=bool)
    held_out[cut.validation] = True
    last = np.repeat(cut.context[:, -1:], windows.HORIZON, axis=1)
    scaled = (changes(cut.context, part[..., : len(OHLCV)], spread) for part in (forecast, cut.target, last))
    return ModelEvaluation(
        ticker=table.symbol,
        dates=table.targets_from,
        forecast=forecast,
        actual=cut.target,
        last=cut.context[:, -1],
        held_out=held_out,
        scaled=NormalizedValues(*scaled),
    )


def _look_at(model: PriceLSTM, table: TrainingSet) -> ModelEvaluation:
    """Return the evaluation of a trained model on a history."""
    spread = spreads.spread(model.spread.cpu().numpy(), table.windows.context, table.covariates)
    return _evaluate(in_batches(model, model, model.inputs(table.windows.context, table.covariates)), table, spread)


def _set_ranges(model: PriceLSTM, residuals: Floats, *, of_one: bool) -> bool:
    """Calibrate the ranges on all windows; return False if they were too few and the parent's quantiles were used.

    of_one: the windows are of one history, oldest first, so that the quantiles can be tracked over the last years.
    """
    before = model.range_quantiles.cpu().numpy()
    own = len(residuals) >= _ENOUGH or not before.any()
    start = ranges.calibrate(residuals) if own else before
    if own:
        model.shortfall.copy_(torch.as_tensor(risk.shortfall(residuals, start)))
    model.range_quantiles.copy_(torch.as_tensor(ranges.settled(start, residuals) if of_one else start))
    return own
