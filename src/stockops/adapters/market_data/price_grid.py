"""From the text of a price file to its rows: finds the separator, the header and the data lines."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from stockops.adapters.market_data import price_columns as known
from stockops.adapters.market_data import price_dates
from stockops.adapters.market_data.price_columns import Column
from stockops.adapters.market_data.price_text import quoted
from stockops.errors import DataError
from stockops.market import ohlcv

if TYPE_CHECKING:
    import _csv

_SEPARATORS = ",;\t|"
_HEADER_WITHIN = 30  # lines: vendors write little above the header
_HEAD_CHARACTERS = 1 << 16
_MAX_ROWS = 1_000_000
_BLOCK = 10_000  # rows read at once; those of other symbols are dropped
_LONGEST_TICKER = 30
_HEADER = "let its first line be Date,Open,High,Low,Close,Volume"

Row = list[str]


@dataclass(frozen=True, slots=True)
class Grid:
    """The rows of one symbol, as text.

    roles: the columns of each role (price_columns). lines: line numbers of the rows in the file, from 1. width: cells
    in the header.
    """

    name: str
    separator: str
    roles: dict[str, list[Column]]
    rows: list[Row]
    lines: list[int]
    width: int

    def column(self, place: int) -> list[str]:
        """Return the cells of a column; "" where a row is too short."""
        try:
            return [row[place] for row in self.rows]
        except IndexError:
            return [row[place] if place < len(row) else "" for row in self.rows]


@dataclass(frozen=True, slots=True)
class _Layout:
    """The layout of a file. first: index of the first data row, from 0; tickers: the ticker row next to the header."""

    separator: str
    header: Row
    tickers: Row
    first: int


def read(name: str, text: str, symbol: str) -> Grid:
    """Return the rows of a symbol; raise DataError if the header is missing or has other columns or symbols."""
    try:
        layout = _layout(name, text, symbol)
        rows = _rows(name, text, layout)
        begin = list(islice(rows, 1))
        first = begin[0][1] if begin else []
        layout = _with_index(layout, first)
        found = known.of_symbol(known.columns(layout.header, layout.tickers, symbol), symbol, name)
        roles = known.by_role(found, lambda place: place < len(first) and price_dates.is_date(first[place]), name)
        lines, cells = _of(symbol, name, roles, chain(begin, rows))
    except csv.Error as exc:
        raise DataError(f"{name} cannot be read as CSV: {exc}", "look for a quote that is not closed") from exc
    return Grid(name, layout.separator, roles, cells, lines, len(layout.header))


def _layout(name: str, text: str, symbol: str) -> _Layout:
    """Return the layout whose header names the most price columns, the first of equals."""
    heads = {separator: _head(text, separator) for separator in _stated(text) or _SEPARATORS}
    found = {separator: _header(head, symbol) for separator, head in heads.items()}
    separator = max(found, key=lambda each: found[each][0])
    score, place = found[separator]
    if not score:
        first = next(line for line in text.splitlines() if line.strip())
        raise DataError(f"{name} has no line with the names of its columns; it begins {quoted(first)}", _HEADER)
    return _beside(heads[separator], separator, place)


def _header(head: list[Row], symbol: str) -> tuple[int, int]:
    """Return how many price columns the best line of a head names, and its index."""
    best = (0, 0)
    for place, row in enumerate(head):
        if (score := known.prices_in(row, symbol)) > best[0]:
            best = (score, place)
        if score == len(ohlcv.PRICES):
            break
    return best


def _stated(text: str) -> str:
    """Return the separator declared in the first line, in Excel's form ("sep=;"); "" if none."""
    stated = text[4:5] if text[:4].lower() == "sep=" else ""
    return stated if stated and stated in _SEPARATORS else ""


def _head(text: str, separator: str) -> list[Row]:
    lines = io.StringIO(text[:_HEAD_CHARACTERS], newline="")
    return list(islice(csv.reader(lines, delimiter=separator, skipinitialspace=True), _HEADER_WITHIN))


