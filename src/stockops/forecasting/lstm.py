"""The network: a 3-layer LSTM that reads 60 sessions and says how the next 5 differ from the last close.

Four things make it useful out of sample, where a plain LSTM on price levels loses to persistence by
a factor of ten:

(a) prices, volume and MACD enter relative to the window's last row and in the window's own units (`normalization`);
(b) the head predicts the change from the `anchor`, the last close for all four prices, in units of the spread that
    the sessions to come are expected to have, and starts at zero: an untrained network *is* persistence, to the
    last bit, and training can only move away from it where that helps;
(c) beside the LSTM's state the head sees where the last row stands (`window_context`), which 60 steps of a network
    learn only roughly, and the calendar of the sessions to come;
(d) its weights decay fast but where volume is said: of prices there is little to learn, and much to learn by heart.
    They decay toward zero, or toward where a child began (`hold`).

The scaler lives inside as buffers, so a checkpoint needs nothing beside it. `inference` says the same without torch.
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

_BATCH = 128  # windows in one pass without gradients, whose states fit a core's cache
_VOLUME = FEATURES.index("Volume")
_DECAY, _OF_VOLUME = 100.0, 30.0  # of a weight for each unit of learning rate; of volume, on the LSTM's state alone

Inputs = tuple[Tensor, ...]


class PriceLSTM(nn.Module):
    """Says changes from the anchor in `units`, (windows, 5, 7), of encoded windows and where they stand."""

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
        """Return the network that has these weights."""
        network = cls(config)
        network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
        return network.eval()

    def weights(self) -> Weights:
        """Return the state dict as arrays of its own."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}

    def inputs(self, windows: Floats, covariates: Covariates) -> Inputs:
        """Return what the network reads, float32 on its device: (windows, 60, 7), (windows, 15), (windows, 5, 18)."""
        stands = window_context(windows, covariates).astype(np.float32)
        seen = encoded(windows, self.weights()), stands, calendar(covariates)
        return tuple(torch.from_numpy(array).to(self.scaler_mean.device) for array in seen)

    def state(self, rows: Tensor, stands: Tensor) -> Tensor:
        """Return what the head sees, (windows, 143): the top layer after the last row, and where that row stands."""
        states, _ = self.body(rows)
        return torch.cat([states[:, -1], stands], dim=1)

    def change(self, state: Tensor, calendar: Tensor) -> Tensor:
        """Return the changes from the anchor in `units`, (windows, 5, 7)."""
        change = self.head(state).view(-1, self.config.horizon, self.config.features)
        return change + torch.einsum("whk,hck->whc", calendar, self.calendar)  # type: ignore[no-any-return]

    def forward(self, rows: Tensor, stands: Tensor, calendar: Tensor) -> Tensor:
        """Return the changes for what `inputs` gives: body and head in one step."""
        return self.change(self.state(rows, stands), calendar)

    @torch.no_grad()
    def hold(self, decay: float) -> None:
        """Let the head's weights decay toward what they are now instead of toward zero, and by that much faster."""
        self.prior.copy_(self.head.weight)
        self.calendar_prior.copy_(self.calendar)
        self.decay += decay
        self.calendar_decay += decay

    @torch.no_grad()
    def shrink(self, learning_rate: float) -> None:
        """Let the head's weights decay by a step of training."""
        self.head.weight.lerp_(self.prior, learning_rate * self.decay)
        self.calendar.lerp_(self.calendar_prior, learning_rate * self.calendar_decay)


@torch.no_grad()
def in_batches(network: nn.Module, function: Callable[..., Tensor], inputs: Inputs) -> Tensor:
    """Return `function` of every input row, without dropout or gradients, in passes that fit a core's cache."""
    network.eval()
    return torch.cat([function(*parts) for parts in zip(*(torch.split(part, _BATCH) for part in inputs), strict=True)])


def states(model: PriceLSTM, inputs: Inputs) -> Tensor:
    """Return what the head sees of every window, (windows, 143), without dropout.

    A frozen LSTM is a fixed function, so this is computed once and the head trained on it.
    """
    return in_batches(model, model.state, inputs[:2])
