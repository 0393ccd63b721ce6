import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops.forecasting import ranges

SPREAD = np.sqrt(np.arange(1.0, 6.0))


def residuals(count: int, seed: int) -> np.ndarray:
    """Return misses of persistence on a random walk in units of its spread, (count, 3, 2, 5), NaN at the end."""
    rolling_forecasts = np.cumsum(np.random.default_rng(seed).normal(0, 1, count))
    ahead = np.stack([np.r_[rolling_forecasts[days:], np.full(days, np.nan)] for days in range(1, 6)], axis=1)
    beyond = (ahead - rolling_forecasts[:, None]) / SPREAD
    return np.repeat(np.stack([-beyond, beyond], axis=1)[:, None], 3, axis=1)


def known(values: np.ndarray) -> np.ndarray:
    """Return the rows of which every target has come."""
    return np.asarray(values[~np.isnan(values).any(axis=(1, 2, 3))])


def shares(missed: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the share within each bound, (3, 2, 4, 5), of misses (origins, 3, 2, 5)."""
    inside = np.where(np.isnan(missed)[:, :, :, None], np.nan, missed[:, :, :, None] <= bounds)
    return np.asarray(np.nanmean(inside, axis=0))


def flat(*of_shares: float) -> np.ndarray:
    """Return quantiles that are the same for all channels, sides and horizons."""
    return np.asarray(np.broadcast_to(np.array(of_shares)[:, None], ranges.SHAPE).copy())


PROMISED = np.array(ranges.HELD)[:, None]


def test_a_miss_is_measured_to_each_side_in_the_spread_expected() -> None:
    forecast = np.full((2, 5, 5), 100.0)
    actual = forecast.copy()
    actual[0, :, 3] *= np.exp(0.02)  # Close
    actual[1, 4, 1] *= np.exp(-0.04)  # High on the fifth day
    missed = ranges.residuals(np.array([[0.01] * 5, [0.02] * 5]), forecast, actual)
    assert missed.shape == (2, 3, 2, 5)
    np.testing.assert_allclose(missed[0, 0], [[-2] * 5, [2] * 5])
    np.testing.assert_allclose(missed[1, 1], [[0, 0, 0, 0, 2], [0, 0, 0, 0, -2]])
    assert (missed[:, 2] == 0).all()


def test_ranges_cover_what_they_promise_on_walks_they_were_not_calibrated_on() -> None:
    quantiles = ranges.calibrate(known(residuals(8000, seed=1)))
    held = shares(residuals(8000, seed=2), np.tile(quantiles, (8000, 1, 1, 1, 1)))
    np.testing.assert_allclose(held, np.broadcast_to(PROMISED, held.shape), atol=0.02)


def test_each_side_has_a_quantile_of_its_own() -> None:
    missed = known(residuals(4000, seed=1))
    missed[:, :, 0] *= 3.0  # falls go three times as far
    quantiles = ranges.calibrate(missed)
    np.testing.assert_allclose(quantiles[:, 0] / quantiles[:, 1], 3.0, rtol=0.25)


def test_the_quantile_is_the_conformal_one() -> None:
    nine = np.tile(np.arange(1.0, 10.0)[:, None, None, None], (1, 3, 2, 5))
    # n = 9: the last for 90 % (ceil(10 * 0.9) = 9), and for all beyond
    np.testing.assert_allclose(ranges.calibrate(nine), 9.0)
    hundred = np.tile(np.arange(1.0, 101.0)[:, None, None, None], (1, 3, 2, 5))
    np.testing.assert_allclose(ranges.calibrate(hundred), np.broadcast_to([[91.0], [96], [99], [100]], ranges.SHAPE))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_tracked_range_holds_its_promise_in_another_market_than_it_was_calibrated_on(factor: float) -> None:
    quantiles = ranges.calibrate(known(residuals(4000, seed=1)))
    came = factor * residuals(8000, seed=2)
    learnt = slice(2000, None)  # eight years
    held = shares(came[learnt], ranges.track(quantiles, came)[learnt])
    np.testing.assert_allclose(held, np.broadcast_to(PROMISED, held.shape), atol=0.02)
    if factor == 2.0:  # what it would have held without
        assert shares(came, np.tile(quantiles, (8000, 1, 1, 1, 1)))[:, :, 0].max() < 0.8


def test_a_range_learns_of_a_miss_when_its_day_has_come_and_not_before() -> None:
    quantiles = flat(1.0, 1.5, 2.0, 2.5)
    came = np.full((12, 3, 2, 5), 0.5)
    other = came.copy()
    other[4, 0, 1] = 9.0  # the close after the fifth origin lies far above, each of its days
    calm, shocked = (ranges.track(quantiles, values) for values in (came, other))
    for days in range(1, 6):
        changed = np.flatnonzero((calm[..., days - 1] != shocked[..., days - 1]).any(axis=(1, 2, 3)))
        assert changed[0] == 4 + days
    assert (shocked >= calm).all()
    np.testing.assert_array_equal(shocked[:, 1:], calm[:, 1:])  # the other channels learnt nothing of it


def test_a_miss_moves_both_sides_and_its_own_a_little_more() -> None:
    quantiles = flat(1.0, 1.5, 2.0, 2.5)
    came = np.full((2, 3, 2, 5), 0.5)
    other = came.copy()
    other[0, 0, 1] = 9.0
    calm, shocked = (ranges.track(quantiles, values)[1, 0, :, :, 0] for values in (came, other))
    below, above = (shocked - calm) / quantiles[0, :, :, 0]
    np.testing.assert_allclose(above, 0.02 * (0.15 + 0.85 / 2))
    np.testing.assert_allclose(below, 0.02 * 0.85 / 2)
    np.testing.assert_allclose(calm[0], quantiles[0, 0, :, 0] * (1 - 0.02 * (1 - PROMISED[:, 0])))


def test_tracking_changes_nothing_before_anything_is_known() -> None:
    quantiles = flat(1.0, 1.5, 2.0, 2.5)
    np.testing.assert_array_equal(ranges.track(quantiles, np.full((1, 3, 2, 5), np.nan))[0], quantiles)


def test_an_unknown_target_at_the_end_moves_nothing() -> None:
    quantiles, came = flat(1.0, 1.5, 2.0, 2.5), residuals(30, seed=0)
    guessed = np.where(np.isnan(came), 99.0, came)
    np.testing.assert_array_equal(ranges.track(quantiles, came), ranges.track(quantiles, guessed))


def test_what_a_training_leaves_is_what_its_last_two_years_made_of_the_quantiles() -> None:
    calm, wild = known(residuals(2000, seed=1)), 2 * known(residuals(600, seed=2))
    start = ranges.calibrate(np.concatenate([calm, wild]))
    settled = ranges.settled(start, np.concatenate([calm, wild]))
    np.testing.assert_array_equal(settled, ranges.track(start, wild[-500:])[-1])
    assert settled[:, :, 0].mean() > start[:, :, 0].mean()


@settings(deadline=None, max_examples=50)
@given(
    days=st.integers(1, 63),
    level=st.floats(0.01, 1e6),
    spread=st.lists(st.floats(1e-4, 0.5), min_size=5, max_size=5),
    widths=st.lists(st.floats(0, 5), min_size=20, max_size=20),
    seed=st.integers(0, 99),
)
def test_ranges_enclose_the_forecast_and_never_narrow(
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


def test_a_price_that_never_moved_has_a_range_of_nothing_until_it_moves() -> None:
    quantiles = ranges.calibrate(np.zeros((200, 3, 2, 5)))
    still = ranges.intervals(np.full((1, 5, 5), 50.0), np.full((1, 5), 1e-4), quantiles[None])
    np.testing.assert_array_equal(still, 50.0)
    assert (ranges.track(quantiles, np.full((20, 3, 2, 5), 3.0))[-1] > 0).all()
