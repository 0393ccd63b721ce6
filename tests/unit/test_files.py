from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from stockops.adapters.files import CsvFeed
from stockops.adapters.sample import SampleFeed
from stockops.errors import DataError
from stockops.market import calendar, ohlcv
from tests.builders import bars, to_csv

FIRST, LAST = date(2004, 8, 19), date(2200, 1, 1)


def feed(folder: Path, text: str, symbol: str = "AAPL") -> CsvFeed:
    (folder / f"{symbol}.csv").write_text(text)
    return CsvFeed(folder)


def test_a_table_comes_back_bit_for_bit(tmp_path: Path) -> None:
    table = bars(30)
    found = feed(tmp_path, to_csv(table)).bars("AAPL", FIRST, LAST)
    pd.testing.assert_frame_equal(found, table, check_freq=False)


def test_rows_outside_the_span_are_cut_before_their_numbers_are_read(tmp_path: Path) -> None:
    table = bars(30)
    lines = to_csv(table).splitlines()
    cut = pd.Timestamp(table.index[19]).date()
    nonsense = [line.split(",")[0] + ",nonsense,-1,,??,0" for line in lines[21:]]
    found = feed(tmp_path, "\n".join([*lines[:21], *nonsense])).bars("AAPL", FIRST, cut)
    pd.testing.assert_frame_equal(found, table[:20], check_freq=False)


def test_a_cell_without_a_number_is_named_by_the_check(tmp_path: Path) -> None:
    text = to_csv(bars(30)).splitlines()
    text[4] = text[4].split(",")[0] + ",1,2,null,1,1"
    found = feed(tmp_path, "\n".join(text)).bars("AAPL", FIRST, LAST)
    with pytest.raises(DataError, match=r"row 4 .* has no number for Low"):
        ohlcv.check(found, "AAPL")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "AAPL.csv cannot be read as CSV"),
        ("Date,Open,High,Low,Close\n2024-01-02,1,1,1,1\n", "no column Volume"),
        ("Date,Open,High,Low,Close,Volume\nyesterday,1,1,1,1,1\n", "row 1 has no date: 'yesterday'"),
        ("Date,Open,High,Low,Close,Volume\n2024-13-01,1,1,1,1,1\n", "row 1 has no date"),
        ("Date,Open,High,Low,Close,Volume\n", "no bars from .* it is empty"),
        ("Date,Open,High,Low,Close,Volume\n1999-01-04,1,1,1,1,1\n", "its rows reach from 1999-01-04 to 1999-01-04"),
        ('Date,Open\n"2024-01-02,1,2\n', "AAPL.csv cannot be read as CSV|no column"),
    ],
)
def test_a_file_that_is_no_price_table_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        feed(tmp_path, text).bars("AAPL", FIRST, LAST)


def test_a_file_that_is_not_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "AAPL.csv").write_bytes(b"\xff\xfe\x00Date\x00\x81")
    with pytest.raises(DataError, match=r"AAPL\.csv"):
        CsvFeed(tmp_path).bars("AAPL", FIRST, LAST)


def test_a_symbol_without_a_file_is_named_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no AAPL.csv in .*; add the file"):
        CsvFeed(tmp_path).bars("AAPL", FIRST, LAST)


@pytest.mark.parametrize("symbol", ["^GSPC", "AAPL", "GOOG", "IBM", "MSFT"])
def test_the_samples_are_whole_histories(symbol: str) -> None:
    raw = SampleFeed().bars(symbol, FIRST, LAST)
    ohlcv.check(raw, symbol)
    assert len(raw) > 2000
    assert calendar.missing_runs(symbol, pd.DatetimeIndex(raw.index)) == []
    returns = ohlcv.adjust(raw)["Close"].pct_change().dropna()
    assert returns.abs().max() < 0.25  # AAPL's split of 2005 is adjusted away


def test_a_symbol_the_samples_lack_is_named_with_those_they_have() -> None:
    with pytest.raises(DataError, match=r"no TSLA; they hold \^GSPC, AAPL"):
        SampleFeed().bars("TSLA", FIRST, LAST)
