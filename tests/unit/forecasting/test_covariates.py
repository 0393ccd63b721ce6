"""What is known beside a window: each origin sees what had come by its own close, and nothing later."""

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
    """Return the HAR terms of the window that ends with a row."""
    return np.asarray(volatility.terms(table.to_numpy()[None, last - 59 : last + 1])[0])


def test_a_ticker_of_new_york_sees_the_market_of_its_own_close() -> None:
    found = covariates.of(TABLE, calendar.of("AAPL"), market())
    row = 400
    day = int(INDEX.index.searchsorted(TABLE.index[row]))
    np.testing.assert_allclose(found.market[row], terms_of(INDEX, day))


@pytest.mark.slow
def test_tokyo_sees_the_new_york_of_the_day_before_and_london_too() -> None:
    for symbol, table in (
        ("7203.T", features.add(bars(300, symbol="7203.T"))),
        ("BP.L", features.add(bars(300, symbol="BP.L"))),
    ):
        found = covariates.of(table, calendar.of(symbol), market())
        row = 200
        before = int(INDEX.index.searchsorted(table.index[row])) - 1
        np.testing.assert_allclose(found.market[row], terms_of(INDEX, before))


def test_a_market_that_ended_a_week_before_tells_nothing() -> None:
    ended = INDEX[INDEX.index <= TABLE.index[300]]
    found = covariates.of(TABLE, calendar.of("AAPL"), market(ended))
    assert found.market[300].any()
    assert found.market[304].any()  # days later, not yet a week
    assert not found.market[307:].any()


@pytest.mark.parametrize("given", [None, market(INDEX.iloc[:59])])
def test_without_a_market_or_with_a_young_one_the_rest_is_known(given: Market | None) -> None:
    found = covariates.of(TABLE, calendar.of("AAPL"), given)
    assert not found.market.any()
    assert found.traits.any()
    assert found.level.any()
    assert found.season.any()


def test_nothing_that_comes_later_changes_what_an_origin_knows() -> None:
    row = 350
    day = TABLE.index[row]
    rng = np.random.default_rng(0)

    def nonsense(table: pd.DataFrame) -> pd.DataFrame:
        wild = table.copy()
        later = wild.index > day
        wild[later] = rng.uniform(1, 1e6, (int(later.sum()), wild.shape[1]))
        return wild

    told = NEW_YORK.known.searchsorted(day) + 6  # sessions that an origin is told of
    kept = np.arange(len(NEW_YORK.known)) < told
    sure = NEW_YORK.closings[kept | (rng.random(len(kept)) < 0.5)] + pd.Timedelta(minutes=7)
    sure[kept[: len(sure)]] = NEW_YORK.closings[kept]
    astray: TradingCalendar = replace(NEW_YORK, closings=sure)
    plain = covariates.of(TABLE, NEW_YORK, market())
    other = covariates.of(nonsense(TABLE), astray, Market(nonsense(INDEX), astray))
    for part in fields(Covariates):
        one, two = (np.asarray(getattr(found, part.name)) for found in (plain, other))
        np.testing.assert_array_equal(one[: row + 1], two[: row + 1], part.name)
        assert not np.array_equal(one, two), part.name


def test_a_wild_day_comes_back_a_quarter_later_as_its_season() -> None:
    calm = bars(500)
    wild = calm.copy()
    wild.iloc[300:301, 1] *= 1.2  # a high far above
    plain, marked = (covariates.of(features.add(table), NEW_YORK, None).season for table in (calm, wild))
    at = 300 - features.WARM_UP
    risen = np.flatnonzero((marked - plain)[:, 0] > 0.05)
    expected = at + 63 - 1
    assert set(range(expected - 3, expected + 4)) <= set(risen)
    assert risen[0] == expected - 3
    assert (marked - plain)[expected - 4 - 3, 4] > 0  # the fifth session is told of it four days earlier


def test_the_level_is_that_of_the_window_over_all_before_it() -> None:
    table = features.add(bars(400))
    found = covariates.of(table, NEW_YORK, None).level
    windows = np.stack([table.to_numpy()[end - 60 : end] for end in range(60, len(table) + 1)])
    usual = volatility.usual(windows)
    np.testing.assert_allclose(found[200], usual[141] - usual[:142].mean())
    assert not found[:59].any()


def test_a_short_history_has_covariates_too() -> None:
    for rows in (0, 1, 59):
        found = covariates.of(TABLE.iloc[:rows], NEW_YORK, market())
        assert found.traits.shape == (rows, 6, covariates.TRAITS)
        assert found.season.shape == (rows, 5)


def test_equal_covariates_have_equal_digests_and_others_have_not() -> None:
    found = covariates.of(TABLE, NEW_YORK, market())
    assert found.digest == covariates.of(TABLE, NEW_YORK, market()).digest
    assert found.digest != covariates.of(TABLE, NEW_YORK, None).digest