def _beside(head: list[Row], separator: str, place: int) -> _Layout:
    """Return the layout with the rows around a header: tickers above or below it, the index's name after it."""
    header, first, tickers = head[place], place + 1, []
    if place and _names_tickers(head[place - 1], header):
        tickers = ["", *head[place - 1][1:]]
    elif first < len(head) and _names_tickers(head[first], header):
        tickers = ["", *head[first][1:]]
        first += 1
    if first < len(head) and _names_index(head[first]):
        header = [head[first][0], *header[1:]]
        first += 1
    return _Layout(separator, header, tickers, first)


def _names_tickers(row: Row, header: Row) -> bool:
    """Return whether a row gives the symbol of each price column, as in yf.download's files."""
    first = known.plain(row[0]) if row else ""
    if len(row) != len(header) or (first and known.ROLES.get(first) != known.TICKER):
        return False
    cells = [cell for cell, name in zip(row[1:], header[1:], strict=True) if cell.strip() and name.strip()]
    return bool(cells) and all(any(char.isalpha() for char in cell) and len(cell) < _LONGEST_TICKER for cell in cells)


def _names_index(row: Row) -> bool:
    return bool(row) and known.ROLES.get(known.plain(row[0])) == known.DATE and not "".join(row[1:]).strip()


def _rows(name: str, text: str, layout: _Layout) -> Iterator[tuple[int, Row]]:
    """Return the line number and cells of each data row that is not entirely empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.separator, skipinitialspace=True)
    for _ in islice(reader, layout.first):
        pass
    return chain.from_iterable(_blocks(name, reader))


def _blocks(name: str, reader: "_csv.Reader") -> Iterator[list[tuple[int, Row]]]:
    line = reader.line_num
    while rows := list(islice(reader, _BLOCK)):
        if reader.line_num != line + len(rows):  # a cell spans lines: it may contain the rest of the file
            place = next(place for place, row in enumerate(rows) if "\n" in "".join(row) or "\r" in "".join(row))
            raise DataError(f"{name} line {line + place + 1}: a quote is opened and not closed", "correct that line")
        yield [(number, row) for number, row in enumerate(rows, line + 1) if row and (row[0] or "".join(row).strip())]
        line += len(rows)


def _with_index(layout: _Layout, first: Row) -> _Layout:
    """Return the layout with a name for the date column of R's write.table, whose header is one field short."""
    dated = any(known.ROLES.get(known.plain(name)) == known.DATE for name in layout.header)
    if dated or len(first) != len(layout.header) + 1 or not price_dates.is_date(first[0]):
        return layout
    tickers = ["", *layout.tickers] if layout.tickers else []
    return _Layout(layout.separator, [known.DATE, *layout.header], tickers, layout.first)


def _of(
    symbol: str, name: str, roles: dict[str, list[Column]], rows: Iterator[tuple[int, Row]]
) -> tuple[list[int], list[Row]]:
    """Return the line numbers and rows of one symbol: all rows, unless there is a ticker column."""
    if column := roles.get(known.TICKER):
        rows = _named(symbol, name, column[0].place, rows)
    found = list(islice(rows, _MAX_ROWS + 1))
    if len(found) > _MAX_ROWS:
        raise DataError(f"{name} has more than {_MAX_ROWS:,} rows: daily bars are needed", "keep one symbol in a file")
    return [line for line, _ in found], [row for _, row in found]


def _named(symbol: str, name: str, place: int, rows: Iterator[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    """Yield the rows whose ticker is the symbol, or all if no row has a ticker; raise DataError if none matches."""
    mine: dict[str, bool] = {}
    nameless = []
    for line, row in rows:
        ticker = row[place].strip() if place < len(row) else ""
        if not ticker:
            nameless.append((line, row))
            continue
        if ticker not in mine:
            mine[ticker] = known.is_of(ticker, symbol)
        if mine[ticker]:
            yield line, row
    if mine and not any(mine.values()):
        raise known.another(name, symbol, list(mine))
    if not mine:
        yield from nameless
