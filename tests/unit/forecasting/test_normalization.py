"""Normalized windows: the scales they do not depend on, and the way back to prices."""

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


def test_normalization_ignores_the_scale_of_prices_and_volumes() -> None:
    context = table().context.copy()
    context[..., 4] *= 1e6  # so large that one share more or less makes no difference
    higher = context * np.array([10, 10, 10, 10, 7, 1, 10])  # MACD is in the price's currency
    np.testing.assert_allclose(normalization.relative(higher), normalization.relative(context), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(window_context(higher), window_context(context), rtol=1e-6, atol=1e-6)


def test_normalization_ignores_the_level_of_volatility() -> None:
    calm = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.001, 60)))
    both = [normalization.relative(np.repeat(closes[:, None], 7, axis=1)[None])[..., 3] for closes in (calm, calm**2)]
    np.testing.assert_allclose(both[0], both[1], rtol=0.02, atol=0.05)


def test_relative_windows_end_at_the_reference_row_and_are_finite_on_flat_data() -> None:
    context = table().context.copy()
    context[0, :, 4] = 0
    context[1, :, :4] = 50.0
    encoded = normalization.relative(context)
    assert np.isfinite(encoded).all()
    assert np.isfinite(window_context(context)).all()
    last, rsi = encoded[:, -1], features.FEATURES.index("RSI14")
    assert (last[:, [3, 4, 6]] == 0).all()  # Close, Volume, MACD
    np.testing.assert_allclose(last[:, rsi] * 15, context[:, -1, rsi])


def test_denormalizing_the_changes_restores_the_targets() -> None:
    cut = table()
    found = normalization.denormalize(cut.context, normalization.changes(cut.context, cut.target, SPREAD), SPREAD)
    np.testing.assert_allclose(found, cut.target, rtol=1e-6, atol=1e-6)


def test_extreme_outputs_give_finite_values() -> None:
    context = table().context
    assert np.isfinite(normalization.denormalize(context, np.full((len(context), 5, 7), 1e6), SPREAD)).all()


def windows_of(moves: Floats, *, night: float = 1.0) -> Floats:
    """Return windows (n, 60, 7) with these log returns (n, 59), the share `night` of each overnight."""
    close = np.exp(np.cumsum(np.c_[np.zeros(len(moves)), moves], axis=1))
    opens = np.c_[close[:, :1], close[:, :-1] * np.exp(night * moves)]
    rows = [opens, np.maximum(opens, close), np.minimum(opens, close), close, *[np.ones_like(close)] * 3]
    return np.stack(rows, axis=2)


def test_volatility_of_constant_overnight_moves_is_their_size() -> None:
    np.testing.assert_allclose(volatility.volatility(windows_of(0.02 * np.tile([1, -1], 30)[None, :59])), 0.02)


def test_volatility_of_a_random_walk_is_right_and_steadier_than_from_closes() -> None:
    steps = np.random.default_rng(0).normal(0, 0.02 / np.sqrt(400), (300, 60 * 400)).cumsum(axis=1)
    days = 100 * np.exp(steps).reshape(300, 60, 400)
    rows = [days[..., 0], days.max(axis=2), days.min(axis=2), days[..., -1], *[np.ones((300, 60))] * 3]
    found = volatility.volatility(np.stack(rows, axis=2))
    assert found.mean() == pytest.approx(0.02, rel=0.07)  # 400 steps a day miss the extremes between them
    weights = 0.94 ** np.arange(58, -1, -1)
    of_closes = np.sqrt(np.diff(np.log(days[..., -1]), axis=1) ** 2 @ (weights / weights.sum()))
    assert found.std() < 0.6 * of_closes.std()


def test_volatility_weights_the_last_days_most_and_reverts_to_its_usual_level() -> None:
    calm_then_wild = np.r_[np.full(49, 0.001), np.full(10, 0.05)]
    late, early = volatility.volatility(windows_of(np.stack([calm_then_wild, calm_then_wild[::-1]])))
    assert early < late < 0.05
    assert late > 3 * early


def test_volatility_of_a_flat_price_is_a_basis_point() -> None:
    np.testing.assert_allclose(volatility.volatility(windows_of(np.zeros((1, 59)))), 1e-4)
