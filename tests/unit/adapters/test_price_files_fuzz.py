"""Valid price files, damaged at random: what comes out is a typed refusal or a table of daily bars, nothing else.

TEST_FUZZ: how many damaged files are read.
"""

import os
import random
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockops.adapters.market_data.csv_feed import CsvFeed
from stockops.errors import StockopsError
from stockops.market import ohlcv
from tests.unit.adapters.test_price_files_formats import FORMATS, NewYork

FILES = [content if isinstance(content, bytes) else content.encode() for content in FORMATS.values()]
COUNT = int(os.environ.get("TEST_FUZZ", "2000"))
PARTS = 4
CELLS = (
    *("", "-", "null", "NaN", "inf", "-1", "0", "1e400", "-0.0", "1,234", "1.234,5", "$", "9" * 400, "1e-320", "1_000"),
    *("\ufeff", "\u0663", "'", '"', "\x00", "#REF!", "0001-01-01", "9999-12-31", "2024-02-30", "03/04/2024", "1.5M"),
    *(
        "9" * 19,
        "-" + "9" * 12,
        "2024-01-02T25:00:00Z",
        "2024-01-02 00:00:00+99:99",
        "Feb 30, 2024",
        "4:0",
        "(1)",
        "Date",
    ),
    *("Close", "Ticker", "Volume", "Currency", "=1+1", "1" * 140_000, "2262-04-12", "2262-04-11 23:59:59-12:00"),
)


def bytes_changed(data: bytes, chance: random.Random) -> bytes:
    place, other = chance.randrange(len(data)), chance.randrange(len(data))
    some = bytes(chance.randrange(256) for _ in range(chance.choice([1, 1, 2, 8])))
    return chance.choice(
        [
            data[:place] + some + data[place + len(some) :],
            data[:place] + some + data[place:],
            data[:place] + data[place + chance.choice([1, 2, 30]) :],
            data[:place],
            data[: max(place, other)] + data[min(place, other) :],
            data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :],
        ]
    )


def cells_changed(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    sep = max(b",;\t|", key=lambda each: data.count(bytes([each])))
    rows = [line.split(bytes([sep])) for line in lines]
    one, other = chance.choice(rows), chance.choice(rows)
    place, cell = chance.randrange(len(one)), chance.choice(CELLS).encode()
    match chance.randrange(9):
        case 0 | 1:
            one[place] = cell
        case 2:
            one[place] = chance.choice(other)
        case 3:
            one.insert(place, cell)
        case 4:
            one.pop(place)
        case 5:
            rows.insert(chance.randrange(len(rows)), list(other))
        case 6:
            chance.shuffle(one)
        case 7:
            rows = [row[:place] + row[place + 1 :] for row in rows]
        case 8:
            rows = [[*row[:place], cell, *row[place + chance.randrange(2) :]] for row in rows]
    return b"\n".join(bytes([sep]).join(row) for row in rows)


def digit_changed(data: bytes, chance: random.Random) -> bytes:
    tries = [chance.randrange(len(data)) for _ in range(20)]
    place = next((place for place in tries if data[place] in b"0123456789"), 0)
    return data[:place] + str(chance.randrange(10)).encode() + data[place + 1 :]


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (bytes_changed, cells_changed, digit_changed)


def damaged(chance: random.Random) -> bytes:
    data = chance.choice(FILES)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        data = chance.choice(CHANGES)(data or b"?", chance)
    return data


def assert_daily_bars(table: pd.DataFrame) -> None:
    """Assert the rules of a raw table, written down a second time."""
    days = table.index.to_numpy()
    assert (np.diff(days) > np.timedelta64(0)).all()
    assert (days == days.astype("datetime64[D]")).all()
    assert np.isfinite(table[list(ohlcv.OHLCV)].to_numpy()).all()
    opened, high, low, close = (table[name].to_numpy() for name in ("Open", "High", "Low", "Close"))
    assert (low > 0).all()
    assert (low <= 1.0001 * np.minimum(opened, close)).all()
    assert (1.0001 * high >= np.maximum(opened, close)).all()
    assert (table["Volume"] >= 0).all()
    assert "Adj Close" not in table or (table["Adj Close"] > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_damaged_file_is_refused_or_still_holds_daily_bars(part: int, tmp_path: Path) -> None:
    feed, path = CsvFeed(tmp_path, lambda _: NewYork()), tmp_path / "AAPL.csv"
    accepted = 0
    for number in range(part, COUNT, PARTS):
        path.write_bytes(damaged(random.Random(number)))
        try:
            table = feed.bars("AAPL", date(2004, 8, 19), date(2200, 1, 1)).table
            ohlcv.check(table, "AAPL")
        except StockopsError as refused:
            said = str(refused)
            assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in said), number
            assert len(said) < 500, number
            continue
        except Exception as exc:
            raise AssertionError(f"seed {number}") from exc
        assert_daily_bars(table)
        accepted += 1
    assert COUNT // PARTS // 20 < accepted < COUNT // PARTS  # neither all refused nor none
