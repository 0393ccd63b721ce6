"""Files that no reader should guess at: each is refused in one line that says what was found and how to fix it."""

import gzip
import os
import zipfile
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from stockops.adapters.market_data import price_bytes, price_files
from stockops.errors import DataError
from stockops.market import ohlcv
from tests.builders import bars, to_csv
from tests.unit.adapters.test_price_files_formats import csv_text

FIRST, LAST = date(2004, 8, 19), date(2200, 1, 1)
HEADER = "Date,Open,High,Low,Close,Volume\n"
NEEDED = "needed are Date, Open, High, Low, Close, Volume"
DAILY = "daily bars are needed; download the daily prices"
DATE = "is no date like those above; correct or remove that line"
AGAIN = "download it again"
FIRST_LINE = "let its first line be Date,Open,High,Low,Close,Volume"
TABLE = bars(30).round(2)
LONG_FORMAT = pd.concat(dict.fromkeys("ABCDEFG", TABLE), names=["Ticker"]).reset_index().to_csv(index=False)
WEEKS = bars(300)[::5].reset_index(drop=True).set_index(pd.date_range("2015-01-02", periods=60, freq="7D", name="Date"))
MONTHS = WEEKS.set_axis(pd.date_range("2015-01-31", periods=60, freq="ME", name="Date"))
HOURS = WEEKS.set_axis(pd.date_range("2015-01-02 09:30", periods=60, freq="h", name="Date"))


