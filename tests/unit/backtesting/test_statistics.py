import numpy as np
import pytest
from scipy import stats

from stockops.backtesting import statistics


def test_a_share_has_wilsons_interval() -> None:
    found = statistics.share(np.array([True] * 55 + [False] * 45), horizon=1)
    assert found is not None
    # Newcombe, Two-Sided Confidence Intervals for the Single Proportion (1998), method 3
    assert (found.value, found.low, found.high) == pytest.approx((0.55, 0.4524, 0.6439), abs=1e-4)


def test_overlapping_forecasts_widen_the_interval() -> None:
    hits = np.array([True, False] * 250)
    one, five = (statistics.share(hits, horizon) for horizon in (1, 5))
    assert one is not None
    assert five is not None
    assert (five.high - five.low) / (one.high - one.low) == pytest.approx(np.sqrt(5), rel=0.03)


def test_no_cases_give_no_share() -> None:
    assert statistics.share(np.array([], dtype=bool), horizon=1) is None


def test_diebold_mariano_at_one_day_equals_students_t_test() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.exponential(1.0, 50), rng.exponential(1.2, 50)
    found = statistics.diebold_mariano(ours, theirs, horizon=1)
    reference = stats.ttest_1samp(ours - theirs, 0.0)
    assert found is not None
    assert (found.statistic, found.p_value) == pytest.approx((reference.statistic, reference.pvalue))


def test_diebold_mariano_at_longer_horizons_accounts_for_overlap() -> None:
    found = statistics.diebold_mariano(np.array([1.0, 2, 3, 4]), np.zeros(4), horizon=2)
    # mean 2.5; variance 1.25 + 2 x 0.3125; corrected by sqrt((4 + 1 - 4 + 2 / 4) / 4)
    assert found is not None
    assert found.statistic == pytest.approx(2.5 / np.sqrt(1.875 / 4) * np.sqrt(0.375))
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.statistic, 3))


@pytest.mark.parametrize("horizon", [1, 5])
def test_diebold_mariano_rejects_equal_forecasts_at_the_nominal_rate(horizon: int) -> None:
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(400):
        noise = rng.normal(size=(2, 400 + horizon - 1))  # losses h steps ahead share h - 1 steps
        ours, theirs = (np.convolve(part, np.ones(horizon), "valid") for part in noise)
        found = statistics.diebold_mariano(ours, theirs, horizon)
        assert found is not None
        rejected += found.p_value < 0.05
    assert 0.03 <= rejected / 400 <= 0.09


def test_a_better_forecast_has_a_negative_statistic() -> None:
    rng = np.random.default_rng(0)
    found = statistics.diebold_mariano(rng.exponential(1.0, 500), rng.exponential(1.5, 500), horizon=5)
    assert found is not None
    assert found.statistic < 0
    assert found.p_value < 0.01


def test_identical_forecasts_are_equal_and_too_few_are_not_tested() -> None:
    same = np.arange(10.0)
    assert statistics.diebold_mariano(same, same, 1) == statistics.DieboldMariano(0.0, 1.0)
    assert statistics.diebold_mariano(same[:6], same[:6] + 1, 5) is None


def test_a_negative_variance_estimate_falls_back_to_the_plain_one() -> None:
    losses = np.array([1.0, -1.0] * 20) + 0.1
    found = statistics.diebold_mariano(losses, np.zeros(40), horizon=2)
    assert found is not None
    assert np.isfinite(found.statistic)


def test_the_winkler_score_charges_for_width_and_for_misses() -> None:
    low, high, actual = np.full(3, 10.0), np.full(3, 14.0), np.array([12.0, 9.0, 14.5])
    np.testing.assert_allclose(statistics.winkler(low, high, actual, 0.80), [4, 4 + 10 * 1, 4 + 10 * 0.5])
    np.testing.assert_allclose(statistics.winkler(low, high, actual, 0.95), [4, 4 + 40 * 1, 4 + 40 * 0.5])


def test_the_winkler_score_is_lowest_for_the_true_quantiles() -> None:
    actual = np.random.default_rng(0).normal(size=200_000)

    def mean(width: float) -> float:
        return float(statistics.winkler(np.full_like(actual, -width), np.full_like(actual, width), actual, 0.8).mean())

    true = stats.norm.ppf(0.9)
    assert mean(true) < min(mean(0.9 * true), mean(1.1 * true))


def test_the_weighted_interval_score_approximates_the_crps() -> None:
    actual = np.random.default_rng(0).normal(size=200_000)
    scores = {}
    for level in np.linspace(0.01, 0.99, 99):
        bound = np.full_like(actual, stats.norm.ppf(0.5 + level / 2))
        scores[float(level)] = statistics.winkler(-bound, bound, actual, level)
    found = statistics.weighted_interval_score(np.abs(actual), scores).mean()
    assert found == pytest.approx(1 / np.sqrt(np.pi), rel=0.01)  # of the normal distribution against itself
