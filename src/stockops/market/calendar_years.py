"""The last year with known holidays, for exchanges whose holidays follow a published list instead of rules.

Taken from exchange_calendars 4.13.2. Past that year the library continues with its rules (New Year, Easter) but without
the listed holidays (Eid, Diwali, Vesak), so that a session may turn out to be a holiday.
"""

from typing import NamedTuple


class Listed(NamedTuple):
    """Listed holidays. year: the last one complete in all lists; lists: their library location, as `module.name`."""

    year: int
    lists: tuple[str, ...]


LISTED = {
    "XBKK": Listed(2029, ("xbkk_holidays.makha_bucha", "xbkk_holidays.vesak", "xbkk_holidays.asanha_bucha")),
    "XBOM": Listed(2026, ("exchange_calendar_xbom.precomputed_bse_holidays",)),
    "XIDX": Listed(2025, ("exchange_calendar_xidx.XIDXExchangeCalendar.adhoc_holidays",)),
    "XKAR": Listed(2025, ("exchange_calendar_xkar.XKARExchangeCalendar.adhoc_holidays",)),
    "XKLS": Listed(2029, ("xkls_holidays.deepavali", "xkls_holidays.thaipusam", "xkls_holidays.wesak_day")),
    "XPHS": Listed(2027, (
        "exchange_calendar_xphs.philippines_eid_al_fitr", "exchange_calendar_xphs.philippines_eid_al_adha",
    )),
    "XSAU": Listed(2029, ("exchange_calendar_xsau.EidAlFiterHoliday", "exchange_calendar_xsau.EidAlAdhaHoliday")),
    "XSES": Listed(2026, ("exchange_calendar_xses.precomputed_ses_holidays",)),
    "XSHG": Listed(2026, ("exchange_calendar_xshg.precomputed_shanghai_holidays",)),
    "XTAI": Listed(2026, ("exchange_calendar_xtai.chinese_new_year_extras",)),
}  # fmt: skip


def complete_to(name: str) -> int | None:
    """Return the last year whose holidays are known; None for a calendar that follows rules."""
    return LISTED[name].year if name in LISTED else None
