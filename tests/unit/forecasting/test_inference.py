"""Inference without torch gives the same forecast as with it."""

import numpy as np
import pytest
import torch
from torch import nn

from stockops.forecasting import inference
from stockops.forecasting.inference import LSTMConfig
from stockops.forecasting.lstm import PriceLSTM, in_batches
from stockops.forecasting.normalization import denormalize
from stockops.market import windows
from tests.builders import bars, seen


@pytest.mark.parametrize("config", [LSTMConfig(), LSTMConfig(hidden=8, layers=1, dropout=0.0)])
@pytest.mark.parametrize("count", [1, 300])
def test_a_forecast_without_torch_matches_the_network(config: LSTMConfig, count: int) -> None:
    torch.manual_seed(0)
    network = PriceLSTM(config)
    nn.init.normal_(network.head.weight, std=0.3)
    nn.init.normal_(network.head.bias, std=0.3)
    for weight in network.body.parameters():
        weight.data.mul_(3)  # far from the origin, where gates saturate
    network.scaler_mean.copy_(torch.linspace(-1, 1, 7))
    network.scaler_scale.copy_(torch.linspace(0.5, 3, 7))
    nn.init.normal_(network.calendar, std=0.3)
    nn.init.normal_(network.spread, std=0.3)
    table, covariates = seen(bars(420))
    context = windows.make(table.to_numpy(), symbol="A", split="random", seed=0).context[:count]
    known = covariates.at(np.arange(count) + windows.CONTEXT - 1)
    output = in_batches(network, network, network.inputs(context, known)).numpy()
    assert np.abs(output).max() > 0.5
    ours, spread = inference.forecast(network.weights(), context, known)
    theirs = denormalize(context, output, spread)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-5)  # MACD may be next to zero
