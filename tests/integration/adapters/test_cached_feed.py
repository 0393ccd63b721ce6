"""The price cache round a vendor that records what it is asked and can be made to fail."""

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
    """Sends its table and remembers the spans asked for."""

    table: pd.DataFrame = field(default_factory=TABLE.copy)
    currency: str | None = "USD"
    notes: tuple[str, ...] = ()
    fails: StockopsError | None = None
    asked: list[tuple[date, date]] = field(default_factory=list)
    name: str = "vendor"
    live: bool = True
    under_way: list[str] = field(default_factory=list)
    most: int = 0
    seconds: float = 0.0

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        self.asked.append((first, last))
        if self.fails:
            raise self.fails
        self.under_way.append(symbol)
        self.most = max(self.most, len(self.under_way))
        time.sleep(self.seconds)
        self.under_way.remove(symbol)
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
    assert vendor.asked == [(ohlcv.FIRST_DAY, DAYS[80])]
    pd.testing.assert_frame_equal(first, second[first.columns], check_freq=False)
    pd.testing.assert_frame_equal(second[list(TABLE)], TABLE[:81], check_freq=False)  # bit for bit


def test_a_later_day_asks_for_the_tail_and_a_week_of_overlap(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    found = fetch(feed, 95)
    [_, (start, end)] = vendor.asked
    assert (DAYS[80] - start).days == 10
    assert end == DAYS[95]
    pd.testing.assert_frame_equal(found[list(TABLE)], TABLE[:96], check_freq=False)


def test_an_earlier_day_is_a_slice_and_leaves_the_file_whole(feed: CachedFeed, vendor: Vendor, tmp_path: Path) -> None:
    fetch(feed, 80)
    before = (tmp_path / "AAPL.csv").read_bytes()
    assert len(fetch(feed, 30)) == 31
    assert len(vendor.asked) == 1
    assert (tmp_path / "AAPL.csv").read_bytes() == before


def test_a_dividend_or_split_fetches_the_whole_history_anew(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.table["Adj Close"] *= 0.999
    found = fetch(feed, 90)
    assert [start for start, _ in vendor.asked] == [ohlcv.FIRST_DAY, vendor.asked[1][0], ohlcv.FIRST_DAY]
    pd.testing.assert_frame_equal(found[list(TABLE)], vendor.table[:91], check_freq=False)


def test_a_revised_volume_is_taken_over_without_a_refetch(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.table.loc[vendor.table.index[80], "Volume"] += 5
    assert fetch(feed, 81)["Volume"].iloc[80] == vendor.table["Volume"].iloc[80]
    assert len(vendor.asked) == 2


def test_a_session_missing_on_one_side_of_the_overlap_is_a_rewrite(feed: CachedFeed, vendor: Vendor) -> None:
    vendor.table = TABLE.drop(TABLE.index[78])
    fetch(feed, 80)
    vendor.table = TABLE.copy()
    assert len(fetch(feed, 81)) == 82


def test_a_vendor_that_is_down_matters_only_when_the_file_does_not_reach(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.fails = TryAgainError("vendor: rate limited")
    assert len(fetch(feed, 80)) == 81
    with pytest.raises(TryAgainError):
        fetch(feed, 81)


def test_a_symbol_that_trades_no_more_gives_what_is_known(feed: CachedFeed, vendor: Vendor) -> None:
    fetch(feed, 80)
    vendor.fails = DataError("vendor has no bars in that span")
    assert len(fetch(feed, 99)) == 81


@pytest.mark.parametrize("damage", ["", "Date,Open\n", "rubbish", "half"])
def test_a_damaged_file_is_said_and_fetched_anew(
    feed: CachedFeed, vendor: Vendor, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(feed, 80)
    path = tmp_path / "AAPL.csv"
    text = path.read_text()
    path.write_text(text[: len(text) // 2].rsplit(",", 1)[0] if damage == "half" else damage)
    with caplog.at_level("WARNING", "stockops.prices"):
        assert len(fetch(feed, 80)) == 81
    assert "the cached AAPL.csv is damaged" in caplog.text
    assert vendor.asked[-1][0] == ohlcv.FIRST_DAY
    assert path.read_text() == text


def test_a_bad_answer_is_not_stored(feed: CachedFeed, vendor: Vendor, tmp_path: Path) -> None:
    vendor.table.loc[vendor.table.index[5], "Close"] = -1.0
    with pytest.raises(DataError, match=r"row 6 .* has Close at or below zero"):
        fetch(feed, 80)
    assert list(tmp_path.glob("*.csv")) == []


def test_a_bar_later_than_asked_for_is_never_stored(vendor: Vendor, tmp_path: Path) -> None:
    class Eager(Vendor):
        def bars(self, symbol: str, first: date, last: date) -> RawBars:
            return RawBars(self.table)

    feed = CachedFeed(Eager(), tmp_path)
    assert fetch(feed, 80).index[-1] == pd.Timestamp(DAYS[80])
    assert str(DAYS[81]) not in (tmp_path / "AAPL.csv").read_text()


def test_the_file_is_one_of_the_csv_source(feed: CachedFeed, tmp_path: Path) -> None:
    found = fetch(feed, 80)
    read = CsvFeed(tmp_path, calendar.of).bars("AAPL", ohlcv.FIRST_DAY, DAYS[99]).table
    pd.testing.assert_frame_equal(read[list(found)], found, check_freq=False)


def test_many_at_once_fetch_once_and_leave_one_whole_file(feed: CachedFeed, vendor: Vendor, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(lambda _: fetch(feed, 80), range(8)))
    assert all(len(table) == 81 for table in tables)
    assert len(vendor.asked) == 1
    assert [path.name for path in tmp_path.glob("*.csv")] == ["AAPL.csv"]
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.parametrize("max_parallel", [1, 2])
def test_however_many_ask_the_vendor_has_no_more_requests_than_allowed(
    vendor: Vendor, tmp_path: Path, max_parallel: int
) -> None:
    vendor.seconds = 0.2

    def ask(number: int) -> int:  # each with locks of its own, like a process
        return len(CachedFeed(vendor, tmp_path, max_parallel).bars(f"T{number}", ohlcv.FIRST_DAY, DAYS[80]).table)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == [81] * 6
    assert vendor.most == max_parallel


def kept(folder: Path) -> dict[str, str | None]:
    """Return what lies beside the prices of AAPL."""
    found: dict[str, str | None] = json.loads((folder / "AAPL.json").read_text())
    return found


@pytest.mark.parametrize("currency", ["GBp", "GBP", "USD", "ZAc", None])
def test_the_currency_that_the_vendor_says_is_kept_beside_the_prices(
    vendor: Vendor, tmp_path: Path, currency: str | None
) -> None:
    vendor.currency = currency
    first = CachedFeed(vendor, tmp_path).bars("AAPL", ohlcv.FIRST_DAY, DAYS[80])
    vendor.fails = TryAgainError("vendor: rate limited")
    second = CachedFeed(vendor, tmp_path).bars("AAPL", ohlcv.FIRST_DAY, DAYS[80])
    assert (first.currency, second.currency, kept(tmp_path)["currency"]) == (currency,) * 3


def damaged(path: Path, how: str) -> None:
    """Damage a file in one of the ways that were met."""
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
def test_a_damaged_cache_is_fetched_anew_and_never_used(
    feed: CachedFeed, vendor: Vendor, tmp_path: Path, how: str, ending: str
) -> None:
    vendor.currency, vendor.table = "GBp", TABLE[:81]
    before = fetch(feed, 80)
    path = tmp_path / f"AAPL.{ending}"
    damaged(path, how)
    vendor.fails = TryAgainError("vendor: no connection")
    with pytest.raises(TryAgainError):
        fetch(feed, 80)
    vendor.fails = None
    if path.is_dir() or path.is_fifo():
        path.rmdir() if path.is_dir() else path.unlink()
    found = feed.bars("AAPL", ohlcv.FIRST_DAY, DAYS[80])
    pd.testing.assert_frame_equal(found.table, before)
    assert found.currency == "GBp"
    assert [start for start, _ in vendor.asked[1:]] == [ohlcv.FIRST_DAY] * (len(vendor.asked) - 1)  # all of it


def test_what_a_fetch_left_out_is_passed_on(feed: CachedFeed, vendor: Vendor) -> None:
    vendor.notes = ("1 row with a price missing left out, the last of 2015-01-14",)
    assert feed.bars("AAPL", ohlcv.FIRST_DAY, DAYS[80]).notes == vendor.notes


def test_a_request_that_fails_gives_its_place_to_the_next(vendor: Vendor, feed: CachedFeed) -> None:
    vendor.fails = TryAgainError("too many requests")
    for _ in range(2):
        with pytest.raises(TryAgainError, match="too many"):
            fetch(feed, 80)
    vendor.fails = None
    assert len(fetch(feed, 80)) == 81
