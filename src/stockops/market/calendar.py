"""Trading calendar of each symbol's exchange: which days trade, when they close, which come next.

Calendars come from `exchange_calendars`. Beyond its data (a date past its last session, an exchange it does not have) a
weekly pattern is used instead, and logged once; once there are bars, `from_data` is more accurate.
"""

import difflib
import functools
from zoneinfo import ZoneInfo

import exchange_calendars as xcals
import pandas as pd
from exchange_calendars.errors import CalendarError

from stockops.errors import UsageError
from stockops.market import calendar_years, exchanges
from stockops.market.calendar_data import from_data
from stockops.market.calendar_fit import contradiction
from stockops.market.calendar_sessions import EVERY_DAY, FROM_DATA, TradingCalendar, warn_weekdays

__all__ = ["TradingCalendar", "contradiction", "from_data", "of"]

_EARLIEST = pd.Timestamp("2000-01-03")
# No holidays, and days end at midnight UTC: nothing to look up. Currencies are dated in London.
_ALWAYS = {
    "24/7": TradingCalendar("24/7", week=EVERY_DAY),
    "24/5": TradingCalendar("24/5", ZoneInfo("Europe/London")),
}


def of(symbol: str, override: str | None = None) -> TradingCalendar:
    """Return the calendar of a checked symbol, or the override.

    override: a name or alias of `exchange_calendars`, "24/7", or "from-data", which is a guess until there are bars;
    raises UsageError for any other.
    """
    if override is not None:
        return _overridden(override.strip())
    name = exchanges.of(symbol).calendar
    if name == exchanges.UNKNOWN:
        warn_weekdays(f"symbols that end in .{symbol.rsplit('.', 1)[1]}" if "." in symbol else symbol)
        return _guess(exchanges.UNKNOWN)
    return _named(name)


def _overridden(wanted: str) -> TradingCalendar:
    """Return the calendar of a name typed by the user."""
    if wanted.lower() == FROM_DATA:
        return _guess(FROM_DATA)
    names = {name.upper(): name for name in xcals.get_calendar_names()}
    name = names.get(wanted.upper())
    if name is None:
        near = difflib.get_close_matches(wanted.upper(), [*names, FROM_DATA.upper()], n=3, cutoff=0.5)
        close = ", ".join(names.get(match, FROM_DATA) for match in near)
        hint = f"close to it: {close}" if close else "use a name such as XNYS or XLON, 24/7, or from-data"
        raise UsageError(f"no calendar is called {wanted!r}", hint)
    return _named(xcals.resolve_alias(name))


@functools.cache
def _guess(name: str) -> TradingCalendar:
    return TradingCalendar(name, is_guess=True)


@functools.cache
def _named(name: str) -> TradingCalendar:
    """Return a calendar of the library; building one takes tenths of a second."""
    if name in _ALWAYS:
        return _ALWAYS[name]
    try:
        known = xcals.get_calendar(name, start=_EARLIEST)
    except (ValueError, CalendarError):
        known = xcals.get_calendar(name)  # its data begins later
    complete = calendar_years.complete_to(name)
    return TradingCalendar(name, known.tz, complete, week=known.weekmask, closings=known.closes)