def row(day: str = "2024-01-02", cells: str = "1.5,2.5,1.25,2.25,100") -> str:
    return f"{day},{cells}\n"


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", f"AAPL.csv is empty; {AGAIN}"),
    "blank lines": ("\n \n\r\n", f"AAPL.csv is empty; {AGAIN}"),
    "only a byte order mark": (b"\xef\xbb\xbf", f"AAPL.csv is empty; {AGAIN}"),
    "HTML page": (
        "\n<!DOCTYPE html><html><body>Sign in</body></html>",
        "AAPL.csv is an HTML page, not a table; open it in a browser to see why, and download again",
    ),
    "API error": (
        '{"Error Message": "Invalid API call.\\n\\u001b[31mPlease retry"}',
        'AAPL.csv is an API\'s answer, not a table: "Invalid API call. [31mPlease retry"; '
        "correct the request and download again",
    ),
    "nested API error": (
        '{"chart": {"result": null, "error": {"code": "Not Found", "description": "No data found"}}}',
        'AAPL.csv is an API\'s answer, not a table: "No data found"; correct the request and download again',
    ),
    "JSON": ('[{"date": "2024-01-02"}]', "AAPL.csv is JSON, not a table; download the prices as CSV"),
    "deeply nested JSON": ("[" * 50_000, "AAPL.csv is JSON, not a table; download the prices as CSV"),
    "workbook with a password": (price_bytes._OLE + b"1234", "AAPL.csv is an Excel workbook; save it as CSV"),
    "binary": (b"\x00\x01\x02\x03" * 9, "AAPL.csv is not a text file; save it as UTF-8 text"),
    "truncated UTF-16": (b"\xff\xfeD\x00a", "AAPL.csv is not a text file; save it as UTF-8 text"),
    "truncated gzip": (gzip.compress(HEADER.encode())[:-4], f"AAPL.csv is a damaged archive; {AGAIN}"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"Date")), "AAPL.csv is packed twice; unpack it"),
    "truncated Parquet file": (TABLE.to_parquet()[:400], "AAPL.csv is a damaged Parquet file; write it again"),
    "no header": (
        row(),
        f'AAPL.csv has no line with the names of its columns; it begins "{row().strip()}"; {FIRST_LINE}',
    ),
    "prose": ("No data", f'AAPL.csv has no line with the names of its columns; it begins "No data"; {FIRST_LINE}'),
    "no Volume": (
        "Date,Open,High,Low,Close\n2024-01-02,1,1,1,1\n",
        f"AAPL.csv has no column Volume (it has Date, Open, High, Low, Close); {NEEDED}",
    ),
    "no Date": (
        "Open,High,Low,Close,Volume\n1,1,1,1,1\n",
        f"AAPL.csv has no column Date (it has Open, High, Low, Close, Volume); {NEEDED}",
    ),
    "unclosed quote": (
        HEADER + row() + '2024-01-03,"1,2,1,1,1\n' + row("2024-01-04"),
        "AAPL.csv line 3: a quote is opened and not closed; correct that line",
    ),
    "extra cell": (
        HEADER + row() + row("2024-01-03", "1,1,1,1,1,000"),
        "AAPL.csv line 3 has 7 cells, the header 6; put cells that hold a comma between quotes",
    ),
    "invalid date": (HEADER + row() + row("soon\u202e\x85"), f'AAPL.csv line 3: "soon" {DATE}'),
    "month out of range": (
        HEADER + row("2024-13-01"),
        'AAPL.csv line 2: "2024-13-01" is no date; write the dates as YYYY-MM-DD',
    ),
    "day out of range": (HEADER + row("31/12/2023") + row("32/12/2023"), f'AAPL.csv line 3: "32/12/2023" {DATE}'),
    "mixed date formats": (HEADER + row() + row("01/31/2024"), f'AAPL.csv line 3: "01/31/2024" {DATE}'),
    "offset in some rows only": (
        HEADER + row("2024-01-02 00:00:00Z") + row("2024-01-03"),
        f'AAPL.csv line 3: "2024-01-03" {DATE}',
    ),
    "epoch in another unit": (
        HEADER + row("1704153600") + row("1704240000") + row("9" * 19),
        f'AAPL.csv line 4: "9999999999999999999" {DATE}',
    ),
    "prose in the last line": (
        HEADER + row() + "\n" + "Source: " + "somebody " * 20,
        f'AAPL.csv line 4: "Source: somebody somebody somebody somebody somebody somebo…" {DATE}',
    ),
    "two-digit year": (
        HEADER + row("01/31/24"),
        'AAPL.csv line 2: "01/31/24" is no date; write the dates as YYYY-MM-DD',
    ),
    "ambiguous day and month": (
        HEADER + row("03/04/2024") + row("04/05/2024"),
        'AAPL.csv line 2: "03/04/2024" may be day/month or month/day, and no row tells which; '
        "write the dates as YYYY-MM-DD",
    ),
    "other symbols": (LONG_FORMAT, "AAPL.csv holds A, B, C, D, E, ..., not AAPL; save the bars of AAPL as AAPL.csv"),
    "another symbol": (
        "Symbol," + HEADER + "MSFT," + row(),
        "AAPL.csv holds MSFT, not AAPL; save the bars of AAPL as AAPL.csv",
    ),
    "another symbol in two header rows": (
        HEADER + ",MSFT,MSFT,MSFT,MSFT,MSFT\n" + row(),
        "AAPL.csv holds MSFT, not AAPL; save the bars of AAPL as AAPL.csv",
    ),
    "hourly bars": (HOURS.to_csv(), f"AAPL.csv has several bars a day (hourly?): {DAILY}"),
    "hourly bars with an offset": (
        HOURS.tz_localize("UTC").to_csv(),
        f"AAPL.csv has several bars a day (hourly?): {DAILY}",
    ),
    "weekly bars": (to_csv(WEEKS), f"AAPL.csv has weekly bars: {DAILY}"),
    "weekly bars, newest first": (to_csv(WEEKS[::-1]), f"AAPL.csv has weekly bars: {DAILY}"),
    "monthly bars": (to_csv(MONTHS), f"AAPL.csv has monthly bars: {DAILY}"),
    "ambiguous comma": (
        "Date;Open;High;Low;Close;Volume\n2024-01-02;1,234;1,300;1,200;1,250;5000\n",
        'AAPL.csv: "1,234" may be in the thousands or have three decimals; '
        "save the prices with a decimal point and no thousands separator",
    ),
    "ambiguous point": (
        "Date;Open;High;Low;Close;Volume\n2024-01-02;1.234;1.300;1.200;1.250;5000\n",
        'AAPL.csv: "1.234" may be in the thousands or have three decimals; '
        "save the prices with a decimal point and no thousands separator",
    ),
    "conflicting duplicate columns": (
        "Date,Open,High,Low,Close,close,Volume\n2024-01-02,1,1,1,1,2,1\n",
        "AAPL.csv has two columns Close that differ; remove one of them",
    ),
    "empty column": (
        csv_text("Date|Open|High|Low|Close|-=Volume"),
        "AAPL.csv: the column Volume is empty; download the file again with that column",
    ),
    "no price at all": (
        HEADER + row(cells="-,-,-,-,5"),
        "AAPL.csv has no price in 1 rows; download the daily prices",
    ),
    "no rows": (HEADER, "AAPL: no bars from 2004-08-19 to 2200-01-01; AAPL.csv has no rows below its header"),
    "rows before the span": (
        HEADER + row("1999-01-04"),
        "AAPL: no bars from 2004-08-19 to 2200-01-01; the rows of AAPL.csv reach from 1999-01-04 to 1999-01-04",
    ),
}


