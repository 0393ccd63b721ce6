"""The same thirty bars in the format of every vendor: the reader finds them in each."""

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockops.adapters.market_data.csv_feed import CsvFeed
from stockops.market import ohlcv
from stockops.market.ohlcv import RawBars
from tests.builders import bars, to_csv

FIRST, LAST = date(2004, 8, 19), date(2200, 1, 1)
# Prices above a thousand, so that thousands are grouped; volumes exact to two decimals of a million.
TABLE = (bars(30) * 20).round(2).assign(Volume=lambda table: table["Volume"].round(-4))
ADJUSTED = TABLE.assign(**{"Adj Close": (TABLE["Close"] * 0.98).round(2)})
OTHER = (TABLE * 2).round(2)


class NewYork:
    """A calendar that takes every timestamp for a session, and midnights in UTC for their stated dates."""

    def session_dates(self, instants: pd.DatetimeIndex, stated: pd.DatetimeIndex) -> pd.DatetimeIndex:
        if (instants == instants.normalize()).all():
            return stated
        return instants.tz_convert("America/New_York").tz_localize(None).normalize()


def read(folder: Path, content: str | bytes, file: str = "AAPL.csv", symbol: str = "AAPL") -> RawBars:
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    return CsvFeed(folder, lambda _: NewYork()).bars(symbol, FIRST, LAST)


def csv_text(
    names: str,
    *,
    table: pd.DataFrame = ADJUSTED,
    day: str = "%Y-%m-%d",
    sep: str = ",",
    cell: Callable[[str, float], str] = lambda _, value: f"{value!r}",
) -> str:
    """Return a table as CSV; names: contents and headers of its columns, as in "Date|Close=Close/Last|1=Trades"."""
    columns = [name.partition("=") for name in names.split("|")]
    lines = [sep.join(name or role for role, _, name in columns)]
    for stamp, row in zip(pd.DatetimeIndex(table.index), table.to_dict("records"), strict=True):
        cells = {str(role): cell(str(role), value) for role, value in row.items()}
        cells |= {"Date": stamp.strftime(day.replace("%s", f"{stamp.value // 10**9}"))}
        lines.append(sep.join(cells.get(role, role) for role, _, _ in columns))
    return "\n".join(lines) + "\n"


def newest_first(text: str) -> str:
    header, *rows = text.splitlines()
    return "\n".join([header, *reversed(rows)])


def dollars(role: str, value: float) -> str:
    return f"{value:.0f}" if role == "Volume" else f"${value:.2f}"


def german(role: str, value: float) -> str:
    text = f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
    return text.partition(",")[0] if role == "Volume" else text


def quoted_comma(role: str, value: float) -> str:
    return f'"{german(role, value)}"'


def millions(role: str, value: float) -> str:
    return f'"{value / 1e6:.2f}M"' if role == "Volume" else f'"{value:,.2f}"'


def french(role: str, value: float) -> str:
    return german(role, value).replace(".", "\u202f")


def download(tickers: tuple[str, ...] = ("AAPL",), *, first: str = "Price", names: bool = True) -> str:
    """Return what `yf.download(...).to_csv()` writes; first: the upper level of its columns."""
    tables = dict(zip(tickers, (TABLE, OTHER), strict=False))
    both = pd.concat(tables, axis=1, names=["Ticker", "Price"] if names else None)
    return to_csv(both if first == "Ticker" else both.swaplevel(axis=1).sort_index(axis=1))


