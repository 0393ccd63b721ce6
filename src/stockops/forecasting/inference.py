"""Inference in NumPy, without torch: importing torch takes a second, a forecast a few milliseconds.

The arithmetic is that of `lstm.PriceLSTM` in evaluation mode, in float32; both agree up to rounding (within 1e-5).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stockops.arrays import Floats
from stockops.forecasting import ranges
from stockops.forecasting import spread as spreads
from stockops.forecasting.covariates import TRAITS, Covariates
from stockops.forecasting.normalization import WINDOW_CONTEXT, denormalize, relative, window_context
from stockops.market.features import FEATURES
from stockops.market.windows import CONTEXT, HORIZON

Singles = npt.NDArray[np.float32]
Weights = Mapping[str, npt.NDArray[np.floating]]

ARRAYS_OF_A_LAYER = 4  # two matrices, two biases
_BATCH = 256  # windows per pass, so that their states fit a core's cache
_RARE = 0.15


@dataclass(frozen=True, slots=True)
class LSTMConfig:
    """Sizes of the network; stored in every checkpoint."""

    context: int = CONTEXT
    horizon: int = HORIZON
    features: int = len(FEATURES)
    hidden: int = 128
    layers: int = 3
    dropout: float = 0.2


def layout(config: LSTMConfig) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return dtype and shape of every array of a network, in the order of its state dict."""
    features, gates = config.features, 4 * config.hidden
    arrays: dict[str, tuple[str, tuple[int, ...]]] = {
        "calendar": ("float32", (config.horizon, features, 2 * TRAITS)),
        "scaler_mean": ("float64", (features,)),
        "scaler_scale": ("float64", (features,)),
        "spread": ("float64", (config.horizon, spreads.TERMS)),
        "range_quantiles": ("float64", ranges.SHAPE),
        "shortfall": ("float64", (config.horizon,)),
    }
    for layer in range(config.layers):
        arrays[f"body.weight_ih_l{layer}"] = ("float32", (gates, config.hidden if layer else features))
        arrays[f"body.weight_hh_l{layer}"] = ("float32", (gates, config.hidden))
        arrays[f"body.bias_ih_l{layer}"] = arrays[f"body.bias_hh_l{layer}"] = ("float32", (gates,))
    outputs = config.horizon * features
    return arrays | {
        "head.weight": ("float32", (outputs, config.hidden + WINDOW_CONTEXT)),
        "head.bias": ("float32", (outputs,)),
    }


def encoded(windows: Floats, weights: Weights) -> Singles:
    """Return the LSTM's input, (windows, 60, 7): the relative window, standardised."""
    return ((relative(windows) - weights["scaler_mean"]) / weights["scaler_scale"]).astype(np.float32)


def calendar(covariates: Covariates) -> Singles:
    """Return the head's calendar input, (windows, 5, 18): traits of the origin's session and the target's.

    The flags are rare, so they are divided by about their standard deviation: training learns them as fast as the rest.
    """
    traits = covariates.traits
    origin = np.repeat(traits[:, :1], HORIZON, axis=1)
    return (np.concatenate([origin, traits[:, 1:]], axis=2) / _RARE).astype(np.float32)


def forecast(weights: Weights, windows: Floats, covariates: Covariates) -> tuple[Floats, Floats]:
    """Return forecasts in raw units, (windows, 5, 7), and the expected spread, (windows, 5).

    windows: (windows, 60, 7). spread: standard deviation of the log return from the last close to each session's.
    """
    spread = spreads.spread(weights["spread"].astype(np.float64), windows, covariates)
    batches = [slice(start, start + _BATCH) for start in range(0, len(windows), _BATCH)]
    change = np.concatenate([_change(weights, windows[some], covariates.at(some)) for some in batches])
    return denormalize(windows, change, spread), spread


def _change(weights: Weights, windows: Floats, covariates: Covariates) -> Singles:
    state = _last_state(weights, encoded(windows, weights))
    seen = np.concatenate([state, window_context(windows, covariates).astype(np.float32)], axis=1)
    change = (seen @ weights["head.weight"].T + weights["head.bias"]).reshape(len(windows), HORIZON, -1)
    found: Singles = change + np.einsum("whk,hck->whc", calendar(covariates), weights["calendar"])
    return found


def _last_state(weights: Weights, inputs: Singles) -> Singles:
    """Return the top layer's state after the last row, (windows, hidden), of inputs (windows, 60, 7).

    Source: Hochreiter, Schmidhuber, Long Short-Term Memory (1997), gates as torch orders them: input, forget, cell,
    output.
    """
    rows = inputs.transpose(1, 0, 2)  # (60, windows, 7)
    layer = 0
    while f"body.weight_ih_l{layer}" in weights:
        given, before = weights[f"body.weight_ih_l{layer}"].T, weights[f"body.weight_hh_l{layer}"].T
        driven = rows @ given + (weights[f"body.bias_ih_l{layer}"] + weights[f"body.bias_hh_l{layer}"])
        hidden = np.zeros((rows.shape[1], len(before)), dtype=np.float32)
        cell, states = np.zeros_like(hidden), []
        for drive in driven:
            gates = drive + hidden @ before
            enter, forget, candidate, leave = np.split(gates, 4, axis=1)
            cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(candidate)
            hidden = _sigmoid(leave) * np.tanh(cell)
            states.append(hidden)
        rows = np.stack(states)
        layer += 1
    top: Singles = rows[-1]
    return top


def _sigmoid(values: Singles) -> Singles:
    """Return the logistic function; through tanh, which never overflows."""
    share: Singles = 0.5 * np.tanh(0.5 * values) + 0.5
    return share
