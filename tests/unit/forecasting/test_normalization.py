"""The network's view of a window: what must not matter to it, and that what it says leads back to prices."""

import numpy as np
import pytest

from stockops.arrays import Floats
from stockops.forecasting import normalization, volatility
from stockops.forecasting.covariates import Covariates
from stockops.market import features, windows
from tests.builders import bars

SPREAD = np.full((1, 5), 0.012) * np.sqrt(np.arange(1, 6))


def table() -> windows.Windows:
    return windows.make(features.add(bars(300)).to_numpy(), symbol="AAPL", split="random", seed=0)


def window_context(context: Floats) -> Floats:
    return normalization.window_context(context, Covariates.unknown(len(context)))


def test_a_price_ten_times_as_high_and_a_volume_seven_times_look_the_same() -> None:
    context = table().context.copy()
    context[..., 4] *= 1e6  # a share more or less then makes no difference
    higher = context * np.array([10, 10, 10, 10, 7, 1, 10])  # MACD is in the price's currency
    np.testing.assert_allclose(normalization.relative(higher), normalization.relative(context), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(window_context(higher), window_context(context), rtol=1e-6, atol=1e-6)


def test_a_market_twice_as_wild_looks_the_same() -> None:
    calm = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.001, 60)))
    both = [normalization.relative(np.repeat(closes[:, None], 7, axis=1)[None])[..., 3] for closes in (calm, calm**2)]
    np.testing.assert_allclose(both[0], both[1], rtol=0.02, atol=0.05)


def test_relative_windows_end_at_the_anchor_and_survive_one_without_trading_or_movement() -> None:
    context = table().context.copy()
    context[0, :, 4] = 0
    context[1, :, :4] = 50.0
    encoded = normalization.relative(context)
    assert np.isfinite(encoded).all()
    assert np.isfinite(window_context(context)).all()
    last, rsi = encoded[:, -1], features.FEATURES.index("RSI14")
    assert (last[:, [3, 4, 6]] == 0).all()  # Close, Volume, MACD
    np.testing.assert_allclose(last[:, rsi] * 15, context[:, -1, rsi])


def test_what_the_head_is_to_say_leads_to_the_rows_that_came() -> None:
    cut = table()
    found = normalization.denormalize(cut.context, normalization.changes(cut.context, cut.target, SPREAD), SPREAD)
    np.testing.assert_allclose(found, cut.target, rtol=1e-6, atol=1e-6)


def test_no_head_makes_a_volume_that_is_no_number() -> None:
    context = table().context
    assert np.isfinite(normalization.denormalize(context, np.full((len(context), 5, 7), 1e6), SPREAD)).all()


def windows_of(moves: Floats, *, night: float = 1.0) -> Floats:
    """Return windows (n, 60, 7) of these log returns (n, 59), a share of each overnight."""
    close = np.exp(np.cumsum(np.c_[np.zeros(len(moves)), moves], axis=1))
    opened = np.c_[close[:, :1], close[:, :-1] * np.exp(night * moves)]
    rows = [opened, np.maximum(opened, close), np.minimum(opened, close), close, *[np.ones_like(close)] * 3]
    return np.stack(rows, axis=2)


def test_volatility_of_a_constant_move_overnight_is_that_move() -> None:
    np.testing.assert_allclose(volatility.volatility(windows_of(0.02 * np.tile([1, -1], 30)[None, :59])), 0.02)


def test_volatility_of_a_random_walk_is_that_of_its_closes_and_steadier() -> None:
    steps = np.random.default_rng(0).normal(0, 0.02 / np.sqrt(400), (300, 60 * 400)).cumsum(axis=1)
    days = 100 * np.exp(steps).reshape(300, 60, 400)
    rows = [days[..., 0], days.max(axis=2), days.min(axis=2), days[..., -1], *[np.ones((300, 60))] * 3]
    found = volatility.volatility(np.stack(rows, axis=2))
    assert found.mean() == pytest.approx(0.02, rel=0.07)  # 400 steps a day miss what lies between them
    weights = 0.94 ** np.arange(58, -1, -1)
    of_closes = np.sqrt(np.diff(np.log(days[..., -1]), axis=1) ** 2 @ (weights / weights.sum()))
    assert found.std() < 0.6 * of_closes.std()


def test_volatility_weighs_the_last_days_most_and_goes_back_to_what_is_usual() -> None:
    calm_then_wild = np.r_[np.full(49, 0.001), np.full(10, 0.05)]
    late, early = volatility.volatility(windows_of(np.stack([calm_then_wild, calm_then_wild[::-1]])))
    assert early < late < 0.05
    assert late > 3 * early


def test_volatility_of_a_flat_price_is_a_basis_point() -> None:
    np.testing.assert_allclose(volatility.volatility(windows_of(np.zeros((1, 59)))), 1e-4)
