"""The trading calendar used by the rest of the code: known sessions, and a weekly pattern around them."""

import functools
import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

log = logging.getLogger("stockops.calendar")

FROM_DATA = "from-data"
_SETTLE = timedelta(minutes=15)  # vendors publish the closing auction about this late
_DAY = pd.Timedelta(days=1)
WEEKDAYS = "1111100"
EVERY_DAY = "1111111"


@functools.cache
def warn_weekdays(what: str) -> None:
    """Log once per text that weekdays are used in place of a calendar."""
    log.warning("no calendar for %s: every weekday counts as a session", what)


def over(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return when days end in UTC, used as the close of sessions whose closing time is unknown."""
    return (days + _DAY).tz_localize("UTC")


def _nothing_known() -> "pd.Series[pd.Timestamp]":
    return pd.Series(over(pd.DatetimeIndex([])), index=pd.DatetimeIndex([]))


@dataclass(frozen=True, eq=False)
class TradingCalendar:
    """The sessions of one exchange. Days are tz-naive midnights, moments are aware and UTC.

    name: of `exchange_calendars`, "from-data" or "unknown". zone: the time zone of the exchange's dates.
    complete_to: the last year whose holidays are completely known, None if they do not depend on a list.
    is_guess: the exchange is unknown and every weekday counts as a session; `calendar.from_data` is more accurate.
    week: the weekdays that trade outside `closings`, Monday first; holidays: (month, day) without a session there.
    closings: the closing time of each known session, oldest first.
    """

    name: str
    zone: tzinfo = UTC
    complete_to: int | None = None
    is_guess: bool = False
    week: str = WEEKDAYS
    holidays: frozenset[tuple[int, int]] = frozenset()
    closings: "pd.Series[pd.Timestamp]" = field(default_factory=_nothing_known, repr=False)

    @property
    def known(self) -> pd.DatetimeIndex:
        """The known sessions."""
        return pd.DatetimeIndex(self.closings.index)

    def sessions(self, first: date, last: date) -> pd.DatetimeIndex:
        """Return the sessions from `first` to `last`, both included."""
        start, end, known = pd.Timestamp(first), pd.Timestamp(last), self.known
        if known.empty:
            return self._pattern(start, end)
        if end > known[-1] and self.name != FROM_DATA:
            warn_weekdays(f"{self.name} after {known[-1]:%Y-%m-%d}")
        parts = [
            self._pattern(start, min(end, known[0] - _DAY)),
            known[known.searchsorted(start) : known.searchsorted(end, side="right")],
            self._pattern(max(start, known[-1] + _DAY), end),
        ]
        return pd.DatetimeIndex(np.concatenate([part.to_numpy() for part in parts]))

    def sessions_after(self, session: date, until: date) -> int:
        """Return the number of sessions after `session`, up to and including `until`."""
        return max(0, len(self.sessions(session, until)) - 1) if until > session else 0

    def next_sessions(self, after: date, count: int) -> tuple[date, ...]:
        """Return the first `count` sessions later than `after`."""
        found = pd.DatetimeIndex([])
        days = 2 * count + 14  # Golden Week 2019 closed Tokyo for ten days
        while len(found) < count:
            found = self.sessions(after + timedelta(days=1), after + timedelta(days=days))
            days *= 2
        return tuple(stamp.date() for stamp in found[:count])

    def last_completed(self, now: datetime) -> date:
        """Return the last session whose closing prices are published at `now` (an aware datetime).

        A session counts 15 minutes after its close; if no closing time is known, once its day has ended in UTC.
        """
        moment = pd.Timestamp(now).tz_convert("UTC") - _SETTLE
        closed = int(self.closings.searchsorted(moment, side="right"))
        if 0 < closed < len(self.closings):
            return self.known[closed - 1].date()
        today = moment.tz_localize(None).normalize()
        return self.sessions(today - 14 * _DAY, today - _DAY)[-1].date()

    def closes(self, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return when each session of a price table closed.

        A day without a session in the calendar, for which the vendor has a bar, closes when it ends in UTC.
        """
        days = pd.DatetimeIndex(index).tz_localize(None).normalize()
        known = self.closings.reindex(days).fillna(pd.Series(over(days), index=days))
        return pd.DatetimeIndex(known.to_numpy(), tz="UTC", name="event_timestamp")

    def out_at(self, session: date) -> datetime:
        """Return when the closing prices of a session are published; see `last_completed`."""
        close: datetime = self.closes(pd.DatetimeIndex([session]))[0].to_pydatetime()
        return close + _SETTLE

    def missing_runs(self, index: pd.DatetimeIndex) -> list[tuple[date, date, int]]:
        """Return the gaps of a price table as (bar before, bar after, sessions missing), oldest first."""
        position = self.sessions(index[0], index[-1]).searchsorted(index)
        holes = pd.Series(position).diff().fillna(1).to_numpy() - 1
        return [(index[i - 1].date(), index[i].date(), int(holes[i])) for i in range(1, len(index)) if holes[i] > 0]

    def closed(self, index: pd.DatetimeIndex) -> NDArray[np.bool_]:
        """Return which days of an index, in any order, have no session; shape (days,)."""
        if index.empty:
            return np.zeros(0, dtype=bool)
        return ~index.isin(self.sessions(index.min(), index.max()))

    def session_dates(self, instants: pd.DatetimeIndex, stated: pd.DatetimeIndex | None = None) -> pd.DatetimeIndex:
        """Return the session that each bar's timestamp refers to.

        instants: the timestamps, aware, UTC. stated: their dates as the vendor wrote them, ignoring the offset.
        The session is the date at the exchange: 23:00Z is the next day in London's summer. But many vendors write a
        session as midnight UTC, which is the evening before in New York: the stated dates are used if fewer of them
        fall on closed days, or equally many do and the timestamps are midnights UTC or the zone is unknown.
        """
        local = instants.tz_convert(self.zone).tz_localize(None).normalize()
        at_midnight = bool((instants == instants.normalize()).all())
        if stated is None:
            if not at_midnight:
                return local
            stated = instants.tz_localize(None)
        misfit = int(self.closed(stated).sum()) - int(self.closed(local).sum())
        no_zone = self.is_guess or self.name == FROM_DATA
        return stated if misfit < 0 or (misfit == 0 and (at_midnight or no_zone)) else local

    def _pattern(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Return the days of the weekly pattern without the holidays; none if `last` is before `first`."""
        if last < first:
            return pd.DatetimeIndex([])
        days = pd.date_range(first, last)
        trades = np.array([flag == "1" for flag in self.week])[days.dayofweek]
        closed = [100 * month + day for month, day in self.holidays]
        return days[trades & ~np.isin(100 * days.month + days.day, closed)]
