"""Risk figures on walks with known losses, and the statistical tests that would expose wrong ones."""

import numpy as np
import pytest
from scipy import stats

from stockops.backtesting.value_at_risk import christoffersen, kupiec
from stockops.forecasting import ranges, risk

SPREAD = 0.01 * np.sqrt(np.arange(1.0, 6.0))


def normal_quantile(share: float) -> float:
    return float(stats.norm.ppf(share))


def normal_quantiles() -> np.ndarray:
    """Return the quantiles of a normal distribution, the same for all channels, sides and horizons."""
    values = np.array([normal_quantile(share) for share in ranges.HELD])
    return np.asarray(np.broadcast_to(values[:, None], ranges.SHAPE))


def risk_of(days: int, drift: float = 0.0) -> risk.Risk:
    bars = np.full((5, 5), 50.0 * np.exp(drift))
    return risk.of(50.0, bars, SPREAD, normal_quantiles(), np.full(5, 1.25), days)


@pytest.mark.parametrize("days", [1, 5])
def test_the_risk_of_a_normal_walk_matches_the_textbook(days: int) -> None:
    found, width = risk_of(days), 0.01 * np.sqrt(days)
    assert found.days == days
    assert found.volatility_day == pytest.approx(0.01, rel=1e-4)
    assert found.volatility_year == pytest.approx(0.01 * np.sqrt(252), rel=1e-4)
    assert found.var_95 == pytest.approx(1 - np.exp(-1.6449 * width), rel=1e-4)
    assert found.var_99 == pytest.approx(1 - np.exp(-2.3263 * width), rel=1e-4)
    assert found.es_95 == pytest.approx(1 - np.exp(-1.25 * 1.6449 * width), rel=1e-4)


def test_a_forecast_rise_reduces_the_loss_but_never_below_zero() -> None:
    assert risk_of(1, drift=0.01).var_95 < risk_of(1).var_95
    assert risk_of(1, drift=0.5).var_95 == risk_of(1, drift=0.5).es_95 == 0.0


def test_shortfall_is_the_mean_residual_beyond_the_bound_relative_to_it() -> None:
    residuals = np.zeros((100, 3, 2, 5))
    residuals[:5, 0, 0] = np.array([2.0, 3.0, 4.0, 3.0, 3.0])[:, None]
    residuals[:, 0, 1] = 99.0  # rises are not losses
    quantiles = np.full(ranges.SHAPE, 1.5)
    np.testing.assert_allclose(risk.shortfall(residuals, quantiles), 3.0 / 1.5)
    np.testing.assert_allclose(risk.shortfall(np.zeros((9, 3, 2, 5)), np.zeros(ranges.SHAPE)), 1.0)  # never moved


def test_the_shortfall_of_normal_residuals_matches_the_textbook() -> None:
    drawn = np.random.default_rng(0).normal(size=(200_000, 1, 1, 1))
    residuals = np.broadcast_to(drawn, (len(drawn), 3, 2, 5))
    expected = stats.norm.pdf(normal_quantile(0.95)) / 0.05 / normal_quantile(0.95)
    np.testing.assert_allclose(risk.shortfall(residuals, normal_quantiles()), expected, rtol=0.01)


def test_the_kupiec_test_matches_values_computed_by_hand() -> None:
    # 2 (12 ln 0.96 + 238 ln(0.952 / 0.95)) and 2 (20 ln 1.6 + 230 ln(0.92 / 0.95))
    for hits, statistic in ((12, 0.0213), (20, 4.0387)):
        exceeded = np.arange(250) < hits
        assert kupiec(exceeded, 0.05) == pytest.approx(float(stats.chi2.sf(statistic, 1)), abs=2e-3)
    assert kupiec(np.arange(100) < 5, 0.05) == pytest.approx(1.0)
    assert kupiec(np.zeros(500, dtype=bool), 0.05) < 1e-6


def test_the_christoffersen_test_detects_clustered_exceedances() -> None:
    rng = np.random.default_rng(0)
    independent = [christoffersen(rng.random(2000) < 0.05) or 0 for _ in range(200)]
    assert np.mean(np.array(independent) < 0.05) < 0.12
    clustered = np.repeat(rng.random(500) < 0.05, 4)
    assert (christoffersen(clustered) or 1) < 1e-6
    assert christoffersen(np.arange(50) == 3) is None


def test_the_kupiec_test_accepts_right_figures_and_rejects_wrong_ones() -> None:
    p_values = [kupiec(np.random.default_rng(seed).random(1000) < 0.05, 0.05) for seed in range(400)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)
    wrong = [kupiec(np.random.default_rng(seed).random(1000) < 0.08, 0.05) for seed in range(100)]
    assert np.mean(np.array(wrong) < 0.05) > 0.9
