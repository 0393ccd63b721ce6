"""Calendar traits of a session that are known in advance: expiries, half days, adjacent holidays, month ends.

Volume depends on these days more than on anything else, and they are in the calendar, so using them is no look-ahead.
Closures not in the calendar at the origin (`unscheduled`) are excluded. Each origin has the traits of its own session
and of the next five that were due then.
"""

import functools
import itertools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.arrays import Floats
from stockops.market import unscheduled
from stockops.market.calendar_sessions import FROM_DATA, TradingCalendar
from stockops.market.windows import HORIZON

TRAITS = (
    "expiry", "quarterly_expiry", "half_day", "before_holiday", "after_holiday", "month_end", "quarter_end", "gap",
    "short_week",
)  # fmt: skip
SEEN = 1 + HORIZON  # sessions whose traits an origin has: its own and the next five

# Options on shares and indices expire on this n-th weekday of a month, or on the session before if that is not one.
# Sources: the contract specifications of Cboe, Montréal, Eurex, Euronext, ICE, JPX, ASX, KRX and TAIFEX.
_EXPIRIES: Mapping[str, tuple[int, str]] = {
    **dict.fromkeys(
        ("XNYS", "XTSE", "XLON", "XETR", "XFRA", "XPAR", "XAMS", "XBRU", "XLIS", "XMIL", "XMAD", "XSWX", "XSTO"),
        (3, "Fri"),
    ),
    "XTKS": (2, "Fri"),
    "XASX": (3, "Thu"),
    "XKRX": (2, "Thu"),
    "XTAI": (3, "Wed"),
}
_MARGIN = pd.Timedelta(days=40)  # around the origins, so that the months at both ends are complete
_WEEK = 7
_EARLY = 1  # a half day closes more than this many hours before the usual time of its year


def traits(calendar: TradingCalendar, days: pd.DatetimeIndex) -> Floats:
    """Return the traits of the session at each origin and of the next five, (origins, 6, 9), as `TRAITS` names them.

    days: the origins, ascending. All are flags except gap: (days since the previous session - 1) / 3; and short_week:
    how many sessions fewer than usual the session's week has. Zero if the calendar is a guess or from data.
    """
    found = np.zeros((len(days), SEEN, len(TRAITS)))
    if calendar.is_guess or calendar.name == FROM_DATA or days.empty:
        return found
    first, last = days[0] - _MARGIN, days[-1] + _MARGIN
    known = calendar.sessions(first, last)
    surprises = unscheduled.closures(calendar.name)
    surprises = surprises[(surprises > first) & (surprises <= last)]
    edges = [0, *days.searchsorted(surprises), len(days)]
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        if begin < end:  # until the eve of an unscheduled closure its day was due
            due = known.union(surprises[number:])
            at = due.searchsorted(days[begin:end], side="right") - 1
            found[begin:end] = _of_sessions(calendar, due)[at[:, None] + np.arange(SEEN)]
    return found


def _of_sessions(calendar: TradingCalendar, due: pd.DatetimeIndex) -> Floats:
    """Return the traits of sessions, (sessions, 9)."""
    expiry = _expiries(calendar.name, due)
    month = np.asarray(due.year * 12 + due.month)
    month_end = np.append(month[1:] != month[:-1], False)
    quarter = np.asarray(due.month % 3 == 0)
    closed = _closed_before(due, calendar.week)
    gap = np.diff(due.to_numpy(), prepend=due.to_numpy()[:1]) / np.timedelta64(1, "D")
    week = np.asarray((due - pd.Timestamp("1970-01-05")).days // _WEEK)
    short = calendar.week.count("1") - np.bincount(week - week[0])[week - week[0]]
    columns = (
        expiry,
        expiry & quarter,
        _half_days(calendar, due),
        np.append(closed[1:], 0) > 0,
        closed > 0,
        month_end,
        month_end & quarter,
        np.clip(gap - 1, 0, _WEEK) / 3,
        np.clip(short, 0, _WEEK),
    )
    return np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)


def _expiries(name: str, due: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """Return on which sessions options expire."""
    flags = np.zeros(len(due), dtype=bool)
    if name not in _EXPIRIES:
        return flags
    number, weekday = _EXPIRIES[name]
    months = np.unique(due.to_numpy().astype("datetime64[M]"))
    every = np.busday_offset(months, number - 1, roll="forward", weekmask=weekday)
    wanted = pd.DatetimeIndex(every).intersection(pd.date_range(due[0], due[-1]))
    flags[due.searchsorted(wanted, side="right") - 1] = True
    return flags


def _closed_before(due: pd.DatetimeIndex, week: str) -> npt.NDArray[np.int64]:
    """Return how many usual trading days without a session lie since the previous session, (sessions,)."""
    days = due.to_numpy().astype("datetime64[D]")
    return np.append(0, np.busday_count(days[:-1] + 1, days[1:] + 1, weekmask=week) - 1)


def _half_days(calendar: TradingCalendar, due: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """Return which sessions end more than an hour before the usual time of their year."""
    return _early(calendar).reindex(due, fill_value=False).to_numpy()


@functools.cache
def _early(calendar: TradingCalendar) -> "pd.Series[bool]":
    closings = calendar.closings
    if closings.empty:
        return pd.Series(dtype=bool, index=pd.DatetimeIndex([]))
    local = pd.DatetimeIndex(closings).tz_convert(calendar.zone).tz_localize(None)  # a midnight may occur twice
    hours = pd.Series((local - local.normalize()) / pd.Timedelta(hours=1), index=closings.index)
    usual = hours.groupby(local.year).transform("median")
    return hours < usual - _EARLY
