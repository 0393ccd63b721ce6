"""The network: a 3-layer LSTM that reads 60 sessions and says how the next 5 differ from the last one.

Two things make it useful out of sample, where a plain LSTM on price levels loses to «tomorrow = today» by
a factor of ten:

(a) prices, volume and MACD enter relative to the window's last row (`relative`), so a price never seen
    before looks like any other, and 2005 like 2025;
(b) the head predicts the change from that row and starts at zero, so an untrained network *is* the
    persistence forecast, to the last bit, and training can only move away from it where that helps.

Raw units go in and out; the scaler lives inside as buffers, so a checkpoint needs nothing beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from stockops.market.features import FEATURES
from stockops.market.windows import CONTEXT, HORIZON

_CLOSE, _VOLUME, _RSI = (FEATURES.index(name) for name in ("Close", "Volume", "RSI14"))
_BATCH = 256  # windows in one pass without gradients


@dataclass(frozen=True, slots=True)
class LSTMConfig:
    """Sizes of the network; saved in every checkpoint."""

    context: int = CONTEXT
    horizon: int = HORIZON
    features: int = len(FEATURES)
    hidden: int = 128
    layers: int = 3
    dropout: float = 0.2


class PriceLSTM(nn.Module):
    """Forecasts (windows, 5, 7) from windows (windows, 60, 7), both float64 in raw units."""

    scaler_mean: Tensor
    scaler_scale: Tensor
    range_quantiles: Tensor

    def __init__(self, config: LSTMConfig | None = None) -> None:
        super().__init__()
        self.config = config or LSTMConfig()
        c = self.config
        self.body = nn.LSTM(c.features, c.hidden, c.layers, batch_first=True, dropout=c.dropout)
        self.head = nn.Linear(c.hidden, c.horizon * c.features)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("scaler_mean", torch.zeros(c.features, dtype=torch.float64))
        self.register_buffer("scaler_scale", torch.ones(c.features, dtype=torch.float64))
        self.register_buffer("range_quantiles", torch.zeros(2, c.horizon, dtype=torch.float64))

    def encode(self, windows: Tensor) -> Tensor:
        """Return what the LSTM reads, float32 (windows, 60, 7): the relative window, standardised."""
        return ((relative(windows) - self.scaler_mean) / self.scaler_scale).float()

    def hidden(self, encoded: Tensor) -> Tensor:
        """Return the top layer's state after the last row, (windows, 128)."""
        states, _ = self.body(encoded)
        return states[:, -1]  # type: ignore[no-any-return]  # nn.LSTM is untyped

    def change(self, hidden: Tensor) -> Tensor:
        """Return the scaled changes from the last row, (windows, 5, 7)."""
        return self.head(hidden).view(-1, self.config.horizon, self.config.features)  # type: ignore[no-any-return]

    def respond(self, encoded: Tensor) -> Tensor:
        """Return the scaled changes for encoded windows: body and head in one step."""
        return self.change(self.hidden(encoded))

    def steps(self, windows: Tensor) -> Tensor:
        """Return how much of a raw unit one scaled unit of change is, float64 (windows, 1, 7)."""
        return units(windows) * self.scaler_scale

    def forward(self, windows: Tensor) -> Tensor:
        """Return the forecast in raw units, float64 (windows, 5, 7)."""
        change = self.respond(self.encode(windows))
        return windows[:, -1:] + change.double() * self.steps(windows)


def units(windows: Tensor) -> Tensor:
    """Return what a change is measured in, (windows, 1, 7): a window's own last close and mean volume.

    Prices and MACD: the last row's close. Volume: the window's mean (1 where nothing traded), since a last
    row of a half-day's trading would blow up the other 59. RSI14: 1, it has a scale of its own.
    """
    unit = windows[:, -1:, _CLOSE, None].expand(-1, -1, windows.shape[-1]).clone()
    volume = windows[..., _VOLUME].mean(dim=1, keepdim=True)
    unit[..., _VOLUME] = torch.where(volume > 0, volume, 1.0)
    unit[..., _RSI] = 1.0
    return unit


def relative(windows: Tensor) -> Tensor:
    """Return windows (windows, 60, 7) as changes from their last row in `units`, float64.

    RSI14 alone keeps its level, which is what an oscillator means.
    """
    origin = windows[:, -1:].clone()
    origin[..., _RSI] = 0.0
    return (windows - origin) / units(windows)


@torch.no_grad()
def in_batches(network: nn.Module, function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Return `function` of every input row, without dropout or gradients, in passes that fit a core's cache."""
    network.eval()
    return torch.cat([function(part) for part in torch.split(inputs, _BATCH)])


def hidden_states(model: PriceLSTM, windows: Tensor) -> Tensor:
    """Return the last hidden state of every window, (windows, 128), without dropout.

    A frozen LSTM is a fixed function, so this is computed once and the head trained on it.
    """
    return in_batches(model, lambda part: model.hidden(model.encode(part)), windows)


def predict(model: PriceLSTM, windows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return forecasts (windows, 5, 7) for windows (windows, 60, 7), without dropout."""
    given = torch.as_tensor(np.ascontiguousarray(windows), device=model.scaler_mean.device)
    return in_batches(model, model, given).cpu().numpy()
