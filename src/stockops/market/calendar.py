"""Sessions of each symbol's own exchange: which days trade, when they end, which come next.

Calendars come from `exchange_calendars`. Where its knowledge ends (a date past its last session, an
exchange it does not have) every weekday counts as a session, and that is said once in the log.
"""

import functools
import logging
from datetime import date, datetime, timedelta

import exchange_calendars as xcals
import numpy as np
import pandas as pd
from exchange_calendars.errors import CalendarError

from stockops.market import exchanges

log = logging.getLogger("stockops.calendar")

_EARLIEST = pd.Timestamp("2000-01-03")
_SETTLE = timedelta(minutes=15)  # vendors publish the closing auction about this late


def exchange(symbol: str) -> str:
    """Return the name of the symbol's calendar, "XNYS" for a plain one."""
    return exchanges.of(symbol).calendar


def sessions(symbol: str, first: date, last: date) -> pd.DatetimeIndex:
    """Return the sessions from `first` to `last`, both included, as tz-naive midnights."""
    calendar = _calendar(exchange(symbol))
    start, end = pd.Timestamp(first), pd.Timestamp(last)
    if calendar is None:
        return _weekdays(start, end)
    known_first, known_last = calendar.first_session, calendar.last_session
    parts = []
    if start < known_first:
        parts.append(_weekdays(start, min(end, known_first - pd.Timedelta(days=1))))
    if start <= known_last and end >= known_first:
        parts.append(calendar.sessions_in_range(max(start, known_first), min(end, known_last)))
    if end > known_last:
        _warn_weekdays(exchange(symbol), f"after {known_last:%Y-%m-%d}")
        parts.append(_weekdays(max(start, known_last + pd.Timedelta(days=1)), end))
    return pd.DatetimeIndex(np.concatenate([part.to_numpy() for part in parts]))


def next_sessions(symbol: str, after: date, count: int) -> tuple[date, ...]:
    """Return the first `count` sessions later than `after`."""
    found: pd.DatetimeIndex = pd.DatetimeIndex([])
    days = 2 * count + 14  # Golden Week 2019 closed Tokyo for ten days
    while len(found) < count:
        found = sessions(symbol, after + timedelta(days=1), after + timedelta(days=days))
        days *= 2
    return tuple(stamp.date() for stamp in found[:count])


def last_completed(symbol: str, now: datetime) -> date:
    """Return the last session whose closing prices are out at `now` (an aware datetime).

    A session counts 15 minutes after its close; where no closing time is known, once its day is over in UTC.
    """
    moment = pd.Timestamp(now).tz_convert("UTC") - _SETTLE
    calendar = _calendar(exchange(symbol))
    if calendar is not None:
        closes = calendar.closes.loc[calendar.closes <= moment]
        if moment <= calendar.closes.iloc[-1] and len(closes):
            return pd.Timestamp(closes.index[-1]).date()
    today = moment.tz_localize(None).normalize()
    return sessions(symbol, (today - pd.Timedelta(days=14)).date(), (today - pd.Timedelta(days=1)).date())[-1].date()


def closes(symbol: str, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return when each session of a price table closed (aware, UTC).

    A day on which the calendar knows of no session, yet the vendor has a bar, closes when it is over in UTC.
    """
    days = pd.DatetimeIndex(index).tz_localize(None).normalize()
    over = pd.Series(days + pd.Timedelta(days=1), index=days).dt.tz_localize("UTC")
    calendar = _calendar(exchange(symbol))
    known = over if calendar is None else calendar.closes.reindex(days).fillna(over)
    return pd.DatetimeIndex(known.to_numpy(), tz="UTC", name="event_timestamp")


def out_at(symbol: str, session: date) -> datetime:
    """Return when the closing prices of a session are out (aware, UTC); see last_completed."""
    close: datetime = closes(symbol, pd.DatetimeIndex([session]))[0].to_pydatetime()
    return close + _SETTLE


def missing_runs(symbol: str, index: pd.DatetimeIndex) -> list[tuple[date, date, int]]:
    """Return the holes of a price table as (bar before, bar after, sessions missing), oldest first."""
    expected = sessions(symbol, index[0].date(), index[-1].date())
    position = expected.searchsorted(index)
    holes = pd.Series(position).diff().fillna(1).to_numpy() - 1
    return [(index[i - 1].date(), index[i].date(), int(holes[i])) for i in range(1, len(index)) if holes[i] > 0]


@functools.cache
def _calendar(name: str) -> xcals.ExchangeCalendar | None:
    if name == "weekdays":
        _warn_weekdays("this exchange", "")
        return None
    try:
        return xcals.get_calendar(name, start=_EARLIEST)
    except (ValueError, CalendarError):
        return xcals.get_calendar(name)  # its own knowledge begins later


def _weekdays(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    return pd.bdate_range(first, last)


@functools.cache
def _warn_weekdays(name: str, when: str) -> None:
    log.warning("no calendar for %s %s: every weekday counts as a session", name, when)
