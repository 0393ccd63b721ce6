"""Evaluation sets and their figures, on histories with known answers."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockops.backtesting import scoring, summary, value_at_risk
from stockops.backtesting.evaluation_set import (
    LAST_CLOSE,
    LAST_VALUE,
    MEAN_20,
    BaselineForecast,
    EvaluationSet,
    build_evaluation_set,
)
from stockops.documents.backtest import BacktestSummary, HorizonFigures
from stockops.documents.encoding import as_json, encoded
from stockops.documents.reading import parsed
from stockops.forecasting.risk import Losses
from stockops.market import features
from stockops.market.ohlcv import OHLCV
from stockops.records import FailOn
from tests.builders import bars

TABLE = features.add(bars(700, seed=3))
ROWS = np.arange(400, len(TABLE))
VALUES = TABLE.to_numpy()[:, :5]


def targets(days: int) -> np.ndarray:
    """Return the rows `days` sessions after each origin, (origins, 5), NaN if there is none."""
    padded = np.vstack([VALUES, np.full((5, 5), np.nan)])
    return np.asarray(padded[ROWS + days])


def evaluate(forecast: np.ndarray | None = None, width: float = 0.03) -> EvaluationSet:
    """Return the evaluation set of a forecast, by default persistence, with ranges of constant width."""
    if forecast is None:
        forecast = np.repeat(VALUES[ROWS][:, None], 5, axis=1)
    center = forecast[..., 3][:, None, :, None]
    bounds = np.concatenate([center * (1 - width), center * (1 + width)], axis=-1).repeat(2, axis=1)
    return build_evaluation_set(TABLE, ROWS, forecast, np.repeat(bounds[:, None], 3, axis=1))


def perfect() -> np.ndarray:
    actual = np.stack([targets(days) for days in range(1, 6)], axis=1)
    return np.where(np.isnan(actual), 1.0, actual)


def figures(found: EvaluationSet, channel: str, days: int = 1) -> dict[str, Any]:
    return dict(as_json(scoring.channels(found))[channel]["horizons"][str(days)])


@pytest.mark.parametrize("days", [1, 5])
@pytest.mark.parametrize("channel", ["High", "Close"])
def test_errors_are_in_percent_of_the_close_at_the_origin(channel: str, days: int) -> None:
    forecast = np.repeat(VALUES[ROWS][:, None], 5, axis=1)
    found, column = figures(evaluate(forecast), channel, days), OHLCV.index(channel)
    error = 100 * np.abs(VALUES[ROWS, column] - targets(days)[:, column]) / VALUES[ROWS, 3]
    assert found["mae"] == pytest.approx(np.nanmean(error))
    assert found["rmse"] == pytest.approx(np.sqrt(np.nanmean(error**2)))
    assert found["forecasts"] == len(ROWS) - days
    before = 100 * np.abs(np.diff(VALUES[:401, column])) / VALUES[:400, 3]
    assert found["mase"] == pytest.approx(np.nanmean(error) / before.mean())


def test_volume_errors_are_in_shares() -> None:
    assert figures(evaluate(), "Volume")["mae"] == pytest.approx(np.nanmean(np.abs(targets(1)[:, 4] - VALUES[ROWS, 4])))


def test_persistence_has_no_skill_on_close_and_no_direction() -> None:
    found = figures(evaluate(), "Close")
    assert found["best_naive"] == LAST_CLOSE
    assert found["skill"] == 0.0
    assert found["diebold_mariano"] == {LAST_CLOSE: {"statistic": 0.0, "p_value": 1.0}}
    assert found["direction"] is None  # persistence predicts none


def test_a_perfect_forecast_has_full_skill() -> None:
    found = evaluate(perfect())
    for channel in OHLCV:
        assert figures(found, channel)["skill"] == pytest.approx(1.0)
        assert figures(found, channel)["direction"]["accuracy"] == 1.0
        assert summary.finding(parsed(figures(found, channel), HorizonFigures)) == "better"


def test_skill_is_relative_to_the_best_naive_forecast() -> None:
    for channel in OHLCV:
        found = figures(evaluate(), channel)
        assert found["naive_mae"][found["best_naive"]] == min(found["naive_mae"].values())
        assert found["skill"] == found["skill_against"][found["best_naive"]]
    assert set(figures(evaluate(), "Close")["naive_mae"]) == {LAST_CLOSE}
    assert set(figures(evaluate(), "High")["naive_mae"]) == {LAST_CLOSE, LAST_VALUE}
    assert set(figures(evaluate(), "Volume")["naive_mae"]) == {LAST_VALUE, MEAN_20}


def test_the_mean_of_20_days_ends_at_the_origin() -> None:
    found = evaluate().naive[MEAN_20][..., 4]
    np.testing.assert_allclose(found[0], VALUES[381:401, 4].mean())
    assert (np.diff(found, axis=1) == 0).all()


def test_direction_is_compared_with_always_up_and_the_naive_forecasts() -> None:
    up = np.repeat(VALUES[ROWS][:, None], 5, axis=1) * 1.001
    found = figures(evaluate(up), "Close")["direction"]
    rose = np.nanmean(np.where(np.isnan(targets(1)[:, 3]), np.nan, targets(1)[:, 3] > VALUES[ROWS, 3]))
    assert found["accuracy"] == pytest.approx(rose)
    assert found["naive_accuracy"] == {"always up": pytest.approx(rose)}
    assert found["interval_95"][0] < rose < found["interval_95"][1]
    assert set(figures(evaluate(up), "Open")["direction"]["naive_accuracy"]) == {"always up", LAST_CLOSE}


def test_coverage_is_the_share_of_closes_inside() -> None:
    found = as_json(scoring.intervals(evaluate(width=0.012), {}))["80"]["horizons"]
    for days in (1, 5):
        inside = np.abs(targets(days)[:, 3] / VALUES[ROWS, 3] - 1) <= 0.012
        known = ~np.isnan(targets(days)[:, 3])
        assert found[str(days)]["coverage"] == pytest.approx(inside[known].mean())
        assert found[str(days)]["forecasts"] == known.sum()


def test_coverage_by_year_includes_all_horizons() -> None:
    found = scoring.coverage_by_year(evaluate(width=0.012))
    assert list(found) == sorted({str(stamp.year) for stamp in pd.DatetimeIndex(TABLE.index)[ROWS]})
    total = sum(year["forecasts"] for year in found.values())
    assert total == 5 * len(ROWS) - 15
    mean = sum(year["forecasts"] * year["80"] for year in found.values()) / total
    assert mean == pytest.approx(scoring.intervals(evaluate(width=0.012), {})["80"].coverage)


def test_naive_ranges_reach_nominal_coverage_at_constant_volatility() -> None:
    found = evaluate()
    for bounds in found.naive_ranges.values():
        actual = found.actual[:, 0, 3]
        for level, nominal in enumerate((0.8, 0.95)):
            inside = (bounds[:, level, 0, 0] <= actual) & (actual <= bounds[:, level, 0, 1])
            assert inside[:-1].mean() == pytest.approx(nominal, abs=0.06)


def test_ewma_ranges_follow_volatility_and_constant_ones_do_not() -> None:
    ranges = evaluate().naive_ranges
    widths = {name: np.log(bounds[:, 0, 0, 1] / bounds[:, 0, 0, 0]) for name, bounds in ranges.items()}
    assert np.ptp(widths["constant"]) == pytest.approx(0.0, abs=1e-12)
    returns = np.diff(np.log(VALUES[:, 3]))
    weights = 0.94 ** np.arange(58, -1, -1)
    last = np.sqrt((returns[ROWS[-1] - 59 : ROWS[-1]] ** 2 * weights).sum() / weights.sum())
    first = np.sqrt((returns[ROWS[0] - 59 : ROWS[0]] ** 2 * weights).sum() / weights.sum())
    assert widths["EWMA"][-1] / widths["EWMA"][0] == pytest.approx(last / first)


def test_naive_forecasts_use_no_later_data() -> None:
    altered = TABLE.copy()
    altered.iloc[451:] *= np.linspace(0.5, 3, len(altered) - 451)[:, None]
    forecast = np.repeat(VALUES[ROWS][:, None], 5, axis=1)
    bounds = np.ones((len(ROWS), 3, 2, 5, 2))
    plain, other = (
        build_evaluation_set(TABLE, ROWS, forecast, bounds),
        build_evaluation_set(altered, ROWS, forecast, bounds),
    )
    for name in plain.naive:
        np.testing.assert_array_equal(plain.naive[name][:51], other.naive[name][:51])
    for name in plain.naive_ranges:
        np.testing.assert_array_equal(plain.naive_ranges[name][:51], other.naive_ranges[name][:51])
    np.testing.assert_array_equal(plain.step, other.step)


def test_a_peer_is_scored_on_the_channels_it_forecasts_and_against_the_model() -> None:
    found = evaluate()
    peer = np.full(found.forecast.shape, np.nan)
    peer[..., 3] = perfect()[..., 3]
    scored = as_json(scoring.peer(found, found.in_units(BaselineForecast(peer)).bars))
    assert list(scored) == ["Close"]
    assert scored["Close"]["1"]["skill"] == pytest.approx(1.0)
    assert scored["Close"]["1"]["model_skill"] is None  # nothing is better than no error
    right = as_json(scoring.peer(evaluate(perfect()), found.in_units(BaselineForecast(peer)).bars))
    assert right["Close"]["5"]["mae"] == pytest.approx(0.0, abs=1e-9)


def test_a_history_without_trading_or_movement_has_no_nan_figures() -> None:
    flat = TABLE.copy()
    flat[["Open", "High", "Low", "Close"]] = 50.0
    flat["Volume"] = 0.0
    forecast = np.repeat(flat.to_numpy()[ROWS, None, :5], 5, axis=1)
    found = build_evaluation_set(flat, ROWS, forecast, np.full((len(ROWS), 3, 2, 5, 2), 50.0))
    encoded(
        [scoring.channels(found), scoring.intervals(found, {}), scoring.coverage_by_year(found), scoring.crps(found)]
    )
    assert figures(found, "Close")["skill"] is None


def brief(found: EvaluationSet) -> BacktestSummary:
    return summary.brief(
        "AAPL",
        scoring.channels(found),
        scoring.intervals(found, {}),
        start="2020-01-02",
        end="2024-06-28",
        origins=1_130,
        source="csv",
        refit="never",
    )


def test_the_summary_says_tied_better_or_worse_and_the_skill() -> None:
    tied = brief(evaluate())
    assert set(tied.close_findings.values()) == {"tied"}
    assert "Close ties with 'tomorrow = today' (skill +0.0 % at 1 day, +0.0 % at 5 days)" in tied.text
    better = brief(evaluate(perfect()))
    assert "Close is better than 'tomorrow = today' at 1, 2, 3, 4, 5 days (skill +100.0 % at 1 day" in better.text
    off = np.repeat(VALUES[ROWS][:, None], 5, axis=1) * 1.05
    worse = brief(evaluate(off))
    assert set(worse.close_findings.values()) == {"worse"}
    assert worse.close_skill is not None
    assert worse.close_skill < 0


def test_an_alarm_names_horizon_and_skill_and_a_tie_raises_one_only_if_asked() -> None:
    def alarm(found: EvaluationSet, fail_on: FailOn | None) -> str:
        return summary.alarm(scoring.channels(found), brief(found), fail_on)

    off = evaluate(np.repeat(VALUES[ROWS][:, None], 5, axis=1) * 1.05)
    assert alarm(off, None) == ""
    levels: tuple[FailOn, ...] = ("worse", "tied")
    for level in levels:
        assert re.match(r"Close is worse than its best naive .+: 1 day ahead \(skill -\d.+ = \d", alarm(off, level))
    tie = evaluate()
    assert alarm(tie, "worse") == ""
    assert alarm(tie, "tied").startswith("Close is nowhere better than its best naive forecast: ties with")
    assert alarm(evaluate(perfect()), "tied") == ""


def test_a_difference_within_chance_is_a_tie() -> None:
    rng = np.random.default_rng(0)
    noise = np.repeat(VALUES[ROWS][:, None], 5, axis=1) * np.exp(rng.normal(0, 1e-3, (len(ROWS), 5, 5)))
    assert set(brief(evaluate(noise)).close_findings.values()) == {"tied"}


def test_ranges_of_high_and_low_are_scored_against_the_actual_high_and_low() -> None:
    forecast = perfect()
    bounds = np.repeat(np.moveaxis(forecast[..., [3, 1, 2]], 2, 1)[:, :, None, :, None], 2, axis=2).repeat(2, axis=4)
    bounds[:, 2, ..., 0] += 0.5  # the low lies below its range
    found = as_json(scoring.extremes(build_evaluation_set(TABLE, ROWS, forecast, bounds)))
    assert {figures["coverage"] for figures in found["High"]["80"]["horizons"].values()} == {1.0}
    assert {figures["coverage"] for figures in found["Low"]["95"]["horizons"].values()} == {0.0}
    assert found["Low"]["80"]["horizons"]["5"]["forecasts"] == len(ROWS) - 5
    assert found["High"]["80"]["horizons"]["1"]["winkler"] == 0.0


def test_value_at_risk_exceedances_are_counted_without_overlapping_weeks() -> None:
    found = evaluate()
    lost = 1 - found.actual[..., 3] / found.last[:, None, 3]
    var = np.stack([np.quantile(lost[:-5], share, axis=0) for share in (0.95, 0.99)])
    expected_losses = Losses(np.tile(var, (len(ROWS), 1, 1)), np.full((len(ROWS), 5), 0.5))
    figures = as_json(value_at_risk.figures(found, expected_losses))
    day, week = figures["1"], figures["5"]
    assert day["forecasts"] == len(ROWS) - 1
    assert day["var_95"]["share"] == pytest.approx(0.05, abs=0.01)
    assert day["var_95"]["exceedances"] == int((lost[:-1, 0] > var[0, 0]).sum())
    assert day["var_95"]["kupiec_p"] > 0.5
    assert day["es_95"] == {"mean_loss": pytest.approx(lost[:-1, 0][lost[:-1, 0] > var[0, 0]].mean()), "expected": 0.5}
    assert week["forecasts"] == len(range(0, len(ROWS) - 5, 5))
    none = as_json(value_at_risk.figures(found, Losses(np.ones((len(ROWS), 2, 5)), np.ones((len(ROWS), 5)))))["1"]
    assert none["var_99"]["exceedances"] == 0
    assert none["var_95"]["kupiec_p"] < 1e-3
    assert none["es_95"] == {"mean_loss": None, "expected": None}
