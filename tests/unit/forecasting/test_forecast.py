import itertools
from datetime import date

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stockops.errors import DataError
from stockops.forecasting import checkpoint
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.forecast import ForecastBar, predict_one_step_and_week
from stockops.forecasting.inference import LSTMConfig
from stockops.forecasting.lstm import PriceLSTM
from stockops.forecasting.ohlcv_constraints import as_bars
from stockops.market import calendar, features
from stockops.market.windows import CONTEXT
from tests.builders import bars, card, seen

BARS = bars(400)
SEEN = seen(BARS)
LAST = pd.Timestamp(BARS.index[-1]).date()


def model(noise: float = 0.0) -> Checkpoint:
    """Return the persistence model, or one with random weights of standard deviation `noise`."""
    torch.manual_seed(0)
    network = PriceLSTM(LSTMConfig(hidden=8))
    torch.nn.init.normal_(network.head.weight, std=noise)
    torch.nn.init.normal_(network.head.bias, std=noise)
    network.range_quantiles.copy_(torch.tensor([1.2, 1.6, 1.9, 2.3])[:, None].expand_as(network.range_quantiles))
    network.spread[:, 0] = torch.arange(1, 6).log()  # variance grows with time
    return checkpoint.create(network.weights(), card(network.config, last="2020-01-01"))


def sessions(days: int) -> tuple[date, ...]:
    return calendar.of("AAPL").next_sessions(LAST, days)


def test_persistence_repeats_the_last_close_on_the_next_sessions() -> None:
    path = predict_one_step_and_week(model(), *SEEN, sessions(5)).path
    assert tuple(bar.date for bar in path) == sessions(5)
    last = BARS.iloc[-1].astype("float32")  # the precision of every feature
    for bar in path:
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (*[last["Close"]] * 4, last["Volume"])


@pytest.mark.parametrize("noise", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("days", [1, 5, 7, 63])
def test_every_forecast_is_a_valid_bar_with_widening_intervals(days: int, noise: float) -> None:
    path = predict_one_step_and_week(model(noise), *SEEN, sessions(days)).path
    assert len(path) == days
    widths = []
    for bar in path:
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume >= 0
        assert bar.close_95[0] <= bar.close_80[0] <= bar.close <= bar.close_80[1] <= bar.close_95[1]
        assert bar.high_95[0] <= bar.high_80[0] <= bar.high <= bar.high_80[1] <= bar.high_95[1]
        assert bar.low_95[0] <= bar.low_80[0] <= bar.low <= bar.low_80[1] <= bar.low_95[1]
        widths.append(np.log(bar.close_95[1] / bar.close_95[0]))
    assert (np.diff(widths) >= -1e-12).all()


def test_a_longer_path_starts_with_the_same_week() -> None:
    short, long = (predict_one_step_and_week(model(0.1), *SEEN, sessions(days)).path for days in (5, 20))
    assert long[:5] == short


def test_beyond_a_week_the_fifth_session_repeats_with_widening_intervals() -> None:
    def prices(bar: ForecastBar) -> tuple[float, ...]:
        return bar.open, bar.high, bar.low, bar.close, bar.volume

    path = predict_one_step_and_week(model(0.1), *SEEN, sessions(63)).path
    assert path[:5] == predict_one_step_and_week(model(0.1), *SEEN, sessions(5)).path
    assert {prices(bar) for bar in path[4:]} == {prices(path[4])}
    assert path[3].close != path[4].close
    for nearer, further in itertools.pairwise(path):
        assert further.close_95[1] / further.close > nearer.close_95[1] / nearer.close
    widths = [np.log(bar.close_80[1] / bar.close) for bar in path]
    np.testing.assert_allclose(widths[62], widths[4] * np.sqrt(63 / 5))


def test_a_forecast_needs_exactly_one_window_of_features() -> None:
    needed = features.WARM_UP + CONTEXT
    assert predict_one_step_and_week(model(), *seen(BARS.iloc[-needed:]), sessions(1)).path
    with pytest.raises(DataError, match=f"too few rows to forecast from: {needed - 1}, and {needed} are needed"):
        predict_one_step_and_week(model(), *seen(BARS.iloc[-needed + 1 :]), sessions(1))


@settings(deadline=None, max_examples=100)
@given(raw=arrays.arrays(np.float64, (3, 7), elements=st.floats(-1e6, 1e6)), last=st.floats(0.01, 1e5))
def test_any_raw_output_becomes_a_valid_bar(raw: np.ndarray, last: float) -> None:
    constrained = as_bars(raw, last)
    low, high, volume = constrained[:, 2], constrained[:, 1], constrained[:, 4]
    assert (low > 0).all()
    assert (low <= constrained[:, [0, 3]].min(axis=1)).all()
    assert (high >= constrained[:, [0, 3]].max(axis=1)).all()
    assert (volume >= 0).all()


def test_a_valid_bar_is_left_unchanged() -> None:
    rows = np.c_[BARS.to_numpy()[:50], np.zeros((50, 2))]
    np.testing.assert_array_equal(as_bars(rows, 100.0), rows[:, :5])
