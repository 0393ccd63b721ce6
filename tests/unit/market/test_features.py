import numpy as np
import pandas as pd
import pytest
import talib

from stockops.market import features
from stockops.market.windows import CONTEXT
from tests.builders import bars


def test_rsi_matches_a_hand_worked_series() -> None:
    # Period 2: first averages over changes +2, -1 are gain 1.0 and loss 0.5; then each is (old + new) / 2.
    close = pd.Series([10.0, 12.0, 11.0, 14.0, 14.0])
    expected = [np.nan, np.nan, 100 * 1.0 / 1.5, 100 * 2.0 / 2.25, 100 * 1.0 / 1.125]
    np.testing.assert_allclose(features.rsi(close, period=2), expected)


def test_rsi_is_100_when_rising_0_when_falling_and_50_when_flat() -> None:
    rising = pd.Series(np.arange(1.0, 41.0))
    assert features.rsi(rising).iloc[-1] == 100
    assert features.rsi(rising[::-1].reset_index(drop=True)).iloc[-1] == 0
    assert features.rsi(pd.Series([7.0] * 40)).iloc[14:].eq(50).all()


def test_macd_of_a_straight_line_is_the_difference_of_the_averages_lags() -> None:
    # An exponential average of a line of slope 1 lags it by (span - 1) / 2: 12.5 - 5.5 = 7.
    line = pd.Series(np.arange(100.0))
    np.testing.assert_allclose(features.macd(line).iloc[25:], 7.0)


def test_rsi_and_macd_equal_ta_lib_everywhere() -> None:
    close = bars(400)["Close"]
    np.testing.assert_allclose(features.rsi(close), talib.RSI(close.to_numpy(), 14), rtol=1e-9)
    oracle = talib.EMA(close.to_numpy(), 12) - talib.EMA(close.to_numpy(), 26)
    np.testing.assert_allclose(features.macd(close), oracle, rtol=1e-9, atol=1e-12)


def test_macd_converges_to_that_of_ta_lib_which_starts_later() -> None:
    close = bars(400)["Close"]
    line, _, _ = talib.MACD(close.to_numpy())
    np.testing.assert_allclose(features.macd(close)[300:], line[300:], atol=1e-8)


@pytest.mark.parametrize("cut", [26, 27, 60, 119, 299])
def test_no_row_looks_ahead(cut: int) -> None:
    table = bars(300)
    pd.testing.assert_frame_equal(features.add(table)[: cut - features.WARM_UP], features.add(table[:cut]))


def test_only_the_warm_up_is_dropped_even_where_prices_are_flat() -> None:
    table = bars(120)
    table.iloc[40:80, :4] = 50.0
    added = features.add(table)
    assert list(added.index) == list(table.index[features.WARM_UP :])
    assert added.notna().all(axis=None)
    assert tuple(added.columns) == features.FEATURES


def test_a_history_no_longer_than_the_warm_up_gives_no_rows() -> None:
    assert features.add(bars(features.WARM_UP)).empty
    assert len(features.add(bars(features.WARM_UP + 1))) == 1


def test_a_window_past_the_memory_equals_that_of_the_full_history_in_float32() -> None:
    table = bars(3000)
    tail = table.iloc[-(features.WARM_UP + features.MEMORY + CONTEXT) :]
    whole, late = (features.add(t).to_numpy()[-CONTEXT:].astype(np.float32) for t in (table, tail))
    np.testing.assert_allclose(late, whole, rtol=2.4e-7, atol=1e-6)
