"""Checks whether the bars of a file fit the calendar of their symbol."""

import calendar as weekdays  # the standard library's, for the names of the weekdays

import numpy as np
import pandas as pd

from stockops.market.calendar_sessions import FROM_DATA, TradingCalendar

# Calendars lack special sessions (Bombay's on Diwali and on budget Saturdays) and get old holidays wrong: fewer than
# five bars, or two a year. An exchange mistaken for another differs by three or more days a year.
_FEW = 5
_FEW_OF = 0.008
_WEEKLY = 0.1  # of all bars: above this the weekday trades; below, it had special sessions
_NEVER = 0.1  # of a weekday's sessions: below this it practically never traded
_FEWEST_WEEKS = 4
_FULL = 0.5  # of the other weekdays' sessions: above this the bars are daily, possibly with gaps
_MARGIN = pd.Timedelta(weeks=8)


def contradiction(calendar: TradingCalendar, index: pd.DatetimeIndex) -> str | None:
    """Return a clause on how the days of a price table contradict a calendar, or None.

    index: naive midnights, ascending. Only days that the calendar knows are checked.
    """
    index = _judged(calendar, index)
    if index.empty:
        return None
    sessions = calendar.sessions(index[0], index[-1])
    astray = index[calendar.closed(index)]
    before = calendar.sessions(index[0] - _MARGIN, index[0])  # the only Monday of a short table may be a holiday
    return (
        _on_closed_weekdays(calendar.name, astray, sessions.union(before), len(index))
        or _never_on_open_weekdays(calendar.name, index, sessions)
        or _on_closed_days(calendar.name, astray, len(index))
    )


def _judged(calendar: TradingCalendar, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    known = calendar.known
    if calendar.is_guess or calendar.name == FROM_DATA:
        return index[:0]
    return index if known.empty else index[(index >= known[0]) & (index <= known[-1])]


def _on_closed_weekdays(name: str, astray: pd.DatetimeIndex, sessions: pd.DatetimeIndex, bars: int) -> str | None:
    """Return the clause on bars on closed weekdays, such as weekend bars in a week from Monday to Friday."""
    open_days = np.bincount(sessions.dayofweek, minlength=7)
    closed = np.flatnonzero(open_days <= _NEVER * open_days.max(initial=0))
    found = astray[astray.dayofweek.isin(closed)]
    if len(found) < 2 or len(found) <= _WEEKLY * bars:
        return None
    return f"{len(found)} bars lie on {_named(found.dayofweek, 's')}, when {name} is closed"


def _never_on_open_weekdays(name: str, index: pd.DatetimeIndex, sessions: pd.DatetimeIndex) -> str | None:
    """Return the clause on open weekdays without bars, such as weekends of a calendar that trades every day."""
    due = np.bincount(sessions.dayofweek, minlength=7)
    found = np.bincount(index.dayofweek, minlength=7)
    never = (due >= _FEWEST_WEEKS) & (found <= _NEVER * due)
    without = np.flatnonzero(never)
    if not 0 < len(without) <= 2 or found[~never].sum() < _FULL * due[~never].sum():  # or weekly bars, or many gaps
        return None
    return f"{found[without].sum() or 'none'} of {len(index)} bars lie on {_named(without, 's')}, when {name} trades"


def _on_closed_days(name: str, astray: pd.DatetimeIndex, bars: int) -> str | None:
    if len(astray) < _FEW or len(astray) <= _FEW_OF * bars:
        return None
    return f"{len(astray)} bars lie on days when {name} is closed, {astray[-1]:%Y-%m-%d} the last of them"


def _named(days: "np.ndarray | pd.Index", ending: str) -> str:
    return " and ".join(f"{weekdays.day_name[day]}{ending}" for day in sorted(set(map(int, days))))
