"""The training loop: Adam on the mean absolute error of changes, the weights of the best validation epoch kept.

The absolute error, because forecasts are judged by it, and because one crash must not outweigh a year.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stockops.forecasting.adam import Adam
from stockops.forecasting.lstm import Inputs, in_batches
from stockops.forecasting.recipes import FitConfig
from stockops.records import EpochLoss


@dataclass(frozen=True, slots=True)
class Examples:
    """What goes in and what should come out, first axis alike; the rows of each split by index."""

    inputs: Inputs
    targets: Tensor
    training: Tensor
    validation: Tensor

    def of(self, rows: Tensor) -> Inputs:
        """Return the inputs of some rows."""
        return tuple(part[rows] for part in self.inputs)


def fit(
    network: nn.Module,
    forward: Callable[..., Tensor],
    examples: Examples,
    config: FitConfig,
    *,
    seed: int,
    on_epoch: Callable[[EpochLoss], None],
) -> list[EpochLoss]:
    """Train the network's trainable weights in place and return the loss of every epoch.

    forward: inputs, each (batch, …), -> changes (batch, 5, 7), through `network`. The network as it is given
    stands in the history as epoch 0 and may well be the best one: training that does not help on the
    validation windows changes nothing. The same seed gives the same weights.
    """
    trainable = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = Adam(trainable, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    shuffle = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # dropout
    best = EpochLoss(0, None, _validate(network, forward, examples), config.learning_rate)
    kept = [weight.detach().clone() for weight in trainable]
    history = [best]
    for epoch in range(1, config.epochs + 1):
        loss = _train_one_epoch(network, forward, examples, config, optimiser, trainable, shuffle)
        done = EpochLoss(epoch, loss, _validate(network, forward, examples), config.learning_rate)
        history.append(done)
        on_epoch(done)
        if done.validation_loss < best.validation_loss:
            best, kept = done, [weight.detach().clone() for weight in trainable]
    with torch.no_grad():
        for weight, value in zip(trainable, kept, strict=True):
            weight.copy_(value)
    network.eval()
    return history


def best_epoch(history: list[EpochLoss]) -> EpochLoss:
    """Return the epoch whose weights were kept: the first with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch.validation_loss)


def _train_one_epoch(
    network: nn.Module,
    forward: Callable[..., Tensor],
    examples: Examples,
    config: FitConfig,
    optimiser: Adam,
    trainable: list[nn.Parameter],
    shuffle: torch.Generator,
) -> float:
    network.train()
    order = examples.training[torch.randperm(len(examples.training), generator=shuffle)]
    total = torch.zeros((), device=examples.targets.device)
    for batch in torch.split(order, config.batch_size):
        loss = nn.functional.l1_loss(forward(*examples.of(batch)), examples.targets[batch])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainable, config.gradient_clip)
        optimiser.step()
        total += loss.detach() * len(batch)
    return float(total) / len(order)


def _validate(network: nn.Module, forward: Callable[..., Tensor], examples: Examples) -> float:
    chosen = examples.validation
    error = in_batches(network, forward, examples.of(chosen)) - examples.targets[chosen]
    return float(error.abs().mean())
