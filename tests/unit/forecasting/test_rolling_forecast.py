"""Rolling forecasts: each uses only what was known at its origin, and is the one a user would have got."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import torch

from stockops.forecasting import checkpoint
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.forecast import predict_one_step_and_week
from stockops.forecasting.inference import LSTMConfig
from stockops.forecasting.lstm import PriceLSTM
from stockops.forecasting.rolling_forecast import rolling_forecasts
from stockops.market import calendar, features
from tests.builders import bars, card, seen

BARS = bars(420)
TABLE, KNOWN = seen(BARS)
DAYS = [stamp.date() for stamp in pd.DatetimeIndex(TABLE.index)]
TRAINED = 300  # row of the last session the model was trained on


def model(trained_to: date = DAYS[TRAINED]) -> Checkpoint:
    torch.manual_seed(0)
    network = PriceLSTM(LSTMConfig(hidden=8))
    torch.nn.init.normal_(network.head.weight, std=0.2)
    torch.nn.init.normal_(network.head.bias, std=0.2)
    torch.nn.init.normal_(network.spread, std=0.1)
    network.range_quantiles.copy_(torch.tensor([1.2, 1.6, 1.9, 2.3])[:, None].expand_as(network.range_quantiles))
    return checkpoint.create(network.weights(), card(network.config, last=trained_to.isoformat()))


def test_a_rolling_forecast_runs_from_the_end_of_training_to_the_last_row() -> None:
    rolled = rolling_forecasts(model(), TABLE, KNOWN)
    assert list(rolled.rows) == list(range(TRAINED, len(TABLE)))
    assert rolled.bars.shape == (len(rolled.rows), 5, 5)
    assert rolled.ranges.shape == (len(rolled.rows), 3, 2, 5, 2)


@pytest.mark.parametrize("row", [TRAINED, TRAINED + 1, TRAINED + 7, len(TABLE) - 1])
def test_each_step_equals_the_forecast_a_user_would_have_got_that_evening(row: int) -> None:
    known = seen(BARS.iloc[: row + 1 + features.WARM_UP])
    sessions = calendar.of("AAPL").next_sessions(DAYS[row], 5)
    path = predict_one_step_and_week(model(), *known, sessions).path
    rolled = rolling_forecasts(model(), TABLE, KNOWN)
    at = row - TRAINED
    expected = np.array([[bar.open, bar.high, bar.low, bar.close, bar.volume] for bar in path])
    np.testing.assert_allclose(rolled.bars[at], expected, rtol=1e-5)
    bounds = [
        [getattr(bar, f"{name}_{level}") for bar in path] for name in ("close", "high", "low") for level in (80, 95)
    ]
    np.testing.assert_allclose(rolled.ranges[at].reshape(6, 5, 2), bounds, rtol=1e-5)


def test_later_rows_never_change_a_step() -> None:
    altered = TABLE.copy()
    cut = TRAINED + 40
    altered.iloc[cut + 1 :] *= np.linspace(0.2, 5, len(altered) - cut - 1)[:, None]
    plain, other = rolling_forecasts(model(), TABLE, KNOWN), rolling_forecasts(model(), altered, KNOWN)
    np.testing.assert_array_equal(plain.bars[:41], other.bars[:41])
    np.testing.assert_array_equal(plain.ranges[:41], other.ranges[:41])
    assert not np.array_equal(plain.ranges[:43], other.ranges[:43])


def test_a_rolling_forecast_ends_at_the_given_day_and_uses_nothing_later() -> None:
    last = DAYS[TRAINED + 30]
    cut = rolling_forecasts(model(), TABLE, KNOWN, last)
    assert len(cut.rows) == 31
    assert np.isnan(cut.residuals[-1]).all()
    short = TABLE[TABLE.index <= pd.Timestamp(last)]
    np.testing.assert_array_equal(cut.ranges, rolling_forecasts(model(), short, KNOWN.at(slice(len(short)))).ranges)


def test_a_model_trained_on_every_session_has_no_rolling_forecasts() -> None:
    assert len(rolling_forecasts(model(date(2100, 1, 1)), TABLE, KNOWN).rows) == 0
