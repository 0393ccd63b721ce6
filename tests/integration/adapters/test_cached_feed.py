"""The price cache around a vendor that records its requests and can be made to fail."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from stockops.adapters.market_data.cached_feed import CachedFeed
from stockops.adapters.market_data.csv_feed import CsvFeed
from stockops.errors import DataError, StockopsError, TryAgainError
from stockops.market import calendar, ohlcv
from stockops.market.ohlcv import RawBars
from tests.builders import bars

TABLE = bars(100).assign(**{"Adj Close": lambda table: table["Close"] * 0.97})
DAYS = [stamp.date() for stamp in pd.DatetimeIndex(TABLE.index)]


@dataclass
class Vendor:
    """Returns its table and records the requested spans."""

    table: pd.DataFrame = field(default_factory=TABLE.copy)
    currency: str | None = "USD"
    notes: tuple[str, ...] = ()
    failure: StockopsError | None = None
    requested: list[tuple[date, date]] = field(default_factory=list)
    name: str = "vendor"
    live: bool = True
    in_progress: list[str] = field(default_factory=list)
    peak: int = 0
    seconds: float = 0.0

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        self.requested.append((first, last))
        if self.failure:
            raise self.failure
        self.in_progress.append(symbol)
        self.peak = max(self.peak, len(self.in_progress))
        time.sleep(self.seconds)
        self.in_progress.remove(symbol)
        return RawBars(self.table.loc[pd.Timestamp(first) : pd.Timestamp(last)], self.currency, self.notes)


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def feed(vendor: Vendor, tmp_path: Path) -> CachedFeed:
    return CachedFeed(vendor, tmp_path)


def fetch(feed: CachedFeed, row: int) -> pd.DataFrame:
    return feed.bars("AAPL", ohlcv.FIRST_DAY, DAYS[row]).table


def test_the_first_call_fetches_everything_and_the_second_nothing(feed: CachedFeed, vendor: Vendor) -> None:
    first, second = fetch(feed, 80), fetch(feed, 80)
    assert vendor.requested == [(ohlcv.FIRST_DAY, DAYS[80])]
    pd.testing.assert_frame_equal(first, second[first.columns], check_freq=False)
    pd.testing.assert_frame_equal(second[list(TABLE)], TABLE[:81], check_freq=False)  # bit for bit


def test_a_later_day_requests_only_the_tail_with_an_overlap(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    found = fetch(feed, 95)
    [_, (start, end)] = vendor.requested
    assert (DAYS[80] - start).days == 10
    assert end == DAYS[95]
    pd.testing.assert_frame_equal(found[list(TABLE)], TABLE[:96], check_freq=False)


def test_an_earlier_day_is_a_slice_and_leaves_the_file_unchanged(
    feed: CachedFeed, vendor: Vendor, tmp_path: Path
) -> None:
    fetch(feed, 80)
    before = (tmp_path / "AAPL.csv").read_bytes()
    assert len(fetch(feed, 30)) == 31
    assert len(vendor.requested) == 1
    assert (tmp_path / "AAPL.csv").read_bytes() == before


def test_a_dividend_or_split_refetches_the_whole_history(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.table["Adj Close"] *= 0.999
    found = fetch(feed, 90)
    assert [start for start, _ in vendor.requested] == [ohlcv.FIRST_DAY, vendor.requested[1][0], ohlcv.FIRST_DAY]
    pd.testing.assert_frame_equal(found[list(TABLE)], vendor.table[:91], check_freq=False)


def test_a_revised_volume_is_updated_without_a_refetch(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.table.loc[vendor.table.index[80], "Volume"] += 5
    assert fetch(feed, 81)["Volume"].iloc[80] == vendor.table["Volume"].iloc[80]
    assert len(vendor.requested) == 2


def test_a_session_missing_on_one_side_of_the_overlap_forces_a_refetch(feed: CachedFeed, vendor: Vendor) -> None:
    vendor.table = TABLE.drop(TABLE.index[78])
    fetch(feed, 80)
    vendor.table = TABLE.copy()
    assert len(fetch(feed, 81)) == 82


def test_a_vendor_outage_matters_only_beyond_the_cached_days(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.failure = TryAgainError("vendor: rate limited")
    assert len(fetch(feed, 80)) == 81
    with pytest.raises(TryAgainError):
        fetch(feed, 81)


def test_a_symbol_without_newer_bars_returns_the_cached_ones(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.failure = DataError("vendor has no bars in that span")
    assert len(fetch(feed, 99)) == 81


@pytest.mark.parametrize("damage", ["", "Date,Open\n", "rubbish", "half"])
def test_a_damaged_file_is_logged_and_refetched(
    feed: CachedFeed, vendor: Vendor, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(feed, 80)
    path = tmp_path / "AAPL.csv"
    text = path.read_text()
    path.write_text(text[: len(text) // 2].rsplit(",", 1)[0] if damage == "half" else damage)
    with caplog.at_level("WARNING", "stockops.prices"):
        assert len(fetch(feed, 80)) == 81
    assert "the cached AAPL.csv is damaged" in caplog.text
    assert vendor.requested[-1][0] == ohlcv.FIRST_DAY
    assert path.read_text() == text


def test_an_invalid_response_is_not_stored(feed: CachedFeed, vendor: Vendor, tmp_path: Path) -> None:
    vendor.table.loc[vendor.table.index[5], "Close"] = -1.0
    with pytest.raises(DataError, match=r"row 6 .* has Close at or below zero"):
        fetch(feed, 80)
    assert list(tmp_path.glob("*.csv")) == []


def test_a_bar_later_than_requested_is_never_stored(vendor: Vendor, tmp_path: Path) -> None:
    class Eager(Vendor):
        def bars(self, symbol: str, first: date, last: date) -> RawBars:
            return RawBars(self.table)

    feed = CachedFeed(Eager(), tmp_path)
    assert fetch(feed, 80).index[-1] == pd.Timestamp(DAYS[80])
    assert str(DAYS[81]) not in (tmp_path / "AAPL.csv").read_text()


def test_the_cache_file_is_readable_by_the_csv_source(feed: CachedFeed, tmp_path: Path) -> None:
    found = fetch(feed, 80)
    read = CsvFeed(tmp_path, calendar.of).bars("AAPL", ohlcv.FIRST_DAY, DAYS[99]).table
    pd.testing.assert_frame_equal(read[list(found)], found, check_freq=False)


def test_concurrent_callers_fetch_once_and_leave_one_complete_file(
    feed: CachedFeed, vendor: Vendor, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(lambda _: fetch(feed, 80), range(8)))
    assert all(len(table) == 81 for table in tables)
    assert len(vendor.requested) == 1
    assert [path.name for path in tmp_path.glob("*.csv")] == ["AAPL.csv"]
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.parametrize("max_parallel", [1, 2])
def test_concurrent_requests_to_the_vendor_never_exceed_the_limit(
    vendor: Vendor, tmp_path: Path, max_parallel: int
) -> None:
    vendor.seconds = 0.2

    def ask(number: int) -> int:  # each with its own locks, like a process
        return len(CachedFeed(vendor, tmp_path, max_parallel).bars(f"T{number}", ohlcv.FIRST_DAY, DAYS[80]).table)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == [81] * 6
    assert vendor.peak == max_parallel


def stored_metadata(folder: Path) -> dict[str, str | None]:
    """Return the metadata stored beside the prices of AAPL."""
    found: dict[str, str | None] = json.loads((folder / "AAPL.json").read_text())
    return found


@pytest.mark.parametrize("currency", ["GBp", "GBP", "USD", "ZAc", None])
def test_the_currency_from_the_vendor_is_stored_beside_the_prices(
    vendor: Vendor, tmp_path: Path, currency: str | None
) -> None:
    vendor.currency = currency
    first = CachedFeed(vendor, tmp_path).bars("AAPL", ohlcv.FIRST_DAY, DAYS[80])
    vendor.failure = TryAgainError("vendor: rate limited")
    second = CachedFeed(vendor, tmp_path).bars("AAPL", ohlcv.FIRST_DAY, DAYS[80])
    assert (first.currency, second.currency, stored_metadata(tmp_path)["currency"]) == (currency,) * 3


def damage_file(path: Path, how: str) -> None:
    """Damage a file in one of the ways seen in practice."""
    data = path.read_bytes()
    match how:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "a digit":
            path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
        case "another row":
            path.write_bytes(data.replace(data.splitlines()[-2], data.splitlines()[-1]))
        case "a folder":
            path.unlink()
            path.mkdir()
        case "a pipe":
            path.unlink()
            os.mkfifo(path)
        case _:
            path.write_text(how)


DAMAGES = [
    "gone", "cut", "a digit", "another row", "a folder", "a pipe",
    "", "{", "[]", "null", '{"currency": 5}', "[" * 10**5,
]  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "how"), [*(("csv", how) for how in DAMAGES), *(("json", how) for how in DAMAGES if how != "another row")]
)
def test_a_damaged_cache_is_refetched_and_never_used(
    feed: CachedFeed, vendor: Vendor, tmp_path: Path, how: str, ending: str
) -> None:
    vendor.currency, vendor.table = "GBp", TABLE[:81]
    before = fetch(feed, 80)
    path = tmp_path / f"AAPL.{ending}"
    damage_file(path, how)
    vendor.failure = TryAgainError("vendor: no connection")
    with pytest.raises(TryAgainError):
        fetch(feed, 80)
    vendor.failure = None
    if path.is_dir() or path.is_fifo():
        path.rmdir() if path.is_dir() else path.unlink()
    found = feed.bars("AAPL", ohlcv.FIRST_DAY, DAYS[80])
    pd.testing.assert_frame_equal(found.table, before)
    assert found.currency == "GBp"
    assert [start for start, _ in vendor.requested[1:]] == [ohlcv.FIRST_DAY] * (
        len(vendor.requested) - 1
    )  # the whole history


def test_notes_on_dropped_rows_are_passed_on(feed: CachedFeed, vendor: Vendor) -> None:
    vendor.notes = ("1 row with a price missing left out, the last of 2015-01-14",)
    assert feed.bars("AAPL", ohlcv.FIRST_DAY, DAYS[80]).notes == vendor.notes


def test_a_failed_request_releases_its_slot(vendor: Vendor, feed: CachedFeed) -> None:
    vendor.failure = TryAgainError("too many requests")
    for _ in range(2):
        with pytest.raises(TryAgainError, match="too many"):
            fetch(feed, 80)
    vendor.failure = None
    assert len(fetch(feed, 80)) == 81
