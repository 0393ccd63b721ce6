import importlib

import exchange_calendars
import pandas as pd
import pytest

from stockops.market import calendar, calendar_years
from stockops.market.exchange_tables import INDICES, SUFFIXES

NAMES = {*SUFFIXES.values(), *INDICES.values()}
FIRST, LAST = 2021, 2031


def _dates(name: str, place: str) -> pd.DatetimeIndex:
    """Return a list of holidays from the library; one that stands inside a method, from the method."""
    if place.endswith(".adhoc_holidays"):
        return pd.DatetimeIndex(exchange_calendars.get_calendar(name).adhoc_holidays)
    module, attribute = place.rsplit(".", 1)
    return pd.DatetimeIndex(getattr(importlib.import_module(f"exchange_calendars.{module}"), attribute))


def _last_full_year(dates: pd.DatetimeIndex) -> int:
    """Return the last year with at least half as many of the dates as a year has."""
    a_year = pd.Series(dates.year).value_counts()
    return int(a_year.index[a_year >= a_year.median() / 2].max())


@pytest.mark.parametrize("name", calendar_years.LISTED)
def test_the_table_says_how_far_the_installed_library_goes(name: str) -> None:
    listed = calendar_years.LISTED[name]
    assert listed.year == min(_last_full_year(_dates(name, place)) for place in listed.lists)


def test_only_calendars_of_our_exchanges_are_listed() -> None:
    assert calendar_years.LISTED.keys() <= NAMES


def test_a_calendar_says_to_which_year_it_is_complete() -> None:
    assert calendar.of("BBCA.JK").complete_to == calendar_years.LISTED["XIDX"].year
    assert calendar.of("AAPL").complete_to is None


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NAMES - calendar_years.LISTED.keys()))
def test_a_calendar_that_is_not_listed_loses_no_holidays_later(name: str) -> None:
    sessions = exchange_calendars.get_calendar(name, start=f"{FIRST}-01-01", end=f"{LAST}-12-27").sessions

    def closures(first: int, last: int) -> float:
        days = pd.date_range(f"{first}-01-01", f"{last}-12-27")
        days = days[days.dayofweek < 4]  # which every exchange has had in its week
        return len(days.difference(sessions)) / (last - first + 1)

    assert closures(2028, LAST) > 0.7 * closures(FIRST, 2025)
