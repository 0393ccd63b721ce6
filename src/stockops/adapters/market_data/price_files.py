"""The reader of price files: returns daily bars as vendors and spreadsheets write them, or a one-line error.

A file passes through price_bytes (decompressed), price_text (decoded) or price_parquet, price_grid (rows of one
symbol), price_columns (roles), price_dates (sessions) and price_cells (numbers); price_plain is the fast path for a
plain raw table. Of rows after the span only the dates are used: a table up to a day must not depend on later data.
"""

from collections.abc import Sequence
from datetime import date
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.adapters.market_data import price_bytes, price_cells, price_dates, price_grid, price_plain, price_text
from stockops.adapters.market_data.price_columns import CURRENCY, DATE
from stockops.adapters.market_data.price_dates import SessionDates
from stockops.adapters.market_data.price_grid import Grid
from stockops.errors import DataError
from stockops.market import exchanges, ohlcv
from stockops.market.ohlcv import RawBars

Flags = npt.NDArray[np.bool_]

_SPACINGS = ((6, 8, "weekly"), (28, 31, "monthly"))  # median days between bars
_FEWEST_SPACED = 10
_MOST_TWINS = 20  # duplicate columns compared
_NEEDS = "daily bars are needed"
_DOWNLOAD = "download the daily prices"


def read(path: Path, symbol: str, first: date, last: date, sessions: SessionDates) -> RawBars:
    """Return the bars of a symbol from `first` to `last`.

    sessions: maps timestamps with an offset, and epochs, to the exchange's dates; not called for plain dates. A single
    cell that is not a number becomes NaN, for ohlcv.check to report. Raise DataError for a file that is ambiguous or
    not a table of daily bars.
    """
    data = price_bytes.load(path)
    if (plain := price_plain.table(data)) is not None:
        inside = _inside(symbol, path.name, pd.DatetimeIndex(plain.index), first, last)
        _check_daily(path.name, pd.DatetimeIndex(plain.index[inside]))
        return RawBars(plain[inside])
    grid = price_grid.read(path.name, _text(path.name, data), symbol)
    dates = price_dates.parse(path.name, grid.column(grid.roles[DATE][0].place), grid.lines, sessions)
    inside = _inside(symbol, path.name, dates, first, last)
    inside_rows = _chosen(grid, inside)
    _check_widths(inside_rows)
    return _bars(inside_rows, dates[inside])


