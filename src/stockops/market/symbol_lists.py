"""Reads a file of symbols: one per line, a list, or a column of a table."""

import csv
import re
from collections.abc import Iterator

from stockops.errors import UsageError

_HEADERS = ("symbol", "symbols", "ticker", "tickers", "code")
_SECTION = re.compile(r"(?<!#)###(?![\s#])[^,\n]*(?=,\S|\s*$)", re.MULTILINE)  # TradingView's headings, in a list
_ENTRY = re.compile(r"\S+")


def listed(text: str) -> list[str]:
    """Return the symbols of a tickers file as written, in order; the caller checks each with `symbols.parse`.

    One per line, or several separated by commas, semicolons, tabs or spaces; or a CSV whose first line names a column
    Symbol, Ticker or Code, of which only that column is read. `#` begins a comment. A line that is neither one symbol
    nor a list of them ("AAPL,Apple Inc.") is returned whole, so that the check's error names it.
    """
    lines = _SECTION.sub("", text.lstrip("\ufeff")).splitlines()
    first = next((line for line in lines if _without_comment(line)), "")
    for delimiter in ",;\t":
        names = [name.strip().lower() for name in next(_rows([first], delimiter), [])]
        for header in _HEADERS:
            if header in names:
                return list(_column(lines[lines.index(first) + 1 :], delimiter, names.index(header)))
    return [entry for line in lines for entry in _entries(_without_comment(line))]


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the CSV rows of lines; raises UsageError if they cannot be read."""
    try:
        yield from csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    except csv.Error as exc:
        raise UsageError(f"the list of tickers cannot be read: {exc}", "write one symbol a line") from None


def _without_comment(line: str) -> str:
    return line.split("#", 1)[0].strip()


def _column(lines: list[str], delimiter: str, column: int) -> Iterator[str]:
    """Yield the non-empty cells of one column; rows too short for it are skipped."""
    for row in _rows(lines, delimiter):
        if len(row) > column and not row[0].startswith("#") and (cell := _without_comment(row[column])):
            yield cell


def _entries(line: str) -> list[str]:
    """Return the symbols of a line that is a list, else the whole line."""
    parts = [part for part in (part.strip() for part in re.split(r"[,;\t]", line)) if part]
    if len(parts) > 1:
        return parts if all(_ENTRY.fullmatch(part) for part in parts) else [line]
    words = line.split()
    alike = line.isupper() or line.islower()  # AAPL MSFT is a list, Apple Inc a name
    return words if alike else [line] if line else []
