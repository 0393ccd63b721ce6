"""A training on a GPU, where there is one: the same model but for rounding, and it forecasts without one."""

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


def learnt(cli: Cli, device: str, strategy: str) -> Checkpoint:
    called = cli("train-child", "--ticker", "AAPL", "--device", device, "--strategy", strategy, "--epochs", "3")
    assert called.code == 0, called.err
    return stored(cli.home)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_learns_what_the_cpu_learns(trained: Cli, strategy: str) -> None:
    there, here = (learnt(trained, device, strategy) for device in ("cuda", "cpu"))
    assert there.card.config == here.card.config
    theirs, ours = ([epoch.validation_loss for epoch in model.card.history] for model in (there, here))
    np.testing.assert_allclose(theirs, ours, rtol=1e-2 if strategy == "fine_tune" else 1e-4)  # dropout draws differ
    theirs_then, ours_then = (model.card.metrics.skill for model in (there, here))
    assert theirs_then is not None
    assert ours_then is not None
    assert pytest.approx(ours_then.RMSE, abs=0.01) == theirs_then.RMSE
    if strategy == "freeze":
        for name in here.weights:
            np.testing.assert_allclose(there.weights[name], here.weights[name], atol=1e-4, err_msg=name)


def test_a_parent_from_a_gpu_forecasts_without_one(cli: Cli) -> None:
    assert cli("train-parent", "--device", "cuda").code == 0
    forecast = cli("predict-parent", "--device", "cpu")
    assert forecast.code == 0, forecast.err
    assert len(forecast.document["predictions"]["week"]) == 5