def stated_dates(_: pd.DatetimeIndex, stated: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the dates as written, for a file without offsets."""
    return stated


def _text(name: str, data: bytes) -> str:
    if data.startswith(price_bytes.PARQUET):
        from stockops.adapters.market_data import price_parquet  # pyarrow is slow to import

        return price_parquet.text(name, data)
    return price_text.decode(name, data)


def _inside(symbol: str, name: str, dates: pd.DatetimeIndex, first: date, last: date) -> Flags:
    """Return which rows are in the span, shape (rows,); raise DataError if none is."""
    inside = np.asarray((dates >= pd.Timestamp(first)) & (dates <= pd.Timestamp(last)))
    if not inside.any():
        raise DataError(f"{symbol}: no bars from {first} to {last}", _reach(name, dates))
    return inside


def _reach(name: str, dates: pd.DatetimeIndex) -> str:
    if dates.empty:
        return f"{name} has no rows below its header"
    return f"the rows of {name} reach from {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}"


def _chosen(grid: Grid, which: Flags) -> Grid:
    if which.all():
        return grid
    places = np.flatnonzero(which)
    rows, lines = [grid.rows[place] for place in places], [grid.lines[place] for place in places]
    return Grid(grid.name, grid.separator, grid.roles, rows, lines, grid.width)


def _check_widths(grid: Grid) -> None:
    """Raise DataError for a row with more cells than the header; trailing empty cells are ignored."""
    for line, row in zip(grid.lines, grid.rows, strict=True):
        if len(row) > grid.width and "".join(row[grid.width :]).strip():
            message = f"{grid.name} line {line} has {len(row)} cells, the header {grid.width}"
            raise DataError(message, "put cells that hold a comma between quotes")


def _bars(grid: Grid, dates: pd.DatetimeIndex) -> RawBars:
    cells = {role: _agreed(grid, role) for role in grid.roles if role != DATE}
    priced = _priced(cells)
    if not priced.any():
        raise DataError(f"{grid.name} has no price in {len(priced)} rows", _DOWNLOAD)
    notes = [] if priced.all() else [ohlcv.left_out(dates[~priced], "without any price")]
    table = _table(grid, cells, priced).set_axis(dates[priced])
    _check_daily(grid.name, pd.DatetimeIndex(table.index))
    if len(table) > 1 and table.index.is_monotonic_decreasing:
        table = table[::-1]
        notes.append("newest first: sorted")
    return RawBars(table, _currency(cells.get(CURRENCY, ())), tuple(notes))


def _agreed(grid: Grid, role: str) -> list[str]:
    """Return the cells of a role; raise DataError if two columns of the same name differ."""
    column, *others = grid.roles[role]
    if len(others) > _MOST_TWINS:
        raise DataError(f"{grid.name} has {len(others) + 1} columns {column.name.strip()}", "keep one of them")
    cells = grid.column(column.place)
    for other in others:
        if grid.column(other.place) != cells:
            raise DataError(f"{grid.name} has two columns {column.name.strip()} that differ", "remove one of them")
    return cells


def _priced(cells: dict[str, list[str]]) -> Flags:
    """Return which rows have at least one price, shape (rows,)."""
    found = np.ones(len(cells["Open"]), dtype=bool)
    for row, cell in enumerate(cells["Open"]):
        if not cell[:1].isdigit():  # fast path: nearly all are numbers
            found[row] = not all(price_cells.is_empty(cells[column][row]) for column in ohlcv.PRICES)
    return found


def _table(grid: Grid, cells: dict[str, list[str]], priced: Flags) -> pd.DataFrame:
    """Return the numbers of the priced rows, in the order Open to Close, Adj Close, Volume, dividends, splits."""
    if not priced.all():
        cells = {role: list(compress(those, priced)) for role, those in cells.items()}
    _check_filled(grid.name, cells)
    written = price_cells.style(
        grid.name, grid.separator, [cells[column] for column in ohlcv.PRICES], [cells["Volume"]]
    )
    adjusted = [ohlcv.ADJUSTED] if not _is_blank(cells.get(ohlcv.ADJUSTED, ())) else []
    table = {column: price_cells.numbers(cells[column], written) for column in (*ohlcv.PRICES, *adjusted, "Volume")}
    if ohlcv.DIVIDENDS in cells:
        table[ohlcv.DIVIDENDS] = price_cells.amounts(cells[ohlcv.DIVIDENDS], written)
    if ohlcv.SPLITS in cells:
        table[ohlcv.SPLITS] = price_cells.ratios(cells[ohlcv.SPLITS], written)
    return pd.DataFrame(table)


def _is_blank(cells: Sequence[str]) -> bool:
    return all(price_cells.is_empty(cell) for cell in cells)


def _check_filled(name: str, cells: dict[str, list[str]]) -> None:
    for column in ohlcv.OHLCV:
        if _is_blank(cells[column]):
            raise DataError(f"{name}: the column {column} is empty", "download the file again with that column")


def _check_daily(name: str, dates: pd.DatetimeIndex) -> None:
    """Raise DataError if over a quarter of the bars repeat a day, or bars are weeks or months apart."""
    days = dates.unique().sort_values()
    if 4 * (len(dates) - len(days)) > len(dates):
        raise DataError(f"{name} has several bars a day (hourly?): {_NEEDS}", _DOWNLOAD)
    if len(days) < _FEWEST_SPACED:
        return
    gap = np.median(np.diff(days.to_numpy()) / np.timedelta64(1, "D"))
    for least, most, spacing in _SPACINGS:
        if least <= gap <= most:
            raise DataError(f"{name} has {spacing} bars: {_NEEDS}", _DOWNLOAD)


def _currency(cells: Sequence[str]) -> str | None:
    """Return the currency shared by all rows; None if missing, mixed or unknown."""
    known = {cell.strip() for cell in cells if not price_cells.is_empty(cell)}
    return exchanges.stated_currency(known.pop()) if len(known) == 1 else None
