from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from stockops.adapters.market_data import price_plain
from stockops.adapters.market_data.csv_feed import CsvFeed
from stockops.adapters.market_data.sample_feed import SampleFeed
from stockops.errors import DataError
from stockops.market import calendar, ohlcv
from tests.builders import bars, to_csv
from tests.unit.adapters.test_price_files_formats import NewYork

FIRST, LAST = date(2004, 8, 19), date(2200, 1, 1)


def feed(folder: Path, text: str, file: str = "AAPL.csv") -> CsvFeed:
    (folder / file).write_text(text)
    return CsvFeed(folder, lambda _: NewYork())


def test_a_table_round_trips_bit_for_bit(tmp_path: Path) -> None:
    table = bars(30)
    found = feed(tmp_path, to_csv(table)).bars("AAPL", FIRST, LAST)
    pd.testing.assert_frame_equal(found.table, table, check_exact=True, check_freq=False)


def test_a_vendors_file_name_is_found(tmp_path: Path) -> None:
    found = feed(tmp_path, to_csv(bars(30)), "aapl.us.txt").bars("AAPL", FIRST, LAST)
    assert len(found.table) == 30


def test_rows_outside_the_span_are_dropped(tmp_path: Path) -> None:
    table = bars(30)
    first, last = table.index[5].date(), table.index[19].date()
    found = feed(tmp_path, to_csv(table)).bars("AAPL", first, last)
    pd.testing.assert_frame_equal(found.table, table[5:20], check_exact=True, check_freq=False)


def test_a_missing_file_is_reported_with_its_folder(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match=r"no AAPL.csv in .*; add the file or choose another --data-dir"):
            CsvFeed(folder, lambda _: NewYork()).bars("AAPL", FIRST, LAST)


def test_a_plain_table_is_read_back_exactly_or_rejected() -> None:
    table = bars(30).assign(Dividends=0.0, Splits=1.0)
    found = price_plain.table(to_csv(table).encode())
    assert found is not None
    pd.testing.assert_frame_equal(found, table, check_exact=True, check_freq=False)
    for damaged in ("", to_csv(table)[:-9], to_csv(table[::-1]), to_csv(table).replace("Open", "open"), "{}"):
        assert price_plain.table(damaged.encode()) is None


@pytest.mark.parametrize("symbol", ["^GSPC", "AAPL", "GOOG", "IBM", "MSFT", "FB"])
def test_the_sample_histories_are_complete(symbol: str) -> None:
    raw = SampleFeed().bars(symbol, FIRST, LAST)
    ohlcv.check(raw.table, symbol)
    assert len(raw.table) > (190 if symbol == "FB" else 2000)
    assert calendar.of(symbol).missing_runs(pd.DatetimeIndex(raw.table.index)) == []
    assert (raw.currency, raw.notes) == (None if symbol == "^GSPC" else "USD", ())


def test_sample_adjusted_closes_account_for_a_split() -> None:
    """AAPL split on 2005-02-28: raw prices halve, adjusted ones do not."""
    table = SampleFeed().bars("AAPL", FIRST, LAST).table
    assert table["Close"].pct_change().min() < -0.45
    assert table["Adj Close"].pct_change().abs().max() < 0.25


def test_an_unknown_sample_symbol_is_reported_with_the_available_ones() -> None:
    with pytest.raises(DataError, match=r"no TSLA; they hold \^GSPC, AAPL, FB, GOOG, IBM, MSFT"):
        SampleFeed().bars("TSLA", FIRST, LAST)
