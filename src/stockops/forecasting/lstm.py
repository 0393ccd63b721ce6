"""The network: a 3-layer LSTM that reads 60 sessions and says how the next 5 differ from the last close.

Three things make it useful out of sample, where a plain LSTM on price levels loses to «tomorrow = today» by
a factor of ten:

(a) prices, volume and MACD enter relative to the window's last row and in the window's own units (`relative`),
    so a price never seen before looks like any other, 2005 like 2025, and a calm month like a wild one;
(b) the head predicts the change from the `anchor`, the last close for all four prices, and starts at zero: an
    untrained network *is* «tomorrow = today», to the last bit, and training can only move away from it where
    that helps;
(c) beside the LSTM's state the head sees where the last row stands (`standing`), which 60 steps of a network
    learn only roughly.

Raw units go in and out; the scaler lives inside as buffers, so a checkpoint needs nothing beside it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from stockops.market.features import FEATURES
from stockops.market.windows import CONTEXT, HORIZON

_HIGH, _LOW, _CLOSE, _VOLUME, _RSI = (FEATURES.index(name) for name in ("High", "Low", "Close", "Volume", "RSI14"))
_RSI_POINTS = 15.0  # about its standard deviation, so that RSI14 weighs in the loss like the others
_WILDEST = 5.0  # largest change of log volume, a factor of 150, whatever the head says
_BATCH = 256  # windows in one pass without gradients
_DECAY = 0.85  # of a session's weight in today's volatility
_LATELY = 0.7  # how far volatility is what it was lately, and not what is usual
_QUIET = 1e-4  # a price that moves less than a basis point a day gives no unit to measure in
_AVERAGES = (5, 20, 60)  # sessions that volume is compared with; as in HAR models (Corsi, 2009), plus the window
STANDING = len(_AVERAGES) + 2
METHOD = 2  # what the weights mean; raise it with every change of units, anchor or inputs


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
        self.head = nn.Linear(c.hidden + STANDING, c.horizon * c.features)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("scaler_mean", torch.zeros(c.features, dtype=torch.float64))
        self.register_buffer("scaler_scale", torch.ones(c.features, dtype=torch.float64))
        self.register_buffer("range_quantiles", torch.zeros(2, c.horizon, dtype=torch.float64))

    def encode(self, windows: Tensor) -> Tensor:
        """Return what the LSTM reads, float32 (windows, 60, 7): the relative window, standardised."""
        return ((relative(windows) - self.scaler_mean) / self.scaler_scale).float()

    def state(self, windows: Tensor) -> Tensor:
        """Return what the head sees, (windows, 133): the top layer after the last row, and where that row stands."""
        states, _ = self.body(self.encode(windows))
        return torch.cat([states[:, -1], standing(windows).float()], dim=1)

    def change(self, state: Tensor) -> Tensor:
        """Return the changes from the anchor in `units`, (windows, 5, 7)."""
        return self.head(state).view(-1, self.config.horizon, self.config.features)  # type: ignore[no-any-return]

    def respond(self, windows: Tensor) -> Tensor:
        """Return the changes for raw windows: body and head in one step."""
        return self.change(self.state(windows))

    def forward(self, windows: Tensor) -> Tensor:
        """Return the forecast in raw units, float64 (windows, 5, 7)."""
        return applied(windows, self.respond(windows))


def volatility(windows: Tensor) -> Tensor:
    """Return the standard deviation of a daily log return as it stands at the end of a window, shape (windows,).

    Each session's variance is that of the night (last close to open) and of the day (Garman-Klass, from open, high, low
    and close), which tells several times more of it than the close alone. The estimate lies between their mean over
    the window and one that weighs the last days most, in logarithms: volatility comes back to what is usual. The
    mean return is taken as zero; never below a basis point.
    Source: Garman, Klass, On the Estimation of Security Price Volatilities from Historical Data (1980).
    """
    opened, high, low, close = windows[..., : _CLOSE + 1].log().unbind(dim=-1)
    night = (opened[:, 1:] - close[:, :-1]).square()
    day = 0.5 * (high - low).square() - (2 * math.log(2) - 1) * (close - opened).square()
    variance = night + day[:, 1:]
    age = torch.arange(variance.shape[1] - 1, -1, -1, dtype=variance.dtype, device=variance.device)
    weights = _DECAY**age
    lately, usual = variance @ (weights / weights.sum()), variance.mean(dim=1)
    return (lately**_LATELY * usual ** (1 - _LATELY)).sqrt().clamp(min=_QUIET)


def units(windows: Tensor) -> Tensor:
    """Return what a change is measured in, (windows, 1, 7): a window's own volatility.

    Prices and MACD: the last close times the volatility, what a usual day brings. Volume is measured in logarithms
    and RSI14 in points: it has a scale of its own.
    """
    unit = (windows[:, -1, _CLOSE] * volatility(windows))[:, None, None].expand(-1, 1, windows.shape[-1]).clone()
    unit[..., _VOLUME] = 1.0
    unit[..., _RSI] = _RSI_POINTS
    return unit


def anchor(windows: Tensor) -> Tensor:
    """Return what a forecast starts from, (windows, 1, 7): the last row, with its close for every price."""
    last = windows[:, -1:].clone()
    last[..., :_CLOSE] = last[..., _CLOSE, None]
    return last


def relative(windows: Tensor) -> Tensor:
    """Return windows (windows, 60, 7) as changes from the anchor in `units`, float64.

    RSI14 alone keeps its level, which is what an oscillator means.
    """
    origin = _logged(anchor(windows))
    origin[..., _RSI] = 0.0
    return (_logged(windows) - origin) / units(windows)


def changes(windows: Tensor, rows: Tensor) -> Tensor:
    """Return rows (windows, days, 5 or 7) as changes from the anchor in `units`: what the head is to say."""
    columns = rows.shape[-1]
    return (_logged(rows) - _logged(anchor(windows))[..., :columns]) / units(windows)[..., :columns]


def applied(windows: Tensor, change: Tensor) -> Tensor:
    """Return the rows in raw units that these changes lead to, float64 (windows, days, 7)."""
    origin, change = anchor(windows), change.double()
    rows = origin + change * units(windows)
    volume, growth = origin[..., _VOLUME], change[..., _VOLUME].clamp(-_WILDEST, _WILDEST)
    rows[..., _VOLUME] = volume + (volume + 1) * growth.expm1()
    return rows


def standing(windows: Tensor) -> Tensor:
    """Return where the last row stands in its window, float64 (windows, 5).

    Log volume less its mean over 5, 20 and 60 sessions; log of today's volatility over the window's; the day's
    range in usual days' moves.
    """
    volume = windows[..., _VOLUME].log1p()
    last, close = windows[:, -1], windows[..., _CLOSE]
    now = volatility(windows)
    usual = close.log().diff(dim=1).square().mean(dim=1).sqrt().clamp(min=_QUIET)
    span = (last[:, _HIGH] - last[:, _LOW]) / (last[:, _CLOSE] * now)
    against = [volume[:, -1] - volume[:, -sessions:].mean(dim=1) for sessions in _AVERAGES]
    return torch.stack([*against, (now / usual).log(), span], dim=1)


def _logged(rows: Tensor) -> Tensor:
    """Return rows with volume in logarithms; a session without trading is zero in both."""
    logged = rows.clone()
    logged[..., _VOLUME] = logged[..., _VOLUME].log1p()
    return logged


@torch.no_grad()
def in_batches(network: nn.Module, function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Return `function` of every input row, without dropout or gradients, in passes that fit a core's cache."""
    network.eval()
    return torch.cat([function(part) for part in torch.split(inputs, _BATCH)])


def states(model: PriceLSTM, windows: Tensor) -> Tensor:
    """Return what the head sees of every window, (windows, 133), without dropout.

    A frozen LSTM is a fixed function, so this is computed once and the head trained on it.
    """
    return in_batches(model, model.state, windows)


def predict(model: PriceLSTM, windows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return forecasts (windows, 5, 7) for windows (windows, 60, 7), without dropout."""
    given = torch.as_tensor(np.ascontiguousarray(windows), device=model.scaler_mean.device)
    return in_batches(model, model, given).cpu().numpy()
