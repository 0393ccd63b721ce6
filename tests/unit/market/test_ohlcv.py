import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops.errors import DataError
from stockops.market import ohlcv
from stockops.market.adjustment import adjust
from tests.builders import bars

TABLE = bars(60)


def test_valid_bars_pass() -> None:
    ohlcv.check(TABLE, "AAPL")


@settings(deadline=None, max_examples=60)
@given(
    row=st.integers(0, 59),
    column=st.sampled_from(ohlcv.OHLCV),
    value=st.one_of(st.sampled_from([0.0, -1.0, np.nan, np.inf, -np.inf, 1e300, 1e21]), st.floats(max_value=-1e-6)),
)
def test_an_impossible_value_is_reported_with_row_and_date(row: int, column: str, value: float) -> None:
    if column == "Volume" and value == 0:
        return
    table = TABLE.copy()
    table.iloc[row, list(table.columns).index(column)] = value
    with pytest.raises(DataError, match=rf"AAPL: row {row + 1} \({table.index[row]:%Y-%m-%d}\)") as caught:
        ohlcv.check(table, "AAPL")
    assert column in caught.value.message or "High" in caught.value.message or "Low" in caught.value.message


@pytest.mark.parametrize(
    ("scale", "valid"), [(1e-320, False), (1e-300, False), (1e-14, True), (1e12, True), (1e300, False)]
)
def test_only_prices_on_an_impossible_scale_are_refused(scale: float, valid: bool) -> None:
    table = TABLE.copy()
    table[list(ohlcv.PRICES)] *= scale
    if valid:
        ohlcv.check(table, "AAPL")
        return
    with pytest.raises(DataError, match=r"row 1 .* has Open that no price can be"):
        ohlcv.check(table, "AAPL")


@settings(deadline=None, max_examples=40)
@given(row=st.integers(0, 59), factor=st.floats(1.001, 100))
def test_high_and_low_must_enclose_open_and_close(row: int, factor: float) -> None:
    body = TABLE.iloc[row][["Open", "Close"]]
    low, high = TABLE.copy(), TABLE.copy()
    high.iloc[row, 1] = body.max() / factor
    low.iloc[row, 2] = body.min() * factor
    for table, name in ((high, "High"), (low, "Low")):
        with pytest.raises(DataError, match=rf"row {row + 1} .* has {name}"):
            ohlcv.check(table, "AAPL")


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_swapped_and_repeated_rows_are_detected(data: st.DataObject) -> None:
    first = data.draw(st.integers(0, 58))
    second = data.draw(st.integers(first + 1, 59))
    order = list(range(60))
    order[first], order[second] = order[second], order[first]
    with pytest.raises(DataError, match="out of order"):
        ohlcv.check(TABLE.iloc[order], "AAPL")
    repeated = pd.concat([TABLE.iloc[: second + 1], TABLE.iloc[[first]], TABLE.iloc[second + 1 :]])
    with pytest.raises(DataError, match="appears twice"):
        ohlcv.check(repeated, "AAPL")


@pytest.mark.parametrize("column", ohlcv.OHLCV)
def test_a_missing_column_is_reported(column: str) -> None:
    with pytest.raises(DataError, match=f"AAPL: no column {column}"):
        ohlcv.check(TABLE.drop(columns=column), "AAPL")


def test_no_rows_is_an_error() -> None:
    with pytest.raises(DataError, match="AAPL: no bars"):
        ohlcv.check(TABLE.iloc[:0], "AAPL")


def test_a_rounding_error_in_the_last_digit_is_accepted() -> None:
    table = TABLE.copy()
    table.iloc[5, 1] = table.iloc[5][["Open", "Close"]].max() * (1 - 1e-6)
    ohlcv.check(table, "AAPL")


def test_adjusting_scales_prices_by_adj_close_and_leaves_volume_unchanged() -> None:
    table = TABLE.assign(**{"Adj Close": TABLE["Close"] * np.where(np.arange(60) < 30, 0.5, 1.0)})
    adjusted = adjust(table).bars
    np.testing.assert_allclose(adjusted["Close"], table["Adj Close"])
    np.testing.assert_allclose(adjusted["High"][:30], table["High"][:30] / 2)
    np.testing.assert_array_equal(adjusted["Volume"], table["Volume"])


def test_a_later_dividend_does_not_change_an_adjusted_history() -> None:
    before = TABLE.assign(**{"Adj Close": TABLE["Close"]})
    after_a_dividend = TABLE.assign(**{"Adj Close": TABLE["Close"] * 0.97})  # the vendor rewrote every earlier row
    pd.testing.assert_frame_equal(adjust(after_a_dividend).bars, adjust(before).bars)


def test_prices_without_adj_close_are_unchanged() -> None:
    pd.testing.assert_frame_equal(adjust(TABLE).bars, TABLE, check_freq=False)
