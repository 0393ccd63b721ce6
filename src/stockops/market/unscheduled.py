"""Closures announced less than a week ahead, which forecasts must not know of, whatever a calendar says today.

Used by `announced`: until its eve, such a day counts as a session, as it did then. Ad-hoc holidays decreed weeks ahead
(royal weddings, elections, Tokyo's ten days of 2019) are known to a forecast of five sessions.
"""

import pandas as pd

_LISTED = {
    "XNYS": (
        "2007-01-02",  # mourning for President Ford: NYSE, press release of 28 December 2006
        "2012-10-29", "2012-10-30",  # Hurricane Sandy: NYSE Euronext, 28 and 29 October 2012
        "2018-12-05",  # mourning for President G. H. W. Bush: NYSE, 1 December 2018
        "2025-01-09",  # mourning for President Carter: NYSE, 30 December 2024
    ),
    "XLON": ("2022-09-19",),  # funeral of Queen Elizabeth II: London Stock Exchange, 10 September 2022
    "XASX": ("2022-09-22",),  # national day of mourning: ASX, 11 September 2022
    "XTKS": ("2020-10-01",),  # failure of arrowhead, halted all day: Japan Exchange Group, 1 October 2020
    "XHKG": (  # typhoons and black rainstorms: Hong Kong Exchanges, on the day or its eve
        "2008-08-06", "2008-08-22", "2011-09-29", "2012-07-24", "2013-08-14", "2016-08-02", "2016-10-21", "2017-08-23",
        "2020-10-13", "2021-10-13", "2023-07-17", "2023-09-01", "2023-09-08", "2024-09-06",
    ),
    "XTAI": (  # typhoons: Taiwan Stock Exchange, on the eve
        "2004-08-24", "2004-08-25", "2004-10-25", "2005-07-18", "2005-08-05", "2005-09-01", "2007-09-18", "2008-07-28",
        "2008-09-29", "2009-08-07", "2012-08-02", "2013-08-21", "2014-07-23", "2015-07-10", "2015-09-29", "2016-07-08",
        "2016-09-27", "2016-09-28", "2019-08-09", "2019-09-30", "2023-08-03", "2024-07-24", "2024-07-25", "2024-10-02",
        "2024-10-03",
    ),
}  # fmt: skip


def closures(calendar: str) -> pd.DatetimeIndex:
    """Return the unscheduled closures of an exchange, oldest first."""
    return pd.DatetimeIndex(_LISTED.get(calendar, ()))
