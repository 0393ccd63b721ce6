"""A calendar inferred from the bars themselves, for exchanges in no table."""

import numpy as np
import pandas as pd

from stockops.market.calendar_sessions import FROM_DATA, WEEKDAYS, TradingCalendar, over

_RECENT_WEEKS = 13  # a quarter: long enough to outweigh a holiday week, short enough to follow a changed week
_FEWEST_WEEKS = 4
_FEWEST_YEARS = 3


def from_data(index: pd.DatetimeIndex) -> TradingCalendar:
    """Return the calendar implied by the index of a price table (naive midnights, ascending).

    Up to the last bar its sessions are the bars' own days. Later ones fall on the weekdays that traded in most of the
    last 13 weeks, or Monday to Friday with less than 4 weeks of bars, except dates that were closed in every year, of
    at least three, in which they fell on such a weekday.
    """
    days = pd.DatetimeIndex(index).normalize().unique()
    week = _week(days)
    closings = pd.Series(over(days), index=days)
    return TradingCalendar(FROM_DATA, week=week, holidays=_holidays(days, week), closings=closings)


def _week(days: pd.DatetimeIndex) -> str:
    """Return the weekdays that traded in most of the recent weeks, in the form "1111100"."""
    if days.empty:
        return WEEKDAYS
    weeks = min(_RECENT_WEEKS, ((days[-1] - days[0]).days + 1) // 7)
    recent = days[days > days[-1] - pd.Timedelta(weeks=weeks)]
    often = np.bincount(recent.dayofweek, minlength=7) > weeks / 2
    if weeks < _FEWEST_WEEKS or not often.any():
        return WEEKDAYS
    return "".join("01"[int(flag)] for flag in often)


def _holidays(days: pd.DatetimeIndex, week: str) -> frozenset[tuple[int, int]]:
    """Return the dates of the year, as (month, day), that never traded on a weekday of the week."""
    if days.empty:
        return frozenset()
    due = pd.date_range(days[0], days[-1])
    due = due[[week[weekday] == "1" for weekday in due.dayofweek]]
    traded = pd.Series(due.isin(days)).groupby([due.month, due.day]).agg(["size", "any"])
    closed = traded.index[(traded["size"] >= _FEWEST_YEARS) & ~traded["any"]]
    return frozenset((int(month), int(day)) for month, day in closed)
