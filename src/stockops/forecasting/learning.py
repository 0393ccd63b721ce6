"""One model learns one history: scaler, fit, ranges, scores, in that order."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stockops.forecasting import fit, ranges
from stockops.forecasting.forecast import as_bars
from stockops.forecasting.lstm import PriceLSTM, hidden_states, in_batches, relative
from stockops.forecasting.scores import Evaluation
from stockops.market import features, windows
from stockops.market.ohlcv import OHLCV
from stockops.records import EpochLoss, Split

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler


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
    """What learning left beside the weights: losses, the scaler, forecasts of every window."""

    history: list[EpochLoss]
    scaler: "StandardScaler"
    evaluation: Evaluation


def learn(
    model: PriceLSTM, table: Table, config: fit.FitConfig, *, seed: int, on_epoch: Callable[[EpochLoss], None]
) -> Learned:
    """Train what the model leaves trainable, in place; set its scaler and the quantiles of its ranges.

    Where the body is frozen, its last hidden state is computed once per window and the head trains on that.
    """
    scaler = _fit_scaler(model, table.windows)
    forward, examples = _examples(model, table.windows)
    history = fit.fit(model, forward, examples, config, seed=seed, on_epoch=on_epoch)
    evaluation = _evaluate(model, in_batches(model, forward, examples.inputs), table)
    _set_ranges(model, table.windows, evaluation)
    return Learned(history, scaler, evaluation)


def _fit_scaler(model: PriceLSTM, cut: windows.Windows) -> "StandardScaler":
    """Fit the scaler on the relative rows of the training windows alone, and set it in the model."""
    from sklearn.preprocessing import StandardScaler  # over a second that a forecast does not need

    rows = relative(_tensor(cut.context[cut.training])).flatten(0, 1)
    scaler = StandardScaler().fit(rows.numpy())
    model.scaler_mean.copy_(torch.as_tensor(scaler.mean_))
    model.scaler_scale.copy_(torch.as_tensor(scaler.scale_))
    return scaler


def _examples(model: PriceLSTM, cut: windows.Windows) -> tuple[Callable[[Tensor], Tensor], fit.Examples]:
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


def _evaluate(model: PriceLSTM, change: Tensor, table: Table) -> Evaluation:
    """Return the scaled changes of all windows as an evaluation, the forecasts being bars as a user gets them."""
    cut = table.windows
    last, steps = cut.context[:, -1:], model.steps(_tensor(cut.context).to(change.device)).cpu().numpy()
    forecast = as_bars(last + change.double().cpu().numpy() * steps, last[..., OHLCV.index("Close"), None])
    held_out = np.zeros(len(cut.context), dtype=bool)
    held_out[cut.validation] = True
    return Evaluation(
        ticker=table.symbol,
        dates=table.targets_from,
        forecast=forecast,
        actual=cut.target,
        last=last[:, 0],
        held_out=held_out,
        steps=steps,
    )


def _set_ranges(model: PriceLSTM, cut: windows.Windows, evaluation: Evaluation) -> None:
    close = OHLCV.index("Close")
    held_out = cut.validation
    quantiles = ranges.calibrate(
        cut.context[held_out, :, close],
        evaluation.forecast[held_out, :, close],
        evaluation.actual[held_out, :, close],
    )
    model.range_quantiles.copy_(torch.as_tensor(quantiles))


def _tensor(values: windows.Floats) -> Tensor:
    """Return a tensor of a read-only view."""
    return torch.as_tensor(np.ascontiguousarray(values))