FIVE = "Date|Open|High|Low|Close|Volume"
FORMATS: dict[str, str | bytes] = {
    "yahoo": csv_text("Date|Open|High|Low|Close|Adj Close|Volume"),
    "nasdaq": newest_first(csv_text("Date|Close=Close/Last|Volume|Open|High|Low", day="%m/%d/%Y", cell=dollars)),
    "alpha vantage": newest_first(
        csv_text("Date=timestamp|Open=open|High=high|Low=low|Close=close|Volume=volume")
    ).replace("\n", "\r\n"),
    "alpha vantage, from JSON": csv_text("Date=|Open=1. open|High=2. high|Low=3. low|Close=4. close|Volume=5. volume"),
    "tiingo": csv_text(
        "Date=date|Close=close|High=high|Low=low|Open=open|Volume=volume|1=adjHigh|1=adjLow|1=adjOpen|1=adjVolume",
        day="%Y-%m-%dT00:00:00.000Z",
    ),
    "stooq": csv_text("Date|Open|High|Low|Close|Volume"),
    "stooq, whole market": csv_text(
        "AAPL.US=<TICKER>|D=<PER>|Date=<DATE>|000000=<TIME>|Open=<OPEN>|High=<HIGH>|Low=<LOW>|Close=<CLOSE>|Volume=<VOL>",
        day="%Y%m%d",
    ),
    "investing.com": newest_first(
        csv_text(
            'Date="Date"|Close="Price"|Open="Open"|High="High"|Low="Low"|Volume="Vol."|"1.20%"="Change %"',
            day='"%m/%d/%Y"',
            cell=millions,
        )
    ),
    "investing.com, German": csv_text(
        "Date=Datum|Close=Schluss|Open=Eröffn.|High=Hoch|Low=Tief|Volume=Vol.", day="%d.%m.%Y", cell=quoted_comma
    ),
    "metatrader": csv_text(
        "Date=<DATE>|Open=<OPEN>|High=<HIGH>|Low=<LOW>|Close=<CLOSE>|Volume=<TICKVOL>|1=<SPREAD>",
        day="%Y.%m.%d",
        sep="\t",
    ),
    "NSE": csv_text(
        "AAPL=SYMBOL|EQ=SERIES|Open=OPEN|High=HIGH|Low=LOW|Close=CLOSE|1=LAST|Volume=TOTTRDQTY|Date=TIMESTAMP",
        day="%d-%b-%Y",
    ),
    "google finance": csv_text(FIVE, day="%-m/%-d/%Y 16:00:00"),
    "yahoo's page": csv_text(FIVE, day='"%b %d, %Y"'),
    "day month year in words": csv_text(FIVE, day="%-d %b %Y"),
    "old google finance": csv_text(FIVE, day="%-d-%b-%y"),
    "year/month/day": csv_text(FIVE, day="%Y/%m/%d"),
    "day/month/year": csv_text(FIVE, day="%d/%m/%Y"),
    "seconds": csv_text("Date=t|Open=o|High=h|Low=l|Close=c|Volume=v", day="%s"),
    "milliseconds": csv_text("Date=timestamp|Open=open|High=high|Low=low|Close=close|Volume=volume", day="%s000"),
    "timestamps of New York": csv_text("Date=Datetime|Open|High|Low|Close|Volume", day="%Y-%m-%d 00:00:00-05:00"),
    "timestamps of the close in UTC": csv_text(FIVE, day="%Y-%m-%dT21:00:00Z"),
    "times without an offset": csv_text(FIVE, day="%Y-%m-%d 16:00:00"),
    "yf.download, one ticker": download(),
    "yf.download, several tickers": download(("AAPL", "MSFT")),
    "yf.download, ticker first": download(("AAPL", "MSFT"), first="Ticker"),
    "yf.download, older versions": download(("AAPL", "MSFT"), names=False),
    "yf.download, no index": pd.concat({"AAPL": TABLE}, axis=1).swaplevel(axis=1).reset_index().to_csv(index=False),
    "flattened pairs": to_csv(TABLE.rename(columns=lambda name: f"('{name}', 'AAPL')")),
    "quantmod": to_csv(TABLE.rename(columns=lambda name: f"AAPL.{name}")).replace("Date", '""', 1),
    "write.table": to_csv(TABLE).replace("Date,", "", 1),
    "pandas, numbered rows": TABLE.reset_index().to_csv(),
    "long format": pd.concat({"MSFT": OTHER, "AAPL": TABLE}, names=["Ticker"]).reset_index().to_csv(index=False),
    "semicolons and decimal commas": csv_text(FIVE, sep=";", cell=german),
    "sep= line": "sep=|\n" + csv_text(FIVE, sep="|"),
    "French thousands separators": csv_text(FIVE, sep=";", day="%d/%m/%Y", cell=french),
    "thousands": csv_text(FIVE, cell=lambda role, value: f'"{value:,.2f}"' if role != "Volume" else f'"{value:,.0f}"'),
    "notes above the header": "# downloaded 2024-06-28\nAAPL, daily\n\n" + csv_text(FIVE),
    "byte order mark": "\ufeff" + to_csv(TABLE),
    "Excel: byte order mark, CRLF, empty lines": "\ufeff" + to_csv(TABLE).replace("\n", "\r\n") + "\r\n\r\n,,,,,\r\n",
    "UTF-16": to_csv(TABLE).encode("utf-16"),
    "UTF-16, big-endian": b"\xfe\xff" + to_csv(TABLE).encode("utf-16-be"),
    "Windows-1252": csv_text("Date|Open|High|Low|Close|Volume|1=Größe").encode("cp1252"),
    "trailing commas": to_csv(TABLE).replace("\n", ",\n").replace("Volume,", "Volume", 1),
    "padded names": " date , OPEN,high ,lOw, Close ,Volume \n" + to_csv(TABLE).partition("\n")[2],
    "the standard name first": csv_text("Date|1=Close/Last|1=Price|Open|High|Low|Close|Volume"),
    "duplicate column": csv_text("Date|Open|High|Low|Close|Volume|Volume"),
    "gzip": gzip.compress(to_csv(TABLE).encode()),
}


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AAPL.csv", text)
    return packed.getvalue()


def parquet(table: pd.DataFrame) -> bytes:
    return bytes(table.to_parquet())


