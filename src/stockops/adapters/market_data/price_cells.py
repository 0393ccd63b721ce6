"""The numbers of a price file: decimal point or comma, thousands separators, currency signs, K and M."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stockops.adapters.market_data.price_text import quoted
from stockops.arrays import Floats
from stockops.errors import DataError

_EMPTY = frozenset({"", "null", "nan", "na", "n/a", "#n/a", "none", "nil", "-", "--", "."})
_PLAIN = "0123456789.-+eE\n"
_SCALES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_GROUPED = re.compile(r"(?<=[0-9])[\s'\u2019](?=[0-9]{3}(?![0-9]))")  # \s includes narrow spaces
_SEPARATED = re.compile(r"[+-]?(?P<before>\d+)(?P<all>(?:[.,]\d+)+)(?:[eE][+-]?\d+)?", re.ASCII)
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Style:
    """How a file writes numbers: the decimal separator; the other of `.` and `,` groups thousands."""

    decimal: str = "."

    @property
    def pattern(self) -> re.Pattern[str]:
        """Regex of a complete number; thousands groups have three digits."""
        decimal, group = re.escape(self.decimal), re.escape("," if self.decimal == "." else ".")
        whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)"
        number = rf"[+-]?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?"
        return re.compile(rf"({number}) ?([KMBT]?)", re.ASCII | re.IGNORECASE)


def is_empty(cell: str) -> bool:
    """Return whether a cell marks a missing value: null, N/A, a dash."""
    return cell.strip().lower() in _EMPTY


def style(name: str, separator: str, prices: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> Style:
    """Return the number style of the price columns, or of the other columns if prices do not decide it.

    separator: the column separator. Raise DataError if all prices look like "1,234", which is ambiguous.
    """
    if all(_is_plain(column) for column in prices) and separator != ";":
        return Style()
    for columns in (prices, others):
        cells = [_bare(cell) for column in columns for cell in column if not is_empty(cell)]
        separated = [found for cell in cells if (found := _SEPARATED.fullmatch(cell))]
        if votes := [vote for found in separated if (vote := _decimal(found))]:
            return Style(max(".,", key=votes.count))
        if columns is prices and separated and len(separated) == len(cells) and _is_open(separated, separator):
            message = f"{name}: {quoted(separated[0][0])} may be in the thousands or have three decimals"
            raise DataError(message, "save the prices with a decimal point and no thousands separator")
    return Style()


def numbers(cells: Sequence[str], written: Style) -> Floats:
    """Return the number in each cell, shape (cells,); NaN if there is none."""
    if _is_plain(cells) and written.decimal == ".":
        try:
            return np.array(cells, dtype=object).astype(float)
        except ValueError:
            pass  # a cell is empty or malformed
    pattern = written.pattern
    return np.array([_number(_bare(cell), pattern, written.decimal) for cell in cells], dtype=float)


def ratios(cells: Sequence[str], written: Style) -> Floats:
    """Return new shares per old share, shape (cells,): 4:1 is 4.0; no split (0, 1 or an empty cell) is 1.0."""
    found = numbers(cells, written)
    for row in np.flatnonzero(np.isnan(found)).tolist():
        if pair := _RATIO.fullmatch(cells[row].strip()):
            found[row] = float(pair[1]) / float(pair[2]) if float(pair[2]) else np.nan
        elif is_empty(cells[row]):
            found[row] = 1.0
    return np.where(found == 0, 1.0, found)


def amounts(cells: Sequence[str], written: Style) -> Floats:
    """Return the dividend amounts, shape (cells,); 0.0 for an empty cell."""
    empty = np.array([is_empty(cell) for cell in cells], dtype=bool)
    return np.where(empty, 0.0, numbers(cells, written))


def _is_plain(cells: Iterable[str]) -> bool:
    return not "\n".join(cells).strip(_PLAIN)  # empty if the text has only these characters


def _bare(cell: str) -> str:
    """Return a cell without currency signs and without spaces or apostrophes between thousands."""
    text = cell.strip()
    if not text.isascii() or "$" in text:
        text = "".join(char for char in text if unicodedata.category(char) != "Sc").strip()
    return _GROUPED.sub("", text)


def _decimal(found: re.Match[str]) -> str:
    """Return the decimal separator of a number; "" if it is ambiguous."""
    signs = [char for char in found["all"] if char in ".,"]
    if len(set(signs)) == 2:
        return signs[-1]
    if len(signs) > 1:
        return "," if signs[0] == "." else "."
    before, after = found["before"], found["all"][1:]
    grouped = len(after) == 3 and len(before) <= 3 and not before.startswith("0")
    return "" if grouped else signs[0]


def _is_open(separated: Sequence[re.Match[str]], separator: str) -> bool:
    """Return whether the one separator is ambiguous: a comma always is, a point only in a `;`-separated file."""
    return any("," in found["all"] for found in separated) or separator == ";"


def _number(text: str, pattern: re.Pattern[str], decimal: str) -> float:
    found = pattern.fullmatch(text)
    if not found:
        return np.nan
    group = "," if decimal == "." else "."
    return float(found[1].replace(group, "").replace(decimal, ".")) * _SCALES.get(found[2].upper(), 1.0)
