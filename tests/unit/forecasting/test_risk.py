"""What may be lost: on walks whose losses are known, and the tests that would find it out if it were wrong."""

import numpy as np
import pytest
from scipy import stats

from stockops.backtesting.value_at_risk import christoffersen, kupiec
from stockops.forecasting import ranges, risk

SPREAD = 0.01 * np.sqrt(np.arange(1.0, 6.0))


def normal(share: float) -> float:
    return float(stats.norm.ppf(share))


def gauss() -> np.ndarray:
    """Return the quantiles of a normal distribution, the same for all channels, sides and horizons."""
    of_shares = np.array([normal(share) for share in ranges.HELD])
    return np.asarray(np.broadcast_to(of_shares[:, None], ranges.SHAPE))


def of(days: int, drift: float = 0.0) -> risk.Risk:
    bars = np.full((5, 5), 50.0 * np.exp(drift))
    return risk.of(50.0, bars, SPREAD, gauss(), np.full(5, 1.25), days)


@pytest.mark.parametrize("days", [1, 5])
def test_the_risk_of_a_normal_walk_is_the_textbooks(days: int) -> None:
    found, width = of(days), 0.01 * np.sqrt(days)
    assert found.days == days
    assert found.volatility_day == pytest.approx(0.01, rel=1e-4)
    assert found.volatility_year == pytest.approx(0.01 * np.sqrt(252), rel=1e-4)
    assert found.var_95 == pytest.approx(1 - np.exp(-1.6449 * width), rel=1e-4)
    assert found.var_99 == pytest.approx(1 - np.exp(-2.3263 * width), rel=1e-4)
    assert found.es_95 == pytest.approx(1 - np.exp(-1.25 * 1.6449 * width), rel=1e-4)


def test_a_rise_that_is_forecast_lessens_the_loss_and_none_is_below_nothing() -> None:
    assert of(1, drift=0.01).var_95 < of(1).var_95
    assert of(1, drift=0.5).var_95 == of(1, drift=0.5).es_95 == 0.0


def test_shortfall_is_how_far_misses_go_beyond_the_bound() -> None:
    missed = np.zeros((100, 3, 2, 5))
    missed[:5, 0, 0] = np.array([2.0, 3.0, 4.0, 3.0, 3.0])[:, None]
    missed[:, 0, 1] = 99.0  # rises are no losses
    quantiles = np.full(ranges.SHAPE, 1.5)
    np.testing.assert_allclose(risk.shortfall(missed, quantiles), 3.0 / 1.5)
    np.testing.assert_allclose(risk.shortfall(np.zeros((9, 3, 2, 5)), np.zeros(ranges.SHAPE)), 1.0)  # never moved


def test_expected_shortfall_of_a_normal_walk_is_found_from_its_misses() -> None:
    drawn = np.random.default_rng(0).normal(size=(200_000, 1, 1, 1))
    missed = np.broadcast_to(drawn, (len(drawn), 3, 2, 5))
    expected = stats.norm.pdf(normal(0.95)) / 0.05 / normal(0.95)
    np.testing.assert_allclose(risk.shortfall(missed, gauss()), expected, rtol=0.01)


def test_kupiec_says_what_his_formula_gives_by_hand() -> None:
    # 2 (12 ln 0.96 + 238 ln(0.952 / 0.95)) and 2 (20 ln 1.6 + 230 ln(0.92 / 0.95))
    for hits, statistic in ((12, 0.0213), (20, 4.0387)):
        exceeded = np.arange(250) < hits
        assert kupiec(exceeded, 0.05) == pytest.approx(float(stats.chi2.sf(statistic, 1)), abs=2e-3)
    assert kupiec(np.arange(100) < 5, 0.05) == pytest.approx(1.0)
    assert kupiec(np.zeros(500, dtype=bool), 0.05) < 1e-6


def test_exceedances_in_runs_are_told_from_those_that_come_alone() -> None:
    rng = np.random.default_rng(0)
    alone = [christoffersen(rng.random(2000) < 0.05) or 0 for _ in range(200)]
    assert np.mean(np.array(alone) < 0.05) < 0.12
    runs = np.repeat(rng.random(500) < 0.05, 4)
    assert (christoffersen(runs) or 1) < 1e-6
    assert christoffersen(np.arange(50) == 3) is None


def test_true_figures_pass_and_wrong_ones_do_not() -> None:
    ps = [kupiec(np.random.default_rng(seed).random(1000) < 0.05, 0.05) for seed in range(400)]
    assert np.mean(np.array(ps) < 0.05) == pytest.approx(0.05, abs=0.03)
    wrong = [kupiec(np.random.default_rng(seed).random(1000) < 0.08, 0.05) for seed in range(100)]
    assert np.mean(np.array(wrong) < 0.05) > 0.9
