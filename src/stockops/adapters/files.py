"""Daily bars from CSV files: one `<SYMBOL>.csv` per symbol with Yahoo's columns."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from stockops.adapters import source_files
from stockops.errors import DataError
from stockops.market import ohlcv


@dataclass(frozen=True, slots=True)
class CsvFeed:
    """The price source `csv`; raises DataError for what a file lacks or garbles."""

    directory: Path
    name: str = "csv"
    live: bool = False

    def bars(self, symbol: str, first: date, last: date) -> pd.DataFrame:
        """Return the rows of `<SYMBOL>.csv` from `first` to `last` (port BarFeed)."""
        path = source_files.csv(self.directory, symbol)
        if not path.is_file():
            raise DataError(f"no {symbol}.csv in {self.directory}", "add the file or choose another --data-dir")
        return table(read(path), symbol, first, last)


def read(path: Path) -> pd.DataFrame:
    """Return every cell of a CSV file as text."""
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, OSError) as exc:  # ParserError, EmptyDataError and UnicodeDecodeError are ValueErrors
        raise DataError(f"{path.name} cannot be read as CSV: {str(exc).splitlines()[0]}") from exc


def table(text: pd.DataFrame, symbol: str, first: date, last: date) -> pd.DataFrame:
    """Return a raw table (market.ohlcv) from cells of text, cut before any number is looked at.

    Raises DataError for a missing column, a date that is none or no row in the span. A cell that holds no
    number becomes NaN, for ohlcv.check to name.
    """
    missing = [column for column in ("Date", *ohlcv.OHLCV) if column not in text.columns]
    if missing:
        raise DataError(f"{symbol}: no column {', '.join(missing)}", f"needed are Date, {', '.join(ohlcv.OHLCV)}")
    dates = pd.to_datetime(text["Date"].str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    if dates.isna().any():
        row = int(dates.isna().to_numpy().argmax())
        raise DataError(f"{symbol}: row {row + 1} has no date: {text['Date'].iloc[row]!r}", "dates are YYYY-MM-DD")
    columns = [column for column in (*ohlcv.PRICES, ohlcv.ADJUSTED, "Volume") if column in text.columns]
    inside = ((dates >= pd.Timestamp(first)) & (dates <= pd.Timestamp(last))).to_numpy()
    if not inside.any():
        raise DataError(f"{symbol}: no bars from {first} to {last}", _span(dates))
    cells = text.loc[inside, columns]
    bars: pd.DataFrame = cells.apply(pd.to_numeric, errors="coerce").astype(float)
    bars.index = pd.DatetimeIndex(dates[inside], name="Date")
    return bars


def _span(dates: "pd.Series[pd.Timestamp]") -> str:
    return f"its rows reach from {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}" if len(dates) else "it is empty"
