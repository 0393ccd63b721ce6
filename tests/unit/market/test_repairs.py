import pandas as pd
import pytest

from stockops.documents.prices import Repair
from stockops.market import plausibility
from stockops.market.repairs import repair
from tests.builders import market, rescaled


def repaired(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Repair, ...], int]:
    bars, repairs, remaining = repair(table, plausibility.find(table), splits=True)
    return bars, repairs, len(remaining)


@pytest.mark.parametrize(("new", "old"), [(20, 1), (2, 1), (1, 10)])
def test_a_split_is_repaired_by_its_exact_ratio(new: int, old: int) -> None:
    table = market()
    bars, repairs, remaining = repaired(rescaled(table, slice(200), new / old, old / new))
    pd.testing.assert_frame_equal(bars, table, rtol=1e-12)
    assert [(item.date, item.kind) for item in repairs] == [(f"{table.index[200]:%Y-%m-%d}", "split")]
    assert remaining == 0


def test_months_in_pence_are_converted_to_pounds() -> None:
    table = market()
    bars, repairs, remaining = repaired(rescaled(table, slice(150, 250), 100.0))
    pd.testing.assert_frame_equal(bars, table, rtol=1e-12)
    assert [item.kind for item in repairs] == ["unit", "unit"]
    assert remaining == 0


def test_a_bar_in_another_unit_is_rescaled_and_any_other_bad_tick_is_dropped() -> None:
    table = market()
    bars, repairs, remaining = repaired(rescaled(rescaled(table, slice(100, 101), 100.0), slice(300, 301), 7.0))
    expected = table.drop(table.index[300])
    pd.testing.assert_frame_equal(bars, expected, rtol=1e-12)
    assert [item.what.rsplit(": ", 1)[1] for item in repairs] == ["its prices multiplied by 0.01", "left out"]
    assert remaining == 0


def test_a_split_without_its_change_of_volume_stays_suspicious() -> None:
    table = rescaled(market(), slice(200), 10.0)
    bars, repairs, remaining = repaired(table)
    pd.testing.assert_frame_equal(bars, table)
    assert (repairs, remaining) == ((), 1)


def test_a_last_bar_in_another_unit_stays_suspicious() -> None:
    _, repairs, remaining = repaired(rescaled(market(), slice(399, 400), 100.0))
    assert (repairs, remaining) == ((), 1)


def test_several_defects_are_repaired_one_after_the_other() -> None:
    table = market()
    defective = rescaled(
        rescaled(rescaled(table, slice(300), 4.0, 0.25), slice(100), 3.0, 1 / 3), slice(200, 201), 0.01
    )
    bars, repairs, remaining = repaired(defective)
    pd.testing.assert_frame_equal(bars, table, rtol=1e-12)
    assert sorted(item.kind for item in repairs) == ["split", "split", "tick"]
    assert remaining == 0


def test_a_repaired_table_needs_no_further_repair() -> None:
    bars, _, _ = repaired(rescaled(market(), slice(200), 20.0, 1 / 20))
    assert plausibility.find(bars) == ()
