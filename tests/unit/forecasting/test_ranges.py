import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops.forecasting import ranges

SPREAD = np.sqrt(np.arange(1.0, 6.0))


def residuals(count: int, seed: int) -> np.ndarray:
    """Return residuals of persistence on a random walk in units of its spread, (count, 3, 2, 5), NaN at the end."""
    walk = np.cumsum(np.random.default_rng(seed).normal(0, 1, count))
    ahead = np.stack([np.r_[walk[days:], np.full(days, np.nan)] for days in range(1, 6)], axis=1)
    scaled = (ahead - walk[:, None]) / SPREAD
    return np.repeat(np.stack([-scaled, scaled], axis=1)[:, None], 3, axis=1)


def known(values: np.ndarray) -> np.ndarray:
    """Return the rows whose targets are all known."""
    return np.asarray(values[~np.isnan(values).any(axis=(1, 2, 3))])


def shares(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the share of residuals (origins, 3, 2, 5) within each bound, (3, 2, 4, 5)."""
    within = np.where(np.isnan(values)[:, :, :, None], np.nan, values[:, :, :, None] <= bounds)
    return np.asarray(np.nanmean(within, axis=0))


def flat(*values: float) -> np.ndarray:
    """Return quantiles that are the same for all channels, sides and horizons."""
    return np.asarray(np.broadcast_to(np.array(values)[:, None], ranges.SHAPE).copy())


NOMINAL = np.array(ranges.HELD)[:, None]


def test_residuals_are_measured_to_each_side_in_units_of_the_spread() -> None:
    forecast = np.full((2, 5, 5), 100.0)
    actual = forecast.copy()
    actual[0, :, 3] *= np.exp(0.02)  # Close
    actual[1, 4, 1] *= np.exp(-0.04)  # High on the fifth day
    found = ranges.residuals(np.array([[0.01] * 5, [0.02] * 5]), forecast, actual)
    assert found.shape == (2, 3, 2, 5)
    np.testing.assert_allclose(found[0, 0], [[-2] * 5, [2] * 5])
    np.testing.assert_allclose(found[1, 1], [[0, 0, 0, 0, 2], [0, 0, 0, 0, -2]])
    assert (found[:, 2] == 0).all()


def test_ranges_reach_nominal_coverage_on_unseen_walks() -> None:
    quantiles = ranges.calibrate(known(residuals(8000, seed=1)))
    coverage = shares(residuals(8000, seed=2), np.tile(quantiles, (8000, 1, 1, 1, 1)))
    np.testing.assert_allclose(coverage, np.broadcast_to(NOMINAL, coverage.shape), atol=0.02)


def test_each_side_has_its_own_quantile() -> None:
    values = known(residuals(4000, seed=1))
    values[:, :, 0] *= 3.0  # residuals below are three times as large
    quantiles = ranges.calibrate(values)
    np.testing.assert_allclose(quantiles[:, 0] / quantiles[:, 1], 3.0, rtol=0.25)


def test_the_quantiles_are_conformal() -> None:
    nine = np.tile(np.arange(1.0, 10.0)[:, None, None, None], (1, 3, 2, 5))
    # n = 9: the largest for 90 % (ceil(10 * 0.9) = 9) and for every higher level
    np.testing.assert_allclose(ranges.calibrate(nine), 9.0)
    hundred = np.tile(np.arange(1.0, 101.0)[:, None, None, None], (1, 3, 2, 5))
    np.testing.assert_allclose(ranges.calibrate(hundred), np.broadcast_to([[91.0], [96], [99], [100]], ranges.SHAPE))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_tracked_ranges_reach_nominal_coverage_in_another_market(factor: float) -> None:
    quantiles = ranges.calibrate(known(residuals(4000, seed=1)))
    values = factor * residuals(8000, seed=2)
    adapted = slice(2000, None)  # after eight years
    coverage = shares(values[adapted], ranges.track(quantiles, values)[adapted])
    np.testing.assert_allclose(coverage, np.broadcast_to(NOMINAL, coverage.shape), atol=0.02)
    if factor == 2.0:  # the coverage without tracking
        assert shares(values, np.tile(quantiles, (8000, 1, 1, 1, 1)))[:, :, 0].max() < 0.8


def test_tracking_uses_a_residual_only_once_its_target_day_is_over() -> None:
    quantiles = flat(1.0, 1.5, 2.0, 2.5)
    values = np.full((12, 3, 2, 5), 0.5)
    other = values.copy()
    other[4, 0, 1] = 9.0  # the closes after the fifth origin are far above its forecast, on each day
    calm, shocked = (ranges.track(quantiles, series) for series in (values, other))
    for days in range(1, 6):
        changed = np.flatnonzero((calm[..., days - 1] != shocked[..., days - 1]).any(axis=(1, 2, 3)))
        assert changed[0] == 4 + days
    assert (shocked >= calm).all()
    np.testing.assert_array_equal(shocked[:, 1:], calm[:, 1:])  # the other channels are unaffected


def test_a_large_residual_widens_both_sides_and_its_own_a_little_more() -> None:
    quantiles = flat(1.0, 1.5, 2.0, 2.5)
    values = np.full((2, 3, 2, 5), 0.5)
    other = values.copy()
    other[0, 0, 1] = 9.0
    calm, shocked = (ranges.track(quantiles, series)[1, 0, :, :, 0] for series in (values, other))
    below, above = (shocked - calm) / quantiles[0, :, :, 0]
    np.testing.assert_allclose(above, 0.02 * (0.15 + 0.85 / 2))
    np.testing.assert_allclose(below, 0.02 * 0.85 / 2)
    np.testing.assert_allclose(calm[0], quantiles[0, 0, :, 0] * (1 - 0.02 * (1 - NOMINAL[:, 0])))


def test_tracking_changes_nothing_before_any_residual_is_known() -> None:
    quantiles = flat(1.0, 1.5, 2.0, 2.5)
    np.testing.assert_array_equal(ranges.track(quantiles, np.full((1, 3, 2, 5), np.nan))[0], quantiles)


def test_unknown_targets_at_the_end_change_nothing() -> None:
    quantiles, values = flat(1.0, 1.5, 2.0, 2.5), residuals(30, seed=0)
    filled = np.where(np.isnan(values), 99.0, values)
    np.testing.assert_array_equal(ranges.track(quantiles, values), ranges.track(quantiles, filled))


def test_settled_quantiles_have_been_tracked_over_the_last_two_years() -> None:
    calm, volatile = known(residuals(2000, seed=1)), 2 * known(residuals(600, seed=2))
    start = ranges.calibrate(np.concatenate([calm, volatile]))
    settled = ranges.settled(start, np.concatenate([calm, volatile]))
    np.testing.assert_array_equal(settled, ranges.track(start, volatile[-500:])[-1])
    assert settled[:, :, 0].mean() > start[:, :, 0].mean()


@settings(deadline=None, max_examples=50)
@given(
    days=st.integers(1, 63),
    level=st.floats(0.01, 1e6),
    spread=st.lists(st.floats(1e-4, 0.5), min_size=5, max_size=5),
    widths=st.lists(st.floats(0, 5), min_size=20, max_size=20),
    seed=st.integers(0, 99),
)
def test_ranges_contain_the_forecast_and_never_narrow(
    days: int, level: float, spread: list[float], widths: list[float], seed: int
) -> None:
    calibrated = np.broadcast_to(np.sort(np.reshape(widths, (4, 5)), axis=0), ranges.SHAPE)
    quantiles = ranges.track(calibrated, residuals(40, seed))[-1]
    path = np.full((1, days, 5), level)
    [bounds] = ranges.intervals(path, np.array([spread]), quantiles[None])
    assert bounds.shape == (3, 2, days, 2)
    assert (bounds[..., 0] <= level).all()
    assert (level <= bounds[..., 1]).all()
    assert (np.diff(bounds[..., 1], axis=2) >= 0).all()
    assert (np.diff(bounds[..., 0], axis=2) <= 0).all()
    assert (bounds[:, 1, :, 0] <= bounds[:, 0, :, 0]).all()
    assert (bounds[:, 1, :, 1] >= bounds[:, 0, :, 1]).all()


def test_a_constant_price_has_ranges_of_zero_width_until_it_moves() -> None:
    quantiles = ranges.calibrate(np.zeros((200, 3, 2, 5)))
    still = ranges.intervals(np.full((1, 5, 5), 50.0), np.full((1, 5), 1e-4), quantiles[None])
    np.testing.assert_array_equal(still, 50.0)
    assert (ranges.track(quantiles, np.full((20, 3, 2, 5), 3.0))[-1] > 0).all()
