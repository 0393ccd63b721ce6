"""Training on a GPU, if there is one: the same model up to rounding, which also forecasts on the CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stockops.forecasting.checkpoint import Checkpoint, deserialize
from stockops.records import ModelRef
from tests.integration.cli import Cli

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")

STRATEGIES = ("freeze", "fine_tune")


def stored(home: Path) -> Checkpoint:
    return deserialize((home / "outputs" / "AAPL" / "AAPL_child_model.pt").read_bytes(), ModelRef("child", "AAPL"))


def train(cli: Cli, device: str, strategy: str) -> Checkpoint:
    result = cli("train-child", "--ticker", "AAPL", "--device", device, "--strategy", strategy, "--epochs", "3")
    assert result.code == 0, result.err
    return stored(cli.home)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_gpu_trains_the_same_model_as_the_cpu(trained: Cli, strategy: str) -> None:
    on_gpu, on_cpu = (train(trained, device, strategy) for device in ("cuda", "cpu"))
    assert on_gpu.card.config == on_cpu.card.config
    gpu_losses, cpu_losses = ([epoch.validation_loss for epoch in model.card.history] for model in (on_gpu, on_cpu))
    np.testing.assert_allclose(
        gpu_losses, cpu_losses, rtol=1e-2 if strategy == "fine_tune" else 1e-4
    )  # dropout draws differ
    gpu_skill, cpu_skill = (model.card.metrics.skill for model in (on_gpu, on_cpu))
    assert gpu_skill is not None
    assert cpu_skill is not None
    assert pytest.approx(cpu_skill.RMSE, abs=0.01) == gpu_skill.RMSE
    if strategy == "freeze":
        for name in on_cpu.weights:
            np.testing.assert_allclose(on_gpu.weights[name], on_cpu.weights[name], atol=1e-4, err_msg=name)


def test_a_parent_trained_on_a_gpu_forecasts_on_the_cpu(cli: Cli) -> None:
    assert cli("train-parent", "--device", "cuda").code == 0
    forecast = cli("predict-parent", "--device", "cpu")
    assert forecast.code == 0, forecast.err
    assert len(forecast.document["predictions"]["week"]) == 5
