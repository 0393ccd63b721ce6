"""The training loop: Adam on the mean absolute error of changes; returns to the weights of the best validation epoch.

The absolute error, because forecasts are scored by it, and because one crash must not outweigh a year. The weights that
are validated and selected are a running mean over about two epochs, with less noise from the last batches. Source:
Polyak, Juditsky, Acceleration of Stochastic Approximation by Averaging (1992).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stockops.forecasting.adam import Adam
from stockops.forecasting.lstm import Inputs, PriceLSTM, in_batches
from stockops.forecasting.train_config import FitConfig
from stockops.records import EpochLoss

_MEMORY = 2  # epochs averaged in the running mean of the weights


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs and targets, sharing the first axis; the rows of each split by index."""

    inputs: Inputs
    targets: Tensor
    training: Tensor
    validation: Tensor

    def of(self, rows: Tensor) -> Inputs:
        """Return the inputs of some rows."""
        return tuple(part[rows] for part in self.inputs)


def fit(
    network: PriceLSTM,
    forward: Callable[..., Tensor],
    examples: Examples,
    config: FitConfig,
    *,
    seed: int,
    on_epoch: Callable[[EpochLoss], None],
) -> list[EpochLoss]:
    """Train the network's trainable weights in place and return the loss of every epoch.

    forward: inputs, each (batch, …), -> changes (batch, 5, 7), through `network`. The initial network is epoch 0 in the
    history and may be the best: training that does not help on the validation windows changes nothing. The same seed
    gives the same weights.
    """
    trainable = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = Adam(trainable, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    shuffle = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # dropout
    best = EpochLoss(0, None, _validate(network, forward, examples), config.learning_rate)
    best_weights, mean = _copy(trainable), _copy(trainable)
    history = [best]
    for epoch in range(1, config.epochs + 1):
        loss = _train_one_epoch(network, forward, examples, config, optimiser, trainable, mean, shuffle)
        last = _copy(trainable)
        _set(trainable, mean)
        done = EpochLoss(epoch, loss, _validate(network, forward, examples), config.learning_rate)
        _set(trainable, last)
        history.append(done)
        on_epoch(done)
        if done.validation_loss < best.validation_loss:
            best, best_weights = done, _copy(mean)
    _set(trainable, best_weights)
    network.eval()
    return history


def best_epoch(history: list[EpochLoss]) -> EpochLoss:
    """Return the epoch whose weights were selected: the first with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch.validation_loss)


def _copy(weights: Sequence[Tensor]) -> list[Tensor]:
    return [weight.detach().clone() for weight in weights]


@torch.no_grad()
def _set(weights: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)


@torch.no_grad()
def _follow(mean: list[Tensor], weights: Sequence[Tensor], share: float) -> None:
    torch._foreach_lerp_(mean, list(weights), share)


def _train_one_epoch(
    network: PriceLSTM,
    forward: Callable[..., Tensor],
    examples: Examples,
    config: FitConfig,
    optimiser: Adam,
    trainable: list[nn.Parameter],
    mean: list[Tensor],
    shuffle: torch.Generator,
) -> float:
    """Train one epoch, update the running mean of the weights after each step, and return the mean loss."""
    network.train()
    follow = 1 / (_MEMORY * math.ceil(len(examples.training) / config.batch_size))
    order = examples.training[torch.randperm(len(examples.training), generator=shuffle)]
    total = torch.zeros((), device=examples.targets.device)
    for batch in torch.split(order, config.batch_size):
        loss = nn.functional.l1_loss(forward(*examples.of(batch)), examples.targets[batch])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainable, config.gradient_clip)
        optimiser.step()
        network.shrink(config.learning_rate)
        _follow(mean, trainable, follow)
        total += loss.detach() * len(batch)
    return float(total) / len(order)


def _validate(network: nn.Module, forward: Callable[..., Tensor], examples: Examples) -> float:
    chosen = examples.validation
    error = in_batches(network, forward, examples.of(chosen)) - examples.targets[chosen]
    return float(error.abs().mean())
