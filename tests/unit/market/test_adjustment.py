import numpy as np
import pandas as pd
import pytest

from stockops.market.adjustment import adjust
from stockops.market.ohlcv import ADJUSTED, DIVIDENDS, PRICES, SPLITS
from tests.builders import bars

SPLIT = 120  # the row of the ex-date


def unadjusted(table: pd.DataFrame, ratio: float, row: int = SPLIT) -> pd.DataFrame:
    """Return the table as traded before a split at that row."""
    traded = table.copy()
    traded.iloc[:row, :4] *= ratio
    traded.iloc[:row, 4] /= ratio
    return traded


def with_dividends(table: pd.DataFrame, share: float, every: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table as traded with a dividend of `share` of the price every `every` rows, and the dividends."""
    traded, dividends = table.copy(), pd.Series(0.0, table.index)
    for row in range(len(table) - every, 0, -every):
        traded.iloc[:row, :4] /= 1 - share
        dividends.iloc[row] = share * traded["Close"].iloc[row - 1]
    return traded, dividends.to_frame(DIVIDENDS)


def test_prices_without_an_adjusted_close_are_unchanged() -> None:
    table = bars(60)
    pd.testing.assert_frame_equal(adjust(table).bars, table)


@pytest.mark.parametrize("ratio", [20.0, 2.0, 1.5, 0.1])
def test_an_adjusted_close_across_a_split_adjusts_prices_and_volume(ratio: float) -> None:
    table = bars(300)
    raw = unadjusted(table, ratio).assign(**{ADJUSTED: table["Close"]})
    pd.testing.assert_frame_equal(adjust(raw).bars, table, rtol=1e-9)


def test_a_dividend_in_an_adjusted_close_leaves_volume_unchanged() -> None:
    table = bars(300)
    traded, _ = with_dividends(table, 0.03)
    found = adjust(traded.assign(**{ADJUSTED: table["Close"]})).bars
    pd.testing.assert_frame_equal(found, table, rtol=1e-9)


def test_a_large_special_dividend_is_not_taken_for_a_split() -> None:
    table = bars(300)
    traded, _ = with_dividends(table, 0.27, every=180)
    found = adjust(traded.assign(**{ADJUSTED: table["Close"]})).bars
    np.testing.assert_array_equal(found["Volume"], table["Volume"])


def test_a_volume_already_adjusted_for_a_split_is_unchanged() -> None:
    table = bars(300)
    raw = unadjusted(table, 10.0).assign(Volume=table["Volume"], **{ADJUSTED: table["Close"]})
    pd.testing.assert_frame_equal(adjust(raw).bars, table, rtol=1e-9)


@pytest.mark.parametrize("ratio", [4.0, 1.25, 1 / 15])
def test_a_declared_split_visible_in_the_prices_is_adjusted_for(ratio: float) -> None:
    table = bars(300)
    declared = pd.Series(1.0, table.index)
    declared.iloc[SPLIT] = ratio
    found = adjust(unadjusted(table, ratio).assign(**{SPLITS: declared}))
    pd.testing.assert_frame_equal(found.bars, table, rtol=1e-9)
    assert found.notes == ("1 declared split adjusted for",)


def test_a_declared_split_already_adjusted_for_changes_nothing() -> None:
    table = bars(300)
    declared = pd.Series(1.0, table.index)
    declared.iloc[SPLIT] = 4.0
    found = adjust(table.assign(**{SPLITS: declared}))
    pd.testing.assert_frame_equal(found.bars, table)
    assert found.notes == ()


def test_declared_dividends_visible_in_the_prices_are_adjusted_for() -> None:
    table = bars(900)
    traded, dividends = with_dividends(table, 0.02)
    found = adjust(traded.join(dividends))
    pd.testing.assert_frame_equal(found.bars, table, rtol=1e-9)
    assert found.notes == ("14 declared dividends adjusted for",)


def test_declared_dividends_already_adjusted_for_change_nothing() -> None:
    table = bars(900)
    _, dividends = with_dividends(table, 0.02)
    found = adjust(table.join(dividends))
    pd.testing.assert_frame_equal(found.bars, table)
    assert found.notes == ("prices are adjusted for the declared dividends already",)


def test_undetectable_dividends_are_adjusted_for_wherever_splits_are() -> None:
    table = bars(300)
    traded, dividends = with_dividends(table, 0.001, every=250)  # too small to be seen
    declared = pd.Series(1.0, table.index)
    declared.iloc[SPLIT] = 2.0
    raw = unadjusted(traded, 2.0).assign(**{SPLITS: declared}).join(dividends)
    raw.loc[raw.index[:SPLIT], DIVIDENDS] *= 2
    pd.testing.assert_frame_equal(adjust(raw).bars, table, rtol=1e-9)


def test_the_last_row_keeps_its_traded_values() -> None:
    table = bars(300)
    raw = unadjusted(table, 5.0).assign(**{ADJUSTED: table["Close"] * 0.8})
    pd.testing.assert_series_equal(adjust(raw).bars.iloc[-1], raw[[*PRICES, "Volume"]].iloc[-1])


def test_a_truncated_table_is_not_adjusted_for_later_events() -> None:
    table = bars(300)
    raw = unadjusted(table, 5.0).assign(**{ADJUSTED: table["Close"]})
    pd.testing.assert_frame_equal(adjust(raw[:SPLIT]).bars, raw[[*PRICES, "Volume"]][:SPLIT], rtol=1e-9)
