"""The dates of a price file: detects their format and returns the session of each row.

One format per file: a row in another format is an error naming the row, never guessed.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.adapters.market_data.price_text import quoted
from stockops.errors import DataError

SessionDates = Callable[[pd.DatetimeIndex, pd.DatetimeIndex], pd.DatetimeIndex]
"""From instants (aware, UTC) and the dates that stand in the file, to the sessions' dates (naive midnights)."""

_TIME = r"(?:(?:T|,? +)(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[AaPp][Mm])?))?"
_OFFSET = r" ?(?P<offset>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_WEEKDAY = r"(?:[A-Za-z]{3,9},? )?"
_MONTH = r"(?P<month>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"
_WAYS = (
    r"(?P<year>\d{4})(?P<_>[-/.])(?P<month>\d{1,2})(?P=_)(?P<day>\d{1,2})" + _TIME + _OFFSET,
    r"(?P<year>(?:1[89]|2[01])\d{2})(?P<month>\d{2})(?P<day>\d{2})" + _TIME,
    r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})" + _TIME,
    r"(?P<one>\d{1,2})(?P<_>[/-])(?P<other>\d{1,2})(?P=_)(?P<year>\d{4})" + _TIME,
    _WEEKDAY + _MONTH + r" +(?P<day>\d{1,2}),? +(?P<year>\d{4})" + _TIME,
    _WEEKDAY + r"(?P<day>\d{1,2})[- ]+" + _MONTH + r"[-, ]+(?P<year>\d{4}|\d{2})" + _TIME,
    r"(?P<epoch>-?\d{9,19})(?:\.0*)?",
)
_PATTERNS = [re.compile(way, re.ASCII | re.IGNORECASE) for way in _WAYS]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# (limit, unit): an epoch below the limit is in units of that many seconds. 1e11 s would be in the year 5138.
_EPOCH_UNITS = ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6), (float("inf"), 1e-9))
_LATEST = 9.2e9  # seconds; nanosecond timestamps end in 2262
_CENTURY = 69  # as in C and POSIX: 69 is 1969, 68 is 2068

Parts = list[re.Match[str]]


def is_date(cell: str) -> bool:
    """Return whether a cell is written as a date."""
    return any(pattern.fullmatch(cell.strip()) for pattern in _PATTERNS)


def parse(name: str, cells: Sequence[str], lines: Sequence[int], sessions: SessionDates) -> pd.DatetimeIndex:
    """Return the session of each cell as naive midnights; raise DataError naming the first invalid date.

    A time of day without an offset is exchange time, and only its date counts.
    """
    index = pd.to_datetime(list(cells), format="%Y-%m-%d", errors="coerce")
    if index.isna().any():
        index = _in_any_way(name, [cell.strip() for cell in cells], lines, sessions)
    return pd.DatetimeIndex(index, name="Date")


def _in_any_way(name: str, cells: list[str], lines: Sequence[int], sessions: SessionDates) -> pd.DatetimeIndex:
    pattern = next((each for each in _PATTERNS if each.fullmatch(cells[0])), _PATTERNS[0])
    matches = [pattern.fullmatch(cell) for cell in cells]
    parts = [match for match in matches if match]
    if len(parts) < len(cells):
        raise _no_date(name, cells, lines, np.array([match is None for match in matches]))
    if "epoch" in pattern.groupindex:
        instants = _since_1970(parts)
        _refuse(name, cells, lines, instants)
        return sessions(instants, instants.tz_localize(None).normalize())
    stated = _days(parts, *_month_and_day(name, parts, cells, lines))
    _refuse(name, cells, lines, stated)
    if "offset" in pattern.groupindex and any(part["offset"] for part in parts):
        instants = _instants(parts, stated)
        _refuse(name, cells, lines, instants)
        return sessions(instants, stated)
    return stated


def _month_and_day(name: str, parts: Parts, cells: list[str], lines: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the months and days; raise DataError if it is ambiguous which number is the month."""
    if "one" not in parts[0].re.groupindex:
        return [_month(part["month"]) for part in parts], [int(part["day"]) for part in parts]
    one, other = [int(part["one"]) for part in parts], [int(part["other"]) for part in parts]
    if max(one) > 12:
        return other, one
    if max(other) > 12:
        return one, other
    message = f"{name} line {lines[0]}: {quoted(cells[0])} may be day/month or month/day, and no row tells which"
    raise DataError(message, "write the dates as YYYY-MM-DD")


def _month(text: str) -> int:
    return int(text) if text.isdigit() else 1 + _MONTHS.index(text[:3].lower())


def _days(parts: Parts, months: list[int], days: list[int]) -> pd.DatetimeIndex:
    years = [_year(part["year"]) for part in parts]
    table = pd.DataFrame({"year": years, "month": months, "day": days})
    return pd.DatetimeIndex(pd.to_datetime(table, errors="coerce"))


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else int(text) + (1900 if int(text) >= _CENTURY else 2000)


def _instants(parts: Parts, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the instants of timestamps with offsets; NaT for one without."""
    texts = [
        f"{day:%Y-%m-%d} {part['time'] or '00:00'}{_offset(part['offset'])}" if part["offset"] else ""
        for day, part in zip(days, parts, strict=True)
    ]
    return pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce"))


def _offset(text: str) -> str:
    return "Z" if text.upper() in ("Z", "UTC", "GMT") else text


def _since_1970(parts: Parts) -> pd.DatetimeIndex:
    """Return the instants of epochs, all in the unit of their median magnitude; NaT for one out of range."""
    numbers = np.array([int(part["epoch"]) for part in parts], dtype=float)
    usual = float(np.median(np.abs(numbers)))
    seconds = numbers * next(unit for below, unit in _EPOCH_UNITS if usual < below)
    seconds[np.abs(seconds) > _LATEST] = np.nan
    return pd.DatetimeIndex(pd.to_datetime(pd.Index(seconds), unit="s", utc=True))


def _refuse(name: str, cells: list[str], lines: Sequence[int], found: pd.DatetimeIndex) -> None:
    if found.isna().any():
        raise _no_date(name, cells, lines, np.asarray(found.isna()))


def _no_date(name: str, cells: list[str], lines: Sequence[int], bad: npt.NDArray[np.bool_]) -> DataError:
    row = int(bad.argmax())
    line = f"{name} line {lines[row]}: {quoted(cells[row])} is no date"
    if row == 0:
        return DataError(line, "write the dates as YYYY-MM-DD")
    return DataError(f"{line} like those above", "correct or remove that line")
