import pandas as pd
import pytest

from stockops.documents.prices import Repair
from stockops.market import plausibility
from stockops.market.repairs import repair
from tests.builders import market, rescaled


def repaired(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Repair, ...], int]:
    bars, done, left = repair(table, plausibility.find(table), splits=True)
    return bars, done, len(left)


@pytest.mark.parametrize(("new", "old"), [(20, 1), (2, 1), (1, 10)])
def test_a_split_is_repaired_by_its_exact_ratio(new: int, old: int) -> None:
    table = market()
    bars, done, left = repaired(rescaled(table, slice(200), new / old, old / new))
    pd.testing.assert_frame_equal(bars, table, rtol=1e-12)
    assert [(made.date, made.kind) for made in done] == [(f"{table.index[200]:%Y-%m-%d}", "split")]
    assert left == 0


def test_months_in_pence_are_led_back_to_pounds() -> None:
    table = market()
    bars, done, left = repaired(rescaled(table, slice(150, 250), 100.0))
    pd.testing.assert_frame_equal(bars, table, rtol=1e-12)
    assert [made.kind for made in done] == ["unit", "unit"]
    assert left == 0


def test_a_bar_in_another_unit_is_rescaled_and_any_other_tick_left_out() -> None:
    table = market()
    bars, done, left = repaired(rescaled(rescaled(table, slice(100, 101), 100.0), slice(300, 301), 7.0))
    expected = table.drop(table.index[300])
    pd.testing.assert_frame_equal(bars, expected, rtol=1e-12)
    assert [made.what.rsplit(": ", 1)[1] for made in done] == ["its prices multiplied by 0.01", "left out"]
    assert left == 0


def test_a_split_without_its_volume_is_left_suspicious() -> None:
    table = rescaled(market(), slice(200), 10.0)
    bars, done, left = repaired(table)
    pd.testing.assert_frame_equal(bars, table)
    assert (done, left) == ((), 1)


def test_a_last_bar_in_another_unit_is_left_suspicious() -> None:
    _, done, left = repaired(rescaled(market(), slice(399, 400), 100.0))
    assert (done, left) == ((), 1)


def test_several_defects_are_repaired_one_behind_the_other() -> None:
    table = market()
    bent = rescaled(rescaled(rescaled(table, slice(300), 4.0, 0.25), slice(100), 3.0, 1 / 3), slice(200, 201), 0.01)
    bars, done, left = repaired(bent)
    pd.testing.assert_frame_equal(bars, table, rtol=1e-12)
    assert sorted(made.kind for made in done) == ["split", "split", "tick"]
    assert left == 0


def test_a_repair_is_made_once() -> None:
    bars, _, _ = repaired(rescaled(market(), slice(200), 20.0, 1 / 20))
    assert plausibility.find(bars) == ()
