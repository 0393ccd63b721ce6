import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops.forecasting import ranges


def misses(count: int, seed: int) -> np.ndarray:
    """Return misses of persistence on a random walk in units of its volatility, (count, 5), NaN at the end."""
    walk = np.cumsum(np.random.default_rng(seed).normal(0, 1, count))
    ahead = np.stack([np.r_[walk[days:], np.full(days, np.nan)] for days in range(1, 6)], axis=1)
    return np.asarray(np.abs(ahead - walk[:, None]))


def known(values: np.ndarray) -> np.ndarray:
    """Return the rows of which every target has come."""
    return np.asarray(values[~np.isnan(values).any(axis=1)])


def shares(missed: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return the share inside, (2 levels, 5 horizons), of misses (origins, 5) and widths (origins, 2, 5)."""
    inside = np.where(np.isnan(missed)[:, None], np.nan, missed[:, None] <= widths)
    return np.asarray(np.nanmean(inside, axis=0))


def test_a_miss_is_measured_in_volatility() -> None:
    forecast = np.array([[100.0, 100.0], [50.0, 50.0]])
    actual = forecast * np.exp([[0.02, -0.04], [0.03, 0.0]])
    np.testing.assert_allclose(ranges.misses(np.array([0.01, 0.03]), forecast, actual), [[2, 4], [1, 0]])


def test_ranges_cover_what_they_promise_on_walks_they_were_not_calibrated_on() -> None:
    quantiles = ranges.calibrate(known(misses(8000, seed=1)))
    for row, promised in zip(
        shares(misses(8000, seed=2), np.tile(quantiles, (8000, 1, 1))), ranges.LEVELS, strict=True
    ):
        np.testing.assert_allclose(row, promised, atol=0.02)


def test_the_quantile_is_the_conformal_one() -> None:
    nine = np.tile(np.arange(1.0, 10.0)[:, None], (1, 5))
    # n = 9: the 8th of 9 for 80 % (ceil(10 * 0.8)), the last for 95 % (ceil(9.5) = 10 is past the end)
    np.testing.assert_allclose(ranges.calibrate(nine), [[8.0] * 5, [9.0] * 5])


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_tracked_range_holds_its_promise_in_another_market_than_it_was_calibrated_on(factor: float) -> None:
    quantiles = ranges.calibrate(known(misses(4000, seed=1)))
    came = factor * misses(4000, seed=2)
    learnt = slice(1000, None)  # four years
    for row, promised in zip(shares(came[learnt], ranges.track(quantiles, came)[learnt]), ranges.LEVELS, strict=True):
        np.testing.assert_allclose(row, promised, atol=0.015)
    if factor == 2.0:  # what it would have held without
        assert shares(came, np.tile(quantiles, (4000, 1, 1))).max() < 0.7


def test_a_range_learns_of_a_miss_when_its_day_has_come_and_not_before() -> None:
    quantiles = np.array([[1.0] * 5, [2.0] * 5])
    came = np.full((12, 5), 0.5)
    other = came.copy()
    other[4] = 9.0  # the forecast from the fifth origin misses by far, each of its days
    calm, shocked = (ranges.track(quantiles, values) for values in (came, other))
    for days in range(1, 6):
        changed = np.flatnonzero((calm[:, :, days - 1] != shocked[:, :, days - 1]).any(axis=1))
        first = 4 + min(days, 1)  # a longer horizon is never narrower than a shorter one, which knows earlier
        assert changed[0] >= first
    assert (shocked[4 + 1, 0, 0] - calm[4 + 1, 0, 0]) == pytest.approx(0.01)  # outward instead of inward
    assert (shocked >= calm).all()


def test_tracking_changes_nothing_before_anything_is_known() -> None:
    quantiles = np.array([[1.0] * 5, [2.0] * 5])
    np.testing.assert_array_equal(ranges.track(quantiles, np.full((1, 5), np.nan))[0], quantiles)


def test_an_unknown_target_at_the_end_moves_nothing() -> None:
    quantiles, came = np.array([[1.0] * 5, [2.0] * 5]), misses(30, seed=0)
    guessed = np.where(np.isnan(came), 99.0, came)
    np.testing.assert_array_equal(ranges.track(quantiles, came), ranges.track(quantiles, guessed))


@settings(deadline=None, max_examples=50)
@given(
    days=st.integers(1, 63),
    level=st.floats(0.01, 1e6),
    volatility=st.floats(1e-4, 0.5),
    widths=st.lists(st.floats(0, 5), min_size=10, max_size=10),
    seed=st.integers(0, 99),
)
def test_ranges_enclose_the_forecast_and_never_narrow(
    days: int, level: float, volatility: float, widths: list[float], seed: int
) -> None:
    calibrated = np.maximum.accumulate(np.sort(np.reshape(widths, (2, 5)), axis=0), axis=1)
    quantiles = ranges.track(calibrated, misses(40, seed))[-1]
    path = np.full((1, days), level)
    [bounds] = ranges.around(path, np.array([volatility]), quantiles[None])
    assert bounds.shape == (2, days, 2)
    assert (bounds[..., 0] <= path).all()
    assert (path <= bounds[..., 1]).all()
    assert (np.diff(bounds[..., 1], axis=1) >= 0).all()
    assert (bounds[1, :, 0] <= bounds[0, :, 0]).all()


def test_a_price_that_never_moved_has_a_range_of_nothing_until_it_moves() -> None:
    quantiles = ranges.calibrate(np.zeros((200, 5)))
    np.testing.assert_array_equal(ranges.around(np.full((1, 5), 50.0), np.array([1e-4]), quantiles[None]), 50.0)
    assert (ranges.track(quantiles, np.full((20, 5), 3.0))[-1] > 0).all()
