"""One model learns one history: scaler, spread, fit, shrinkage, ranges, scores, in that order."""

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
_ENOUGH = 500  # windows; a 99 % quantile of fewer hangs on a handful of days
_DAYS_A_YEAR = 365.25
_PRIOR = 250  # windows that a usual high and low of before weigh as much as


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A history made ready for learning: its windows, what else is known at each, the session its target begins on."""

    symbol: str
    windows: windows.Windows
    covariates: Covariates
    targets_from: tuple[date, ...]

    @classmethod
    def of(cls, symbol: str, table: pd.DataFrame, covariates: Covariates, *, split: Split, seed: int) -> "TrainingSet":
        """Cut a feature table (rows, 7) and its covariates into windows; DataError when they are too few."""
        cut = windows.make(table.to_numpy(dtype=float), symbol=symbol, split=split, seed=seed)
        origins = slice(windows.CONTEXT - 1, windows.CONTEXT - 1 + len(cut.context))
        first_targets = pd.DatetimeIndex(table.index)[windows.CONTEXT :][: len(cut.context)]
        return cls(symbol, cut, covariates.at(origins), tuple(stamp.date() for stamp in first_targets))


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What learning left beside the weights.

    history: losses of every epoch. shrinkage: what share of the learnt change of each price was kept, by
    horizon. own_ranges: False where there were too few windows and the ranges began as the parent's.
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
    """Train what the model leaves trainable, in place; set its scaler, its spread and the quantiles of its ranges.

    Where the body is frozen, what the head sees is computed once per window and the head trains on that. shown: the
    history that the evaluation is of, where the table is of many (`panel`).
    """
    scaler = _fit_scaler(model, table.windows)
    spread = _fit_spread(model, table)
    forward, examples = _examples(model, table, spread)
    if model.head.weight.any():
        _centre(model, in_batches(model, forward, examples.of(examples.training)), examples)
    else:  # it says nothing yet, and saying so takes as long as an epoch
        _centre(model, torch.zeros_like(examples.targets[examples.training]), examples)
    history = training_loop.fit(model, forward, examples, config, seed=seed, on_epoch=on_epoch)
    years = (table.targets_from[-1] - table.targets_from[0]).days / _DAYS_A_YEAR
    shrinkage = _shrink(model, in_batches(model, forward, examples.of(examples.validation)), examples, years)
    evaluation = _evaluate(in_batches(model, forward, examples.inputs), table, spread)
    own = _set_ranges(model, ranges.residuals(spread, evaluation.forecast, evaluation.actual), of_one=shown is None)
    return TrainingResult(history, scaler, shrinkage, own, evaluation if shown is None else _look_at(model, shown))


def _fit_scaler(model: PriceLSTM, cut: windows.Windows) -> Scaler:
    """Fit the scaler on the relative rows of the training windows alone, and set it in the model."""
    scaler = Scaler.of(relative(cut.context[cut.training]))
    model.scaler_mean.copy_(torch.as_tensor(scaler.mean))
    model.scaler_scale.copy_(torch.as_tensor(scaler.scale))
    return scaler


def _fit_spread(model: PriceLSTM, table: TrainingSet) -> Floats:
    """Fit the spread on the training windows, a child's from its parent's on; return all windows', (windows, 5)."""
    cut, known = table.windows, table.covariates
    chosen, before = cut.training, model.spread.cpu().numpy()
    prior = before if before.any() else None  # a child begins as a copy of its parent
    weights = spreads.fit(cut.context[chosen], cut.target[chosen], known.at(chosen), prior)
    model.spread.copy_(torch.as_tensor(weights))
    return spreads.spread(weights, cut.context, known)


def _examples(
    model: PriceLSTM, table: TrainingSet, spread: Floats
) -> tuple[Callable[..., Tensor], training_loop.Examples]:
    """Return what trains and on what: the head on its inputs where the body is frozen, else the network."""
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
    """Move what the head says of High and Low to the median of the training windows, and less far where they are few.

    A usual day's high and low, in units of the spread, are most of what there is to know of them.
    """
    left = (examples.targets[examples.training] - change).quantile(0.5, dim=0)
    trusted = len(change) / (len(change) + _PRIOR)
    model.head.bias.view_as(left)[:, [_HIGH, _LOW]] += trusted * left[:, [_HIGH, _LOW]]


@torch.no_grad()
def _shrink(model: PriceLSTM, change: Tensor, examples: training_loop.Examples, years: float) -> dict[str, list[float]]:
    """Shrink what the head says of prices toward the last close: by horizon, factors in [0, 1].

    Open and Close as far as the held-out windows ask for it, by least squares: the last close is next to unbeatable
    there, and most of what a network learns beyond it is noise. High and Low as far as the usual one was not the same
    from year to year. Source: Copas, Regression, Prediction and Shrinkage (1983).
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
    """Return how far the median of targets (windows, …), oldest first, was the same in every year, in [0, 1].

    Its square over that and twice the variance of the years' medians, as years to come differ more from those of the
    training than these from each other. 1 for less than two years.
    """
    medians = torch.stack([year.quantile(0.5, dim=0) for year in torch.tensor_split(targets, max(years, 1))])
    varied = medians.var(dim=0) if years > 1 else torch.zeros_like(medians[0])
    usual = targets.quantile(0.5, dim=0).square()
    return usual / (usual + 2 * varied).clamp(min=1e-12)


def _evaluate(change: Tensor, table: TrainingSet, spread: Floats) -> ModelEvaluation:
    """Return the changes forecast for all windows as an evaluation, the forecasts being bars as a user gets them."""
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
    """Calibrate the ranges on all windows; tell whether they were enough, the start being the parent's if not.

    of_one: they are of one history, oldest first, so that the last years of them can be followed.
    """
    before = model.range_quantiles.cpu().numpy()
    own = len(residuals) >= _ENOUGH or not before.any()
    start = ranges.calibrate(residuals) if own else before
    if own:
        model.shortfall.copy_(torch.as_tensor(risk.shortfall(residuals, start)))
    model.range_quantiles.copy_(torch.as_tensor(ranges.settled(start, residuals) if of_one else start))
    return own
