from datetime import date
from typing import Any

import numpy as np
import pytest

from stockops.documents.encoding import as_json
from stockops.forecasting.scores import ModelEvaluation, NormalizedValues
from stockops.forecasting.scores import summary as scored


def evaluation(forecast: float, *, actual: float = 12.0, last: float = 10.0) -> ModelEvaluation:
    """Return two windows of constant rows, the second held out. They differ from each other, so R2 exists."""
    wave = np.array([-1.0, 1.0])[:, None, None]
    targets = np.broadcast_to(actual + wave, (2, 5, 7)).copy()
    levels = ((forecast, 5), (actual, 5), (last, 1))
    return ModelEvaluation(
        ticker="AAPL",
        dates=(date(2024, 1, 2), date(2024, 1, 3)),
        forecast=np.broadcast_to(forecast + wave, (2, 5, 5)).copy(),
        actual=targets,
        last=np.broadcast_to(last + wave[:, 0], (2, 7)).copy(),
        held_out=np.array([False, True]),
        scaled=NormalizedValues(*(np.full((2, days, 5), level / 0.5) for level, days in levels)),  # a unit is 0.5
    )


def summary(found: ModelEvaluation) -> dict[str, Any]:
    return dict(as_json(scored(found)))


def test_metrics_match_a_case_worked_by_hand() -> None:
    metrics = summary(evaluation(forecast=11.0))
    # off by 1 where persistence is off by 2; one scaled unit is 0.5, so 2 and 4 scaled units
    assert metrics["MSE"] == pytest.approx(4.0)
    assert metrics["RMSE"] == pytest.approx(1.0)
    assert metrics["R2"] == pytest.approx(1 - 1 / 1)
    assert metrics["persistence"] == {
        "MSE": pytest.approx(16.0), "RMSE": pytest.approx(2.0), "R2": pytest.approx(1 - 4 / 1)
    }  # fmt: skip
    assert metrics["skill"] == {"MSE": pytest.approx(0.75), "RMSE": pytest.approx(0.5)}
    assert metrics["windows"] == 2


def test_persistence_has_no_skill_and_a_perfect_forecast_full_skill() -> None:
    assert summary(evaluation(forecast=10.0))["skill"] == {"MSE": 0.0, "RMSE": 0.0}
    assert summary(evaluation(forecast=12.0))["skill"] == {"MSE": 1.0, "RMSE": 1.0}


def test_a_forecast_worse_than_persistence_has_negative_skill() -> None:
    assert summary(evaluation(forecast=7.0))["skill"]["RMSE"] == pytest.approx(-1.5)


def test_skill_is_none_if_no_price_moved() -> None:
    assert summary(evaluation(forecast=10.0, actual=10.0))["skill"] == {"MSE": None, "RMSE": None}


def test_rmse_covers_prices_only() -> None:
    given = evaluation(forecast=11.0)
    given.forecast[..., 4] = 1e9  # volume
    assert summary(given)["RMSE"] == pytest.approx(1.0)


def test_held_out_windows_are_scored_separately() -> None:
    given = evaluation(forecast=12.0)
    given.forecast[1] += 1.0
    metrics = summary(given)
    assert metrics["validation"]["RMSE"] == pytest.approx(1.0)
    assert metrics["validation"]["windows"] == 1
    assert metrics["next_day"]["RMSE"] == pytest.approx(np.sqrt(0.5))
