"""Covariates of a window: each origin sees only what was known at its own close."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from stockops.forecasting import covariates, volatility
from stockops.forecasting.covariates import Covariates, Market
from stockops.market import calendar, features
from stockops.market.calendar import TradingCalendar
from tests.builders import bars

NEW_YORK = calendar.of("^GSPC")
INDEX = bars(700, seed=1)
TABLE = features.add(bars(700))


def market(table: pd.DataFrame = INDEX) -> Market:
    return Market(table, NEW_YORK)


def terms_of(table: pd.DataFrame, last: int) -> np.ndarray:
    """Return the HAR terms of the window that ends at a row."""
    return np.asarray(volatility.terms(table.to_numpy()[None, last - 59 : last + 1])[0])


def test_a_new_york_ticker_sees_the_market_up_to_its_own_close() -> None:
    found = covariates.of(TABLE, calendar.of("AAPL"), market())
    row = 400
    day = int(INDEX.index.searchsorted(TABLE.index[row]))
    np.testing.assert_allclose(found.market[row], terms_of(INDEX, day))


@pytest.mark.slow
def test_tokyo_and_london_see_the_previous_session_of_new_york() -> None:
    for symbol, table in (
        ("7203.T", features.add(bars(300, symbol="7203.T"))),
        ("BP.L", features.add(bars(300, symbol="BP.L"))),
    ):
        found = covariates.of(table, calendar.of(symbol), market())
        row = 200
        before = int(INDEX.index.searchsorted(table.index[row])) - 1
        np.testing.assert_allclose(found.market[row], terms_of(INDEX, before))


def test_market_data_more_than_a_week_old_is_ignored() -> None:
    stale = INDEX[INDEX.index <= TABLE.index[300]]
    found = covariates.of(TABLE, calendar.of("AAPL"), market(stale))
    assert found.market[300].any()
    assert found.market[304].any()  # days later, not yet a week
    assert not found.market[307:].any()


@pytest.mark.parametrize("given", [None, market(INDEX.iloc[:59])])
def test_other_covariates_are_known_without_a_market_or_with_a_short_one(given: Market | None) -> None:
    found = covariates.of(TABLE, calendar.of("AAPL"), given)
    assert not found.market.any()
    assert found.traits.any()
    assert found.level.any()
    assert found.season.any()


def test_later_data_never_changes_the_covariates_of_an_origin() -> None:
    row = 350
    day = TABLE.index[row]
    rng = np.random.default_rng(0)

    def scramble_later(table: pd.DataFrame) -> pd.DataFrame:
        scrambled = table.copy()
        later = scrambled.index > day
        scrambled[later] = rng.uniform(1, 1e6, (int(later.sum()), scrambled.shape[1]))
        return scrambled

    announced = NEW_YORK.known.searchsorted(day) + 6  # sessions announced to the origin
    visible = np.arange(len(NEW_YORK.known)) < announced
    closings = NEW_YORK.closings[visible | (rng.random(len(visible)) < 0.5)] + pd.Timedelta(minutes=7)
    closings[visible[: len(closings)]] = NEW_YORK.closings[visible]
    altered: TradingCalendar = replace(NEW_YORK, closings=closings)
    plain = covariates.of(TABLE, NEW_YORK, market())
    other = covariates.of(scramble_later(TABLE), altered, Market(scramble_later(INDEX), altered))
    for part in fields(Covariates):
        one, two = (np.asarray(getattr(found, part.name)) for found in (plain, other))
        np.testing.assert_array_equal(one[: row + 1], two[: row + 1], part.name)
        assert not np.array_equal(one, two), part.name


def test_a_volatile_day_raises_the_season_a_quarter_later() -> None:
    calm = bars(500)
    volatile = calm.copy()
    volatile.iloc[300:301, 1] *= 1.2  # an extreme high
    plain, marked = (covariates.of(features.add(table), NEW_YORK, None).season for table in (calm, volatile))
    at = 300 - features.WARM_UP
    raised = np.flatnonzero((marked - plain)[:, 0] > 0.05)
    expected = at + 63 - 1
    assert set(range(expected - 3, expected + 4)) <= set(raised)
    assert raised[0] == expected - 3
    assert (marked - plain)[expected - 4 - 3, 4] > 0  # the season of the fifth session ahead rises four days earlier


def test_the_level_compares_a_window_with_all_earlier_ones() -> None:
    table = features.add(bars(400))
    found = covariates.of(table, NEW_YORK, None).level
    windows = np.stack([table.to_numpy()[end - 60 : end] for end in range(60, len(table) + 1)])
    levels = volatility.usual(windows)
    np.testing.assert_allclose(found[200], levels[141] - levels[:142].mean())
    assert not found[:59].any()


def test_a_short_history_has_covariates() -> None:
    for rows in (0, 1, 59):
        found = covariates.of(TABLE.iloc[:rows], NEW_YORK, market())
        assert found.traits.shape == (rows, 6, covariates.TRAITS)
        assert found.season.shape == (rows, 5)


def test_only_equal_covariates_have_equal_digests() -> None:
    found = covariates.of(TABLE, NEW_YORK, market())
    assert found.digest == covariates.of(TABLE, NEW_YORK, market()).digest
    assert found.digest != covariates.of(TABLE, NEW_YORK, None).digest
