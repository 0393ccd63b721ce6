"""The network, transfer learning and the training loop."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from stockops.forecasting import checkpoint, inference, lstm, normalization, trainer, training_loop, transfer
from stockops.forecasting.adam import Adam
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.inference import LSTMConfig
from stockops.forecasting.lstm import PriceLSTM
from stockops.forecasting.train_config import FitConfig
from stockops.market import features, windows
from stockops.records import EpochLoss
from tests.builders import bars, card, seen

SMALL = LSTMConfig(hidden=8)
SPREAD = np.full((1, 5), 0.012) * np.sqrt(np.arange(1, 6))


def table(rows: int = 300, seed: int = 0) -> windows.Windows:
    values = features.add(bars(rows, seed=seed)).to_numpy()
    return windows.make(values, symbol="AAPL", split="random", seed=0)


def unknown_covariates(cut: windows.Windows) -> Covariates:
    return Covariates.unknown(len(cut.context))


def model(seed: int = 0, *, trained: bool = False) -> PriceLSTM:
    torch.manual_seed(seed)
    network = PriceLSTM(SMALL)
    if trained:
        nn.init.normal_(network.head.weight, std=0.1)
        nn.init.normal_(network.head.bias, std=0.1)
    return network


def as_checkpoint(network: PriceLSTM) -> Checkpoint:
    return checkpoint.create(network.weights(), card(network.config))


def examples(network: PriceLSTM, cut: windows.Windows, *, cached: bool = False) -> training_loop.Examples:
    inputs = network.inputs(cut.context, unknown_covariates(cut))
    return training_loop.Examples(
        inputs=(lstm.states(network, inputs), inputs[-1]) if cached else inputs,
        targets=torch.as_tensor(normalization.changes(cut.context, cut.target, SPREAD)).float(),
        training=torch.as_tensor(cut.training),
        validation=torch.as_tensor(cut.validation),
    )


def ignore(_: EpochLoss) -> None:
    """Ignore an epoch."""


def test_the_default_network_has_the_specified_layers_dropout_and_head() -> None:
    network = PriceLSTM()
    assert (network.body.num_layers, network.body.hidden_size, network.body.dropout) == (3, 128, 0.2)
    assert (network.body.input_size, network.head.out_features) == (7, 5 * 7)


def test_an_untrained_network_equals_persistence_bit_for_bit() -> None:
    network = model()
    network.scaler_mean.copy_(torch.linspace(-1, 1, 7))
    network.scaler_scale.copy_(torch.linspace(0.01, 3, 7))
    cut = table()
    context = cut.context
    forecast, _ = inference.forecast(network.weights(), context, unknown_covariates(cut))
    assert forecast.dtype == np.float64
    today = context[:, -1:].copy()
    today[..., :4] = today[..., 3:4]  # every price starts from the last close
    np.testing.assert_array_equal(forecast, np.broadcast_to(today, forecast.shape))


def test_freeze_changes_only_the_head_and_never_the_parent() -> None:
    parent = model(trained=True)
    before = copy.deepcopy(parent.state_dict())
    child = transfer.child_of(as_checkpoint(parent), "freeze", windows=200)
    config = FitConfig(epochs=2, learning_rate=1e-2)
    training_loop.fit(child, child.change, examples(child, table(), cached=True), config, seed=0, on_epoch=ignore)
    changed = {name for name, value in child.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}  # no calendar was given
    assert all(torch.equal(value, before[name]) for name, value in parent.state_dict().items())


def test_fine_tune_changes_the_body_too() -> None:
    parent = model(trained=True)
    child = transfer.child_of(as_checkpoint(parent), "fine_tune", windows=200)
    config = FitConfig(epochs=1, learning_rate=1e-3)
    training_loop.fit(child, child, examples(child, table()), config, seed=0, on_epoch=ignore)
    name = "body.weight_hh_l0"
    assert not torch.equal(child.state_dict()[name], parent.state_dict()[name])


@pytest.mark.slow
def test_freeze_on_cached_states_equals_freeze_through_the_network() -> None:
    parent, cut = model(trained=True), table()
    config = FitConfig(epochs=2, learning_rate=1e-2)
    cached, uncached = (transfer.child_of(as_checkpoint(parent), "freeze", windows=200) for _ in range(2))
    histories = [
        training_loop.fit(cached, cached.change, examples(cached, cut, cached=True), config, seed=3, on_epoch=ignore),
        training_loop.fit(uncached, uncached, examples(uncached, cut), config, seed=3, on_epoch=ignore),
    ]
    torch.testing.assert_close(cached.head.weight, uncached.head.weight, rtol=1e-4, atol=1e-6)
    losses = [[epoch.validation_loss for epoch in history] for history in histories]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_a_child_with_fewer_windows_stays_closer_to_its_parent() -> None:
    parent, cut = model(trained=True), table()
    distance = {}
    for count in (100, 1000, 10_000):
        child = transfer.child_of(as_checkpoint(parent), "freeze", windows=count)
        config = FitConfig(epochs=10, learning_rate=1e-3)
        training_loop.fit(child, child.change, examples(child, cut, cached=True), config, seed=0, on_epoch=ignore)
        distance[count] = (child.head.weight - parent.head.weight).abs().mean().item()
    assert 0 < 3 * distance[100] < distance[1000] < distance[10_000]


def test_the_best_epoch_wins_and_the_untrained_network_counts_as_one() -> None:
    network, cut = model(), table()
    given = examples(network, cut)
    unchanged = training_loop.Examples(given.inputs, torch.zeros_like(given.targets), given.training, given.validation)
    history = training_loop.fit(network, network, unchanged, FitConfig(3, 0.5), seed=0, on_epoch=ignore)
    assert training_loop.best_epoch(history).epoch == 0  # persistence is exactly right here
    assert (network.head.weight == 0).all()
    assert [epoch.epoch for epoch in history] == [0, 1, 2, 3]


def test_the_final_weights_have_the_best_validation_loss() -> None:
    network, cut = model(), table()
    given = examples(network, cut)
    history = training_loop.fit(network, network, given, FitConfig(4, 0.05), seed=0, on_epoch=ignore)
    error = lstm.in_batches(network, network, given.of(given.validation)) - given.targets[given.validation]
    assert float(error.abs().mean()) == pytest.approx(training_loop.best_epoch(history).validation_loss, rel=1e-6)


def test_every_epoch_is_reported_as_it_ends() -> None:
    reported: list[EpochLoss] = []
    network = model()
    history = training_loop.fit(
        network, network, examples(network, table()), FitConfig(2, 1e-3), seed=0, on_epoch=reported.append
    )
    assert reported == history[1:]


def test_losses_depend_on_nothing_but_the_seed() -> None:
    def train(seed: int) -> list[EpochLoss]:
        network = model()
        given = examples(network, table())
        return training_loop.fit(network, network, given, FitConfig(2, 1e-3), seed=seed, on_epoch=ignore)

    assert train(1) == train(1)
    assert train(1)[2] != train(2)[2]


def test_adam_takes_the_same_steps_as_torchs_adam() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.randn(20, 8, 5)
    own_adam = Adam(list(ours.parameters()), learning_rate=0.01, weight_decay=0.1)
    torch_adam = torch.optim.Adam(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for batch in inputs:
        for network, optimiser in ((ours, own_adam), (theirs, torch_adam)):
            optimiser.zero_grad()
            network(batch).square().mean().backward()
            optimiser.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-5, atol=1e-7)


def test_the_scaler_is_fitted_on_the_training_windows_only() -> None:
    def scale(distorted: str) -> torch.Tensor:
        table = trainer.TrainingSet.of("AAPL", *seen(bars(300)), split="chronological", seed=0)
        context = table.windows.context.copy()
        context[getattr(table.windows, distorted)] *= np.linspace(1, 50, 60)[:, None]
        network = model()
        trainer._fit_scaler(network, dataclasses.replace(table.windows, context=context))
        return network.scaler_scale.clone()

    untouched = trainer.TrainingSet.of("AAPL", *seen(bars(300)), split="chronological", seed=0).windows
    network = model()
    scaler = trainer._fit_scaler(network, untouched)
    rows = normalization.relative(untouched.context[untouched.training]).reshape(-1, 7)
    np.testing.assert_allclose(network.scaler_mean, rows.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(network.scaler_scale, rows.std(axis=0), rtol=1e-9)
    assert torch.equal(torch.as_tensor(scaler.scale), network.scaler_scale)
    assert torch.equal(scale("validation"), network.scaler_scale)
    assert not torch.equal(scale("training"), network.scaler_scale)


def train_on(rows: int, network: PriceLSTM, epochs: int = 1) -> tuple[trainer.TrainingSet, trainer.TrainingResult]:
    given = trainer.TrainingSet.of("AAPL", *seen(bars(rows)), split="random", seed=0)
    return given, trainer.train(network, given, FitConfig(epochs, 1e-3), seed=0, on_epoch=ignore)


def test_open_and_close_are_shrunk_to_fit_the_held_out_windows() -> None:
    network, cut = model(trained=True), table()
    given = examples(network, cut)
    before = copy.deepcopy(network.head.state_dict())
    output = torch.randn(len(given.validation), 5, 7, generator=torch.Generator().manual_seed(0))
    given.targets[given.validation] = output * 0.5  # half of the head's output is right
    given.targets[given.validation, :, 0] = -output[..., 0]  # and Open has the opposite sign
    factors = trainer._shrink(network, output, given, years=1.0)
    assert factors == {"Open": [0.0] * 5, "High": [1.0] * 5, "Low": [1.0] * 5, "Close": [pytest.approx(0.5)] * 5}
    share = network.head.weight.view(5, 7, -1) / before["weight"].view(5, 7, -1)
    torch.testing.assert_close(share[:, 3], torch.full_like(share[:, 3], 0.5))
    assert (share[:, 0] == 0).all()
    assert (share[:, [1, 2, 4, 5, 6]] == 1).all()
    torch.testing.assert_close(network.head.bias.view(5, 7)[:, 3], before["bias"].view(5, 7)[:, 3] * 0.5)


def test_a_median_counts_as_far_as_it_is_steady_from_year_to_year() -> None:
    noise = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    steady = -1.0 + 0.5 * noise
    changing = steady + torch.linspace(-2, 2, 8).repeat_interleave(250)
    of_steady, of_changing = trainer._steadiness(torch.stack([steady, changing], dim=1), 8).tolist()
    assert of_steady > 0.97
    assert 0.05 < of_changing < 0.4
    assert trainer._steadiness(changing[:400, None], 1).tolist() == [1.0]  # too short to tell
    assert trainer._steadiness(torch.zeros(600, 1), 2).tolist() == [0.0]  # the median is zero


def test_only_a_long_history_has_its_own_ranges_a_short_one_takes_the_parents() -> None:
    parent = model(trained=True)
    parent.range_quantiles.fill_(9.0)
    for rows, own in ((500, False), (700, True)):  # 411 and 611 windows
        child = transfer.child_of(as_checkpoint(parent), "freeze", windows=rows)
        _, learned = train_on(rows, child)
        assert learned.own_ranges is own
        assert bool((child.range_quantiles < 8.0).all()) is own  # tracked down from nine
        assert bool((child.range_quantiles < 9.0).all())


def test_a_parent_with_a_short_history_has_its_own_ranges() -> None:
    network = model()
    _, learned = train_on(300, network)
    assert learned.own_ranges
    assert (network.range_quantiles > 0).all()
