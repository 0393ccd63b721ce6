import numpy as np
import pandas as pd
import pytest

from stockops.market.adjustment import adjust
from stockops.market.ohlcv import ADJUSTED, DIVIDENDS, PRICES, SPLITS
from tests.builders import bars

SPLIT = 120  # the row of the ex-date


def unadjusted(table: pd.DataFrame, ratio: float, row: int = SPLIT) -> pd.DataFrame:
    """Return the table as it was traded, had there been a split at that row."""
    traded = table.copy()
    traded.iloc[:row, :4] *= ratio
    traded.iloc[:row, 4] /= ratio
    return traded


def paying(table: pd.DataFrame, share: float, every: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table as it was traded with a dividend of that share every so many rows, and those dividends."""
    traded, dividends = table.copy(), pd.Series(0.0, table.index)
    for row in range(len(table) - every, 0, -every):
        traded.iloc[:row, :4] /= 1 - share
        dividends.iloc[row] = share * traded["Close"].iloc[row - 1]
    return traded, dividends.to_frame(DIVIDENDS)


def test_without_an_adjusted_close_prices_are_taken_as_they_are() -> None:
    table = bars(60)
    pd.testing.assert_frame_equal(adjust(table).bars, table)


@pytest.mark.parametrize("ratio", [20.0, 2.0, 1.5, 0.1])
def test_an_adjusted_close_over_a_split_adjusts_prices_and_volume(ratio: float) -> None:
    table = bars(300)
    raw = unadjusted(table, ratio).assign(**{ADJUSTED: table["Close"]})
    pd.testing.assert_frame_equal(adjust(raw).bars, table, rtol=1e-9)


def test_a_dividend_in_an_adjusted_close_leaves_volume_alone() -> None:
    table = bars(300)
    traded, _ = paying(table, 0.03)
    found = adjust(traded.assign(**{ADJUSTED: table["Close"]})).bars
    pd.testing.assert_frame_equal(found, table, rtol=1e-9)


def test_a_special_dividend_of_a_quarter_is_no_split() -> None:
    table = bars(300)
    traded, _ = paying(table, 0.27, every=180)
    found = adjust(traded.assign(**{ADJUSTED: table["Close"]})).bars
    np.testing.assert_array_equal(found["Volume"], table["Volume"])


def test_a_volume_that_is_adjusted_for_a_split_already_stays() -> None:
    table = bars(300)
    raw = unadjusted(table, 10.0).assign(Volume=table["Volume"], **{ADJUSTED: table["Close"]})
    pd.testing.assert_frame_equal(adjust(raw).bars, table, rtol=1e-9)


@pytest.mark.parametrize("ratio", [4.0, 1.25, 1 / 15])
def test_a_declared_split_that_prices_show_is_adjusted_for(ratio: float) -> None:
    table = bars(300)
    declared = pd.Series(1.0, table.index)
    declared.iloc[SPLIT] = ratio
    found = adjust(unadjusted(table, ratio).assign(**{SPLITS: declared}))
    pd.testing.assert_frame_equal(found.bars, table, rtol=1e-9)
    assert found.notes == ("1 declared split adjusted for",)


def test_a_declared_split_that_prices_are_adjusted_for_already_changes_nothing() -> None:
    table = bars(300)
    declared = pd.Series(1.0, table.index)
    declared.iloc[SPLIT] = 4.0
    found = adjust(table.assign(**{SPLITS: declared}))
    pd.testing.assert_frame_equal(found.bars, table)
    assert found.notes == ()


def test_declared_dividends_that_prices_show_are_adjusted_for() -> None:
    table = bars(900)
    traded, dividends = paying(table, 0.02)
    found = adjust(traded.join(dividends))
    pd.testing.assert_frame_equal(found.bars, table, rtol=1e-9)
    assert found.notes == ("14 declared dividends adjusted for",)


def test_declared_dividends_that_prices_are_adjusted_for_already_change_nothing() -> None:
    table = bars(900)
    _, dividends = paying(table, 0.02)
    found = adjust(table.join(dividends))
    pd.testing.assert_frame_equal(found.bars, table)
    assert found.notes == ("prices are adjusted for the declared dividends already",)


def test_where_splits_are_not_adjusted_for_dividends_are_not_either() -> None:
    table = bars(300)
    traded, dividends = paying(table, 0.001, every=250)  # too small to be seen
    declared = pd.Series(1.0, table.index)
    declared.iloc[SPLIT] = 2.0
    raw = unadjusted(traded, 2.0).assign(**{SPLITS: declared}).join(dividends)
    raw.loc[raw.index[:SPLIT], DIVIDENDS] *= 2
    pd.testing.assert_frame_equal(adjust(raw).bars, table, rtol=1e-9)


def test_the_last_row_keeps_what_was_traded() -> None:
    table = bars(300)
    raw = unadjusted(table, 5.0).assign(**{ADJUSTED: table["Close"] * 0.8})
    pd.testing.assert_series_equal(adjust(raw).bars.iloc[-1], raw[[*PRICES, "Volume"]].iloc[-1])


def test_a_table_cut_at_an_earlier_day_knows_nothing_of_what_came() -> None:
    table = bars(300)
    raw = unadjusted(table, 5.0).assign(**{ADJUSTED: table["Close"]})
    pd.testing.assert_frame_equal(adjust(raw[:SPLIT]).bars, raw[[*PRICES, "Volume"]][:SPLIT], rtol=1e-9)