def read(path: Path, last: date = LAST) -> ohlcv.RawBars:
    return price_files.read(path, "AAPL", FIRST, last, price_files.stated_dates)


@pytest.mark.parametrize("case", REFUSED)
def test_an_unusable_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    content, message = REFUSED[case]
    (tmp_path / "AAPL.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as refused:
        read(tmp_path / "AAPL.csv")
    assert str(refused.value) == message
    assert refused.value.hint


def test_a_workbook_is_distinguished_from_a_zip_archive(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.csv"
    for names, message in (
        (["xl/workbook.xml", "xl/styles.xml"], "AAPL.csv is an Excel workbook; save it as CSV"),
        (["a.csv", "b.csv"], "AAPL.csv is a zip archive of 2 files; unpack the one with the prices"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, HEADER)
        with pytest.raises(DataError) as refused:
            read(path)
        assert str(refused.value) == message


def test_a_folder_a_pipe_and_a_device_are_refused_without_blocking(tmp_path: Path) -> None:
    folder, pipe, device = tmp_path / "A.csv", tmp_path / "B.csv", tmp_path / "C.csv"
    folder.mkdir()
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for path in (folder, pipe, device):
        with pytest.raises(DataError, match=rf"{path.name} is a (folder|pipe|device), not a file; put a readable file"):
            read(path)


def test_a_file_that_unpacks_beyond_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_bytes, "_MAX_BYTES", 1 << 20)
    (tmp_path / "AAPL.csv").write_bytes(gzip.compress(bytes(2 << 20)))
    with pytest.raises(DataError, match=r"AAPL.csv holds more than 1 MiB; keep one symbol in a file"):
        read(tmp_path / "AAPL.csv")


def test_a_duplicate_row_is_reported_by_the_check(tmp_path: Path) -> None:
    lines = to_csv(TABLE).splitlines()
    (tmp_path / "AAPL.csv").write_text("\n".join([*lines[:9], lines[8], *lines[9:]]))
    with pytest.raises(DataError, match=r"row 9 .* appears twice"):
        ohlcv.check(read(tmp_path / "AAPL.csv").table, "AAPL")


@pytest.mark.parametrize("sep", [",", ";"])
def test_rows_after_the_span_do_not_change_what_is_read(sep: str, tmp_path: Path) -> None:
    """This holds for both the fast path and the full reader."""
    path, cut = tmp_path / "AAPL.csv", TABLE.index[19].date()
    lines = to_csv(TABLE).replace(",", sep).splitlines()
    path.write_text("\n".join(lines[:21]))
    expected = read(path, cut).table
    junk = (
        ["nonsense", "-1", "", "??", "0"],
        ["1.234"] * 5,
        ['"1,5"'] * 5,
        ["1"] * 9,
        [""] * 5,
        ["1"],
        ["$5", "1e999"],
    )
    for cells in junk:
        later = [sep.join([line.split(sep)[0], *cells]) for line in lines[21:]]
        path.write_text("\n".join([*lines[:21], *later]))
        pd.testing.assert_frame_equal(read(path, cut).table, expected, check_exact=True)
    pd.testing.assert_frame_equal(expected, TABLE[:20], check_exact=True, check_freq=False)


@pytest.mark.parametrize("cell", ["null", "abc", "1.2.3", "1_000", "1,23456", "0x1p3", "--", "٣"])
def test_a_cell_without_a_number_is_reported_by_the_check(cell: str, tmp_path: Path) -> None:
    lines = to_csv(TABLE).splitlines()
    lines[4] = f'{lines[4].split(",")[0]},1,2,"{cell}",1,1'
    (tmp_path / "AAPL.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"row 4 .* has no number for Low"):
        ohlcv.check(read(tmp_path / "AAPL.csv").table, "AAPL")


def test_an_ambiguous_separator_is_resolved_by_any_unambiguous_price(tmp_path: Path) -> None:
    text = "Date;Open;High;Low;Close;Volume\n2024-01-02;1.234;1.300,5;1.200;1.250;5.000\n"
    (tmp_path / "AAPL.csv").write_text(text)
    assert read(tmp_path / "AAPL.csv").table.iloc[0].tolist() == [1234, 1300.5, 1200, 1250, 5000]
