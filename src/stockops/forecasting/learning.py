"""One model learns one history: scaler, fit, shrinkage, ranges, scores, in that order."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stockops.forecasting import fit, ranges
from stockops.forecasting.bars import as_bars
from stockops.forecasting.lstm import PriceLSTM, in_batches, states
from stockops.forecasting.recipes import FitConfig
from stockops.forecasting.relative import applied, changes, relative, volatility
from stockops.forecasting.scaler import Scaler
from stockops.forecasting.scores import Evaluation, Scaled
from stockops.market import features, windows
from stockops.market.features import FEATURES
from stockops.market.ohlcv import OHLCV
from stockops.records import EpochLoss, Split

_OPEN, _CLOSE = FEATURES.index("Open"), FEATURES.index("Close")
_ENOUGH = 100  # held-out windows; a 95 % quantile of fewer hangs on a handful of days


@dataclass(frozen=True, slots=True)
class Table:
    """A history made ready for learning: its windows, and the session each window's target begins on."""

    symbol: str
    windows: windows.Windows
    targets_from: tuple[date, ...]

    @classmethod
    def of(cls, symbol: str, bars: pd.DataFrame, *, split: Split, seed: int) -> "Table":
        """Cut adjusted bars (rows, 5) into windows; DataError when they are too few."""
        table = features.add(bars)
        cut = windows.make(table.to_numpy(dtype=float), symbol=symbol, split=split, seed=seed)
        first_targets = pd.DatetimeIndex(table.index)[windows.CONTEXT :][: len(cut.context)]
        return cls(symbol, cut, tuple(stamp.date() for stamp in first_targets))


@dataclass(frozen=True, slots=True)
class Learned:
    """What learning left beside the weights.

    history: losses of every epoch. shrinkage: what share of the learnt change of Open and of Close was kept, by
    horizon. own_ranges: False where too few windows were held out and the ranges are still the parent's.
    """

    history: list[EpochLoss]
    scaler: Scaler
    shrinkage: dict[str, list[float]]
    own_ranges: bool
    evaluation: Evaluation


def learn(
    model: PriceLSTM, table: Table, config: FitConfig, *, seed: int, on_epoch: Callable[[EpochLoss], None]
) -> Learned:
    """Train what the model leaves trainable, in place; set its scaler and the quantiles of its ranges.

    Where the body is frozen, what the head sees is computed once per window and the head trains on that.
    """
    scaler = _fit_scaler(model, table.windows)
    forward, examples = _examples(model, table.windows)
    history = fit.fit(model, forward, examples, config, seed=seed, on_epoch=on_epoch)
    kept = _shrink(model, in_batches(model, forward, examples.of(examples.validation)), examples)
    evaluation = _evaluate(model, in_batches(model, forward, examples.inputs), table)
    own = _set_ranges(model, table.windows, evaluation)
    return Learned(history, scaler, kept, own, evaluation)


def _fit_scaler(model: PriceLSTM, cut: windows.Windows) -> Scaler:
    """Fit the scaler on the relative rows of the training windows alone, and set it in the model."""
    scaler = Scaler.of(relative(cut.context[cut.training]))
    model.scaler_mean.copy_(torch.as_tensor(scaler.mean))
    model.scaler_scale.copy_(torch.as_tensor(scaler.scale))
    return scaler


def _examples(model: PriceLSTM, cut: windows.Windows) -> tuple[Callable[..., Tensor], fit.Examples]:
    """Return what trains and on what: the head on its inputs where the body is frozen, else the network."""
    device = model.scaler_mean.device
    frozen = not any(weight.requires_grad for weight in model.body.parameters())
    inputs = model.inputs(cut.context)
    examples = fit.Examples(
        inputs=(states(model, inputs),) if frozen else inputs,
        targets=torch.from_numpy(changes(cut.context, cut.target).astype(np.float32)).to(device),
        training=torch.as_tensor(cut.training, device=device),
        validation=torch.as_tensor(cut.validation, device=device),
    )
    return (model.change if frozen else model), examples


@torch.no_grad()
def _shrink(model: PriceLSTM, change: Tensor, examples: fit.Examples) -> dict[str, list[float]]:
    """Shrink the head's Open and Close toward the last close, as far as the held-out windows ask for it.

    The factor of each horizon is the least-squares one, in [0, 1]. For these two channels the last close is next to
    unbeatable, and most of what a network learns beyond it is noise. Source: Copas, Regression, Prediction and
    Shrinkage (1983).
    """
    target = examples.targets[examples.validation]
    scale = ((change * target).sum(dim=0) / change.square().sum(dim=0).clamp(min=1e-12)).clamp(0.0, 1.0)
    factor = torch.ones_like(scale)
    factor[:, [_OPEN, _CLOSE]] = scale[:, [_OPEN, _CLOSE]]
    model.head.weight.mul_(factor.flatten()[:, None])
    model.head.bias.mul_(factor.flatten())
    return {name: factor[:, FEATURES.index(name)].tolist() for name in ("Open", "Close")}


def _evaluate(model: PriceLSTM, change: Tensor, table: Table) -> Evaluation:
    """Return the changes forecast for all windows as an evaluation, the forecasts being bars as a user gets them."""
    cut = table.windows
    forecast = as_bars(applied(cut.context, change.cpu().numpy()), cut.context[:, -1:, _CLOSE, None])
    held_out = np.zeros(len(cut.context), dtype=bool)
    held_out[cut.validation] = True
    rows = (forecast, cut.target, cut.context[:, -1:])
    scaled = (changes(cut.context, part[..., : len(OHLCV)]) for part in rows)
    return Evaluation(
        ticker=table.symbol,
        dates=table.targets_from,
        forecast=forecast,
        actual=cut.target,
        last=cut.context[:, -1],
        held_out=held_out,
        scaled=Scaled(*scaled),
    )


def _set_ranges(model: PriceLSTM, cut: windows.Windows, evaluation: Evaluation) -> bool:
    """Calibrate the ranges on the held-out windows; tell whether they were enough, the parent's stay if not."""
    held_out = cut.validation
    borrowed = bool(model.range_quantiles.any())  # a child begins as a copy of its parent
    if borrowed and len(held_out) < _ENOUGH:
        return False
    misses = ranges.misses(
        volatility(cut.context[held_out]),
        evaluation.forecast[held_out, :, _CLOSE],
        evaluation.actual[held_out, :, _CLOSE],
    )
    model.range_quantiles.copy_(torch.as_tensor(ranges.calibrate(misses)))
    return True