FORMATS |= {
    "zip": zipped(to_csv(TABLE)),
    "parquet": parquet(TABLE),
    "parquet, dates as a column": parquet(TABLE.reset_index()),
    "parquet, with a time zone": parquet(TABLE.tz_localize("America/New_York")),
    "parquet of yf.download": parquet(pd.concat({"AAPL": TABLE, "MSFT": OTHER}, axis=1).swaplevel(axis=1)),
    "parquet in gzip": gzip.compress(parquet(TABLE)),
}


@pytest.mark.parametrize("vendor", FORMATS)
def test_every_format_is_read_as_the_same_bars(vendor: str, tmp_path: Path) -> None:
    found = read(tmp_path, FORMATS[vendor]).table
    ohlcv.check(found, "AAPL")
    pd.testing.assert_frame_equal(found[list(ohlcv.OHLCV)], TABLE, check_exact=True, check_freq=False)


@pytest.mark.parametrize(
    "name", ["Adj Close", "Adj_Close", "adjClose", "AdjClose", "Adjusted_close", "5. adjusted close", "Close Adj"]
)
def test_adjusted_closes_are_recognized_by_any_name(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, csv_text(f"Date|Open|High|Low|Close|Adj Close={name}|Volume")).table
    pd.testing.assert_frame_equal(found, ADJUSTED[found.columns], check_exact=True, check_freq=False)
    assert "Adj Close" in found.columns


@pytest.mark.parametrize(
    ("dividend", "split", "no_split"),
    [
        ("Dividends", "Stock Splits", "0.0"),
        ("dividend_amount", "split_coefficient", "1.0"),
        ("divCash", "splitFactor", "1.0"),
        ("Ex-Dividend", "Split Ratio", ""),
    ],
)
def test_dividends_and_splits_are_read(dividend: str, split: str, no_split: str, tmp_path: Path) -> None:
    header, *rows = to_csv(TABLE).splitlines()
    rows = [f"{row},0.0,{no_split}" for row in rows]
    rows[3] = rows[3].replace(f",0.0,{no_split}", ",0.24,4:1")
    found = read(tmp_path, "\n".join([f"{header},{dividend},{split}", *rows])).table
    assert found["Dividends"].tolist() == [0.0] * 3 + [0.24] + [0.0] * 26
    assert found["Splits"].tolist() == [1.0] * 3 + [4.0] + [1.0] * 26


def test_an_empty_adjusted_close_column_is_ignored(tmp_path: Path) -> None:
    found = read(tmp_path, csv_text("Date|Open|High|Low|Close|=Adj Close|Volume"))
    pd.testing.assert_frame_equal(found.table, TABLE, check_freq=False)


def test_a_currency_shared_by_all_rows_is_that_of_the_table(tmp_path: Path) -> None:
    assert read(tmp_path, csv_text(f"{FIVE}|GBp=Currency")).currency == "GBp"
    assert read(tmp_path, csv_text(f"{FIVE}|eur=currency")).currency == "EUR"
    assert read(tmp_path, csv_text(f"{FIVE}|GBp=Currency").replace("GBp", "EUR", 1)).currency is None
    assert read(tmp_path, csv_text(FIVE)).currency is None


def test_rows_without_any_price_are_dropped_and_counted(tmp_path: Path) -> None:
    lines = to_csv(TABLE).splitlines()
    for row, cells in ((5, "null,null,null,null,null"), (9, ",-,N/A,NaN,0")):
        lines[row] = lines[row].split(",")[0] + "," + cells
    found = read(tmp_path, "\n".join(lines))
    pd.testing.assert_frame_equal(found.table, TABLE.drop(TABLE.index[[4, 8]]), check_freq=False)
    assert found.notes == (f"2 rows without any price left out, the last of {TABLE.index[8]:%Y-%m-%d}",)


def test_newest_first_rows_are_sorted_and_noted(tmp_path: Path) -> None:
    assert read(tmp_path, newest_first(to_csv(TABLE))).notes == ("newest first: sorted",)
    assert read(tmp_path, to_csv(TABLE)).notes == ()


def test_a_timestamp_with_an_offset_is_dated_in_the_zone_of_the_exchange(tmp_path: Path) -> None:
    """The evening before in UTC-11 is the next morning in New York."""
    text = csv_text(FIVE, table=TABLE.shift(freq="-1D"), day="%Y-%m-%d 23:00:00-11:00")
    assert read(tmp_path, text).table.index.equals(pd.DatetimeIndex(TABLE.index))


def test_plain_dates_need_no_calendar(tmp_path: Path) -> None:
    def calendar(symbol: str) -> NewYork:
        raise AssertionError(symbol)

    (tmp_path / "AAPL.csv").write_text(newest_first(to_csv(TABLE)))
    assert len(CsvFeed(tmp_path, calendar).bars("AAPL", FIRST, LAST).table) == 30


def test_both_readers_parse_numbers_to_the_nearest_double(tmp_path: Path) -> None:
    exact = bars(200)
    for text in (to_csv(exact), newest_first(to_csv(exact)), to_csv(exact).replace("Date", "date")):
        np.testing.assert_array_equal(read(tmp_path, text).table.to_numpy(), exact.to_numpy())
