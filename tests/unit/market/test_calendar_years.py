import importlib

import exchange_calendars
import pandas as pd
import pytest

from stockops.market import calendar, calendar_years
from stockops.market.exchange_tables import INDICES, SUFFIXES

NAMES = {*SUFFIXES.values(), *INDICES.values()}
FIRST, LAST = 2021, 2031


def _dates(name: str, location: str) -> pd.DatetimeIndex:
    """Return a list of holidays from the library; `adhoc_holidays` is a property and is read from the calendar."""
    if location.endswith(".adhoc_holidays"):
        return pd.DatetimeIndex(exchange_calendars.get_calendar(name).adhoc_holidays)
    module, attribute = location.rsplit(".", 1)
    return pd.DatetimeIndex(getattr(importlib.import_module(f"exchange_calendars.{module}"), attribute))


def _last_full_year(dates: pd.DatetimeIndex) -> int:
    """Return the last year with at least half the median number of dates a year."""
    per_year = pd.Series(dates.year).value_counts()
    return int(per_year.index[per_year >= per_year.median() / 2].max())


@pytest.mark.parametrize("name", calendar_years.LISTED)
def test_the_table_matches_the_coverage_of_the_installed_library(name: str) -> None:
    listed = calendar_years.LISTED[name]
    assert listed.year == min(_last_full_year(_dates(name, location)) for location in listed.lists)


def test_only_calendars_of_our_exchanges_are_listed() -> None:
    assert calendar_years.LISTED.keys() <= NAMES


def test_a_calendar_knows_its_last_complete_year() -> None:
    assert calendar.of("BBCA.JK").complete_to == calendar_years.LISTED["XIDX"].year
    assert calendar.of("AAPL").complete_to is None


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NAMES - calendar_years.LISTED.keys()))
def test_an_unlisted_calendar_keeps_its_holidays_in_later_years(name: str) -> None:
    sessions = exchange_calendars.get_calendar(name, start=f"{FIRST}-01-01", end=f"{LAST}-12-27").sessions

    def closures(first: int, last: int) -> float:
        days = pd.date_range(f"{first}-01-01", f"{last}-12-27")
        days = days[days.dayofweek < 4]  # weekdays on which every exchange has always traded
        return len(days.difference(sessions)) / (last - first + 1)

    assert closures(2028, LAST) > 0.7 * closures(FIRST, 2025)
