"""The network: a 3-layer LSTM that reads 60 sessions and says how the next 5 differ from the last close.

Three things make it useful out of sample, where a plain LSTM on price levels loses to «tomorrow = today» by
a factor of ten:

(a) prices, volume and MACD enter relative to the window's last row and in the window's own units (`relative`);
(b) the head predicts the change from the `anchor`, the last close for all four prices, and starts at zero: an
    untrained network *is* «tomorrow = today», to the last bit, and training can only move away from it where
    that helps;
(c) beside the LSTM's state the head sees where the last row stands (`standing`), which 60 steps of a network
    learn only roughly.

The scaler lives inside as buffers, so a checkpoint needs nothing beside it. `inference` says the same without torch.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stockops.forecasting.inference import LSTMConfig, Weights, encoded
from stockops.forecasting.relative import STANDING, Floats, standing

_BATCH = 128  # windows in one pass without gradients, whose states fit a core's cache

Inputs = tuple[Tensor, ...]


class PriceLSTM(nn.Module):
    """Says changes from the anchor in `units`, (windows, 5, 7), of encoded windows and where they stand."""

    scaler_mean: Tensor
    scaler_scale: Tensor
    range_quantiles: Tensor

    def __init__(self, config: LSTMConfig | None = None) -> None:
        super().__init__()
        self.config = config or LSTMConfig()
        c = self.config
        self.body = nn.LSTM(c.features, c.hidden, c.layers, batch_first=True, dropout=c.dropout)
        self.head = nn.Linear(c.hidden + STANDING, c.horizon * c.features)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("scaler_mean", torch.zeros(c.features, dtype=torch.float64))
        self.register_buffer("scaler_scale", torch.ones(c.features, dtype=torch.float64))
        self.register_buffer("range_quantiles", torch.zeros(2, c.horizon, dtype=torch.float64))

    @classmethod
    def of(cls, weights: Weights, config: LSTMConfig) -> "PriceLSTM":
        """Return the network that has these weights."""
        network = cls(config)
        network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
        return network.eval()

    def weights(self) -> Weights:
        """Return the state dict as arrays of its own."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}

    def inputs(self, windows: Floats) -> Inputs:
        """Return what the network reads of raw windows, float32 on its device: (windows, 60, 7) and (windows, 5)."""
        seen = encoded(windows, self.weights()), standing(windows).astype(np.float32)
        return tuple(torch.from_numpy(array).to(self.scaler_mean.device) for array in seen)

    def state(self, rows: Tensor, stands: Tensor) -> Tensor:
        """Return what the head sees, (windows, 133): the top layer after the last row, and where that row stands."""
        states, _ = self.body(rows)
        return torch.cat([states[:, -1], stands], dim=1)

    def change(self, state: Tensor) -> Tensor:
        """Return the changes from the anchor in `units`, (windows, 5, 7)."""
        return self.head(state).view(-1, self.config.horizon, self.config.features)  # type: ignore[no-any-return]

    def forward(self, rows: Tensor, stands: Tensor) -> Tensor:
        """Return the changes for what `inputs` gives: body and head in one step."""
        return self.change(self.state(rows, stands))


@torch.no_grad()
def in_batches(network: nn.Module, function: Callable[..., Tensor], inputs: Inputs) -> Tensor:
    """Return `function` of every input row, without dropout or gradients, in passes that fit a core's cache."""
    network.eval()
    return torch.cat([function(*parts) for parts in zip(*(torch.split(part, _BATCH) for part in inputs), strict=True)])


def states(model: PriceLSTM, inputs: Inputs) -> Tensor:
    """Return what the head sees of every window, (windows, 133), without dropout.

    A frozen LSTM is a fixed function, so this is computed once and the head trained on it.
    """
    return in_batches(model, model.state, inputs)
