import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops.forecasting import ranges


def walks(count: int, seed: int, volatility: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Return closes up to the origin (count, 60) and the five after it (count, 5) of random walks."""
    steps = np.random.default_rng(seed).normal(0, volatility, (count, 65))
    path = 100 * np.exp(np.cumsum(steps, axis=1))
    return path[:, :60], path[:, 60:]


def test_volatility_of_a_constant_move_is_that_move() -> None:
    closes = 100 * np.exp(0.02 * np.array([[0, 1] * 30]))
    np.testing.assert_allclose(ranges.volatility(closes), 0.02)


def test_volatility_weighs_the_last_days_most() -> None:
    calm_then_wild = np.r_[np.zeros(50), 0.05 * np.tile([1, -1], 5)]
    closes = 100 * np.exp(np.cumsum(np.stack([calm_then_wild, calm_then_wild[::-1]]), axis=1))
    late, early = ranges.volatility(closes)
    assert late > 2 * early


def test_ranges_cover_what_they_promise_on_walks_they_were_not_calibrated_on() -> None:
    closes, actual = walks(4000, seed=1)
    persistence = np.repeat(closes[:, -1:], 5, axis=1)
    quantiles = ranges.calibrate(closes, persistence, actual)
    others, came = walks(4000, seed=2, volatility=0.03)  # another volatility: the range scales with it
    for level, promised in enumerate(ranges.LEVELS):
        bounds = np.stack([ranges.around(np.repeat(o[-1], 5), o, quantiles)[level] for o in others])
        covered = ((bounds[..., 0] <= came) & (came <= bounds[..., 1])).mean(axis=0)
        np.testing.assert_allclose(covered, promised, atol=0.02)


def test_the_quantile_is_the_conformal_one() -> None:
    closes = np.tile(100 * np.exp(0.01 * np.array([0, 1] * 30)), (9, 1))  # volatility 0.01
    forecast = np.full((9, 5), 100.0)
    misses = np.arange(1.0, 10.0)  # in units of volatility
    actual = forecast * np.exp(0.01 * misses)[:, None]
    # n = 9: the 8th of 9 for 80 % (ceil(10 * 0.8)), the last for 95 % (ceil(9.5) = 10 is past the end)
    np.testing.assert_allclose(ranges.calibrate(closes, forecast, actual), [[8.0] * 5, [9.0] * 5])


@settings(deadline=None, max_examples=50)
@given(
    days=st.integers(1, 63),
    level=st.floats(0.01, 1e6),
    widths=st.lists(st.floats(0, 10), min_size=10, max_size=10),
    seed=st.integers(0, 99),
)
def test_ranges_enclose_the_forecast_and_never_narrow(days: int, level: float, widths: list[float], seed: int) -> None:
    quantiles = np.maximum.accumulate(np.sort(np.reshape(widths, (2, 5)), axis=0), axis=1)
    closes = level * walks(1, seed)[0][0] / 100
    path = np.full(days, closes[-1])
    bounds = ranges.around(path, closes, quantiles)
    assert bounds.shape == (2, days, 2)
    assert (bounds[..., 0] <= path).all()
    assert (path <= bounds[..., 1]).all()
    assert (np.diff(bounds[..., 1], axis=1) >= 0).all()
    assert (bounds[1, :, 0] <= bounds[0, :, 0]).all()


def test_a_price_that_never_moved_has_a_range_of_nothing() -> None:
    flat = np.full((200, 60), 50.0)
    quantiles = ranges.calibrate(flat, np.full((200, 5), 50.0), np.full((200, 5), 50.0))
    np.testing.assert_array_equal(ranges.around(np.full(5, 50.0), flat[0], quantiles), 50.0)
