"""The network, the transfer, the loop: what the method promises."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from stockops.forecasting import fit, learning, lstm, transfer
from stockops.forecasting.adam import Adam
from stockops.forecasting.lstm import LSTMConfig, PriceLSTM
from stockops.market import features, windows
from stockops.records import EpochLoss
from tests.builders import bars

SMALL = LSTMConfig(hidden=8)


def table(rows: int = 300, seed: int = 0) -> windows.Windows:
    values = features.add(bars(rows, seed=seed)).to_numpy()
    return windows.make(values, symbol="AAPL", split="random", seed=0)


def model(seed: int = 0, *, trained: bool = False) -> PriceLSTM:
    torch.manual_seed(seed)
    network = PriceLSTM(SMALL)
    if trained:
        nn.init.normal_(network.head.weight, std=0.1)
        nn.init.normal_(network.head.bias, std=0.1)
    return network


def tensors(cut: windows.Windows) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.as_tensor(cut.context.copy()), torch.as_tensor(cut.target.copy())


def examples(network: PriceLSTM, cut: windows.Windows, *, cached: bool = False) -> fit.Examples:
    context, target = tensors(cut)
    return fit.Examples(
        inputs=lstm.hidden_states(network, context) if cached else network.encode(context),
        targets=((target - context[:, -1:]) / network.steps(context)).float(),
        training=torch.as_tensor(cut.training),
        validation=torch.as_tensor(cut.validation),
    )


def ignore(_: EpochLoss) -> None:
    """Watch no epoch."""


def test_the_specified_network_has_three_layers_of_128_a_dropout_of_a_fifth_and_a_head_of_35() -> None:
    network = PriceLSTM()
    assert (network.body.num_layers, network.body.hidden_size, network.body.dropout) == (3, 128, 0.2)
    assert (network.body.input_size, network.head.out_features) == (7, 5 * 7)


def test_an_untrained_network_is_persistence_to_the_last_bit() -> None:
    network = model()
    network.scaler_mean.copy_(torch.linspace(-1, 1, 7))
    network.scaler_scale.copy_(torch.linspace(0.01, 3, 7))
    context = table().context
    forecast = lstm.predict(network, context)
    assert forecast.dtype == np.float64
    np.testing.assert_array_equal(forecast, np.broadcast_to(context[:, -1:], forecast.shape))


def test_a_price_ten_times_as_high_looks_the_same() -> None:
    context = torch.as_tensor(table().context.copy())
    higher = context * torch.tensor([10, 10, 10, 10, 3, 1, 10])  # MACD is in the price's currency
    torch.testing.assert_close(lstm.relative(higher), lstm.relative(context))


def test_relative_windows_end_at_zero_but_for_rsi_and_survive_a_window_without_trading() -> None:
    context = torch.as_tensor(table().context.copy())
    context[0, :, 4] = 0
    encoded = lstm.relative(context)
    assert torch.isfinite(encoded).all()
    rsi = features.FEATURES.index("RSI14")
    last = encoded[:, -1]
    torch.testing.assert_close(last[:, rsi], context[:, -1, rsi])
    assert (torch.cat([last[:, :rsi], last[:, rsi + 1 :]], dim=1) == 0).all()


def test_freeze_changes_only_the_head_and_leaves_the_parent_alone() -> None:
    parent = model(trained=True)
    before = copy.deepcopy(parent.state_dict())
    child = transfer.child_of(parent, "freeze")
    config = fit.FitConfig(epochs=2, learning_rate=1e-2)
    fit.fit(child, child.change, examples(child, table(), cached=True), config, seed=0, on_epoch=ignore)
    changed = {name for name, value in child.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}
    assert all(torch.equal(value, before[name]) for name, value in parent.state_dict().items())


def test_fine_tune_changes_the_body_too() -> None:
    parent = model(trained=True)
    child = transfer.child_of(parent, "fine_tune")
    config = fit.FitConfig(epochs=1, learning_rate=1e-3)
    fit.fit(child, child.respond, examples(child, table()), config, seed=0, on_epoch=ignore)
    name = "body.weight_hh_l0"
    assert not torch.equal(child.state_dict()[name], parent.state_dict()[name])


def test_freeze_through_cached_states_equals_freeze_through_the_network() -> None:
    parent, cut = model(trained=True), table()
    config = fit.FitConfig(epochs=2, learning_rate=1e-2)
    cached, through = (transfer.child_of(parent, "freeze") for _ in range(2))
    histories = [
        fit.fit(cached, cached.change, examples(cached, cut, cached=True), config, seed=3, on_epoch=ignore),
        fit.fit(through, through.respond, examples(through, cut), config, seed=3, on_epoch=ignore),
    ]
    torch.testing.assert_close(cached.head.weight, through.head.weight, rtol=1e-4, atol=1e-6)
    losses = [[epoch.validation_loss for epoch in history] for history in histories]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_the_weights_of_the_best_epoch_are_kept_and_the_untrained_network_counts_as_one() -> None:
    network, cut = model(), table()
    given = examples(network, cut)
    still = fit.Examples(given.inputs, torch.zeros_like(given.targets), given.training, given.validation)
    history = fit.fit(network, network.respond, still, fit.FitConfig(3, 0.5), seed=0, on_epoch=ignore)
    assert fit.best_epoch(history).epoch == 0  # persistence is exactly right here
    assert (network.head.weight == 0).all()
    assert [epoch.epoch for epoch in history] == [0, 1, 2, 3]


def test_the_kept_weights_give_the_best_validation_loss() -> None:
    network, cut = model(), table()
    given = examples(network, cut)
    history = fit.fit(network, network.respond, given, fit.FitConfig(4, 0.05), seed=0, on_epoch=ignore)
    error = lstm.in_batches(network, network.respond, given.inputs[given.validation]) - given.targets[given.validation]
    assert float(error.square().mean()) == pytest.approx(fit.best_epoch(history).validation_loss, rel=1e-6)


def test_every_epoch_is_reported_as_it_ends() -> None:
    seen: list[EpochLoss] = []
    network = model()
    history = fit.fit(
        network, network.respond, examples(network, table()), fit.FitConfig(2, 1e-3), seed=0, on_epoch=seen.append
    )
    assert seen == history[1:]


def test_the_same_seed_gives_the_same_losses_and_another_seed_others() -> None:
    def train(seed: int) -> list[EpochLoss]:
        network = model()
        given = examples(network, table())
        return fit.fit(network, network.respond, given, fit.FitConfig(2, 1e-3), seed=seed, on_epoch=ignore)

    assert train(1) == train(1)
    assert train(1)[2] != train(2)[2]


def test_adam_takes_the_steps_of_torchs_adam() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.randn(20, 8, 5)
    mine = Adam(list(ours.parameters()), learning_rate=0.01, weight_decay=0.1)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for batch in inputs:
        for network, optimiser in ((ours, mine), (theirs, reference)):
            optimiser.zero_grad()
            network(batch).square().mean().backward()
            optimiser.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-5, atol=1e-7)


def test_the_scaler_is_fitted_on_the_training_windows_alone() -> None:
    def scale(wild: str) -> torch.Tensor:
        table = learning.Table.of("AAPL", bars(300), split="chronological", seed=0)
        context = table.windows.context.copy()
        context[getattr(table.windows, wild)] *= np.linspace(1, 50, 60)[:, None]
        network = model()
        learning._fit_scaler(network, dataclasses.replace(table.windows, context=context))
        return network.scaler_scale.clone()

    untouched = learning.Table.of("AAPL", bars(300), split="chronological", seed=0).windows
    network = model()
    scaler = learning._fit_scaler(network, untouched)
    relative = lstm.relative(torch.as_tensor(untouched.context[untouched.training].copy())).flatten(0, 1)
    torch.testing.assert_close(network.scaler_mean, relative.mean(dim=0))
    torch.testing.assert_close(network.scaler_scale, relative.std(dim=0, correction=0))
    assert torch.equal(torch.as_tensor(scaler.scale_), network.scaler_scale)
    assert torch.equal(scale("validation"), network.scaler_scale)
    assert not torch.equal(scale("training"), network.scaler_scale)
