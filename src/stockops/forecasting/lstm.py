"""The network: a 3-layer LSTM that reads 60 sessions and predicts how the next 5 differ from the last close.

Four things make it useful out of sample, where a plain LSTM on price levels loses to the persistence baseline by
a factor of ten:

(a) prices, volume and MACD enter relative to the window's last row and in the window's own units (`normalization`);
(b) the head predicts the change from the reference row (`reference_row`: the last close for all four prices) in units
    of the expected spread, and starts at zero: an untrained network *is* the persistence baseline, to the last bit, and
    training moves away from it only if that helps;
(c) beside the LSTM's state, the head sees where the last row stands (`window_context`), which 60 steps of a network
    learn only roughly, and the calendar of the coming sessions;
(d) the head's weights decay fast, except those for volume: prices offer little to learn and much to overfit. They decay
    toward zero, or toward a child's initial weights (`hold`).

The scaler is stored in buffers, so a checkpoint needs no other file. `inference` computes the same without torch.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stockops.arrays import Floats
from stockops.forecasting import ranges, spread
from stockops.forecasting.covariates import TRAITS, Covariates
from stockops.forecasting.inference import LSTMConfig, Weights, calendar, encoded
from stockops.forecasting.normalization import WINDOW_CONTEXT, window_context
from stockops.market.features import FEATURES

_BATCH = 128  # windows per pass without gradients, so that their states fit a core's cache
_VOLUME = FEATURES.index("Volume")
_DECAY, _OF_VOLUME = 100.0, 30.0  # per unit of learning rate; for volume, only on the LSTM's state

Inputs = tuple[Tensor, ...]


class PriceLSTM(nn.Module):
    """Predicts changes from the reference row in `units`, (windows, 5, 7), from what `inputs` returns."""

    scaler_mean: Tensor
    scaler_scale: Tensor
    spread: Tensor
    range_quantiles: Tensor
    shortfall: Tensor
    decay: Tensor
    calendar_decay: Tensor
    prior: Tensor
    calendar_prior: Tensor

    def __init__(self, config: LSTMConfig | None = None) -> None:
        super().__init__()
        self.config = config or LSTMConfig()
        c = self.config
        self.body = nn.LSTM(c.features, c.hidden, c.layers, batch_first=True, dropout=c.dropout)
        self.head = nn.Linear(c.hidden + WINDOW_CONTEXT, c.horizon * c.features)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.calendar = nn.Parameter(torch.zeros(c.horizon, c.features, 2 * TRAITS))
        self.register_buffer("scaler_mean", torch.zeros(c.features, dtype=torch.float64))
        self.register_buffer("scaler_scale", torch.ones(c.features, dtype=torch.float64))
        self.register_buffer("spread", torch.zeros(c.horizon, spread.TERMS, dtype=torch.float64))
        self.register_buffer("range_quantiles", torch.zeros(ranges.SHAPE, dtype=torch.float64))
        self.register_buffer("shortfall", torch.ones(c.horizon, dtype=torch.float64))
        decay = torch.full((c.horizon, c.features, c.hidden + WINDOW_CONTEXT), _DECAY)
        decay[:, _VOLUME, : c.hidden], decay[:, _VOLUME, c.hidden :] = _OF_VOLUME, 0.0
        self.register_buffer("decay", decay.flatten(0, 1), persistent=False)
        self.register_buffer("calendar_decay", decay[..., -1:].clone(), persistent=False)
        self.register_buffer("prior", torch.zeros_like(self.head.weight), persistent=False)
        self.register_buffer("calendar_prior", torch.zeros_like(self.calendar), persistent=False)

    @classmethod
    def of(cls, weights: Weights, config: LSTMConfig) -> "PriceLSTM":
        """Return a network with these weights, in evaluation mode."""
        network = cls(config)
        network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
        return network.eval()

    def weights(self) -> Weights:
        """Return the state dict as copied NumPy arrays."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}

    def inputs(self, windows: Floats, covariates: Covariates) -> Inputs:
        """Return the network's inputs, float32 on its device: (windows, 60, 7), (windows, 15), (windows, 5, 18)."""
        stands = window_context(windows, covariates).astype(np.float32)
        seen = encoded(windows, self.weights()), stands, calendar(covariates)
        return tuple(torch.from_numpy(array).to(self.scaler_mean.device) for array in seen)

    def state(self, rows: Tensor, stands: Tensor) -> Tensor:
        """Return the head's input, (windows, 143): the top layer after the last row, and the window context."""
        states, _ = self.body(rows)
        return torch.cat([states[:, -1], stands], dim=1)

    def change(self, state: Tensor, calendar: Tensor) -> Tensor:
        """Return the changes from the reference row in `units`, (windows, 5, 7)."""
        change = self.head(state).view(-1, self.config.horizon, self.config.features)
        return change + torch.einsum("whk,hck->whc", calendar, self.calendar)  # type: ignore[no-any-return]

    def forward(self, rows: Tensor, stands: Tensor, calendar: Tensor) -> Tensor:
        """Return the changes for the output of `inputs`: body and head in one step."""
        return self.change(self.state(rows, stands), calendar)

    @torch.no_grad()
    def hold(self, decay: float) -> None:
        """Make the head's weights decay toward their current values instead of zero, and faster by `decay`."""
        self.prior.copy_(self.head.weight)
        self.calendar_prior.copy_(self.calendar)
        self.decay += decay
        self.calendar_decay += decay

    @torch.no_grad()
    def shrink(self, learning_rate: float) -> None:
        """Apply one training step's decay to the head's weights."""
        self.head.weight.lerp_(self.prior, learning_rate * self.decay)
        self.calendar.lerp_(self.calendar_prior, learning_rate * self.calendar_decay)


@torch.no_grad()
def in_batches(network: nn.Module, function: Callable[..., Tensor], inputs: Inputs) -> Tensor:
    """Return `function` of every input row, without dropout or gradients, in batches that fit a core's cache."""
    network.eval()
    return torch.cat([function(*parts) for parts in zip(*(torch.split(part, _BATCH) for part in inputs), strict=True)])


def states(model: PriceLSTM, inputs: Inputs) -> Tensor:
    """Return the head's input for every window, (windows, 143), without dropout.

    A frozen LSTM is a fixed function, so this is computed once and the head is trained on it.
    """
    return in_batches(model, model.state, inputs[:2])
