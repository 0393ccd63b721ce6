"""Valid price files, corrupted at random: each is refused with a typed error or read as daily bars.

TEST_FUZZ: how many corrupted files are read.
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


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    position, other = rng.randrange(len(data)), rng.randrange(len(data))
    noise = bytes(rng.randrange(256) for _ in range(rng.choice([1, 1, 2, 8])))
    return rng.choice(
        [
            data[:position] + noise + data[position + len(noise) :],
            data[:position] + noise + data[position:],
            data[:position] + data[position + rng.choice([1, 2, 30]) :],
            data[:position],
            data[: max(position, other)] + data[min(position, other) :],
            data[:position] + bytes([data[position] ^ (1 << rng.randrange(8))]) + data[position + 1 :],
        ]
    )


def change_cells(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    sep = max(b",;\t|", key=lambda candidate: data.count(bytes([candidate])))
    rows = [line.split(bytes([sep])) for line in lines]
    target, source = rng.choice(rows), rng.choice(rows)
    position, cell = rng.randrange(len(target)), rng.choice(CELLS).encode()
    match rng.randrange(9):
        case 0 | 1:
            target[position] = cell
        case 2:
            target[position] = rng.choice(source)
        case 3:
            target.insert(position, cell)
        case 4:
            target.pop(position)
        case 5:
            rows.insert(rng.randrange(len(rows)), list(source))
        case 6:
            rng.shuffle(target)
        case 7:
            rows = [row[:position] + row[position + 1 :] for row in rows]
        case 8:
            rows = [[*row[:position], cell, *row[position + rng.randrange(2) :]] for row in rows]
    return b"\n".join(bytes([sep]).join(row) for row in rows)


def change_digit(data: bytes, rng: random.Random) -> bytes:
    candidates = [rng.randrange(len(data)) for _ in range(20)]
    position = next((position for position in candidates if data[position] in b"0123456789"), 0)
    return data[:position] + str(rng.randrange(10)).encode() + data[position + 1 :]


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (change_bytes, change_cells, change_digit)


def corrupted(rng: random.Random) -> bytes:
    data = rng.choice(FILES)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        data = rng.choice(MUTATIONS)(data or b"?", rng)
    return data


def assert_daily_bars(table: pd.DataFrame) -> None:
    """Assert the rules of a raw table, independently of `ohlcv.check`."""
    days = table.index.to_numpy()
    assert (np.diff(days) > np.timedelta64(0)).all()
    assert (days == days.astype("datetime64[D]")).all()
    assert np.isfinite(table[list(ohlcv.OHLCV)].to_numpy()).all()
    open_, high, low, close = (table[name].to_numpy() for name in ("Open", "High", "Low", "Close"))
    assert (low > 0).all()
    assert (low <= 1.0001 * np.minimum(open_, close)).all()
    assert (1.0001 * high >= np.maximum(open_, close)).all()
    assert (table["Volume"] >= 0).all()
    assert "Adj Close" not in table or (table["Adj Close"] > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_corrupted_file_is_refused_or_read_as_daily_bars(part: int, tmp_path: Path) -> None:
    feed, path = CsvFeed(tmp_path, lambda _: NewYork()), tmp_path / "AAPL.csv"
    accepted = 0
    for number in range(part, COUNT, PARTS):
        path.write_bytes(corrupted(random.Random(number)))
        try:
            table = feed.bars("AAPL", date(2004, 8, 19), date(2200, 1, 1)).table
            ohlcv.check(table, "AAPL")
        except StockopsError as error:
            message = str(error)
            assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in message), number
            assert len(message) < 500, number
            continue
        except Exception as exc:
            raise AssertionError(f"seed {number}") from exc
        assert_daily_bars(table)
        accepted += 1
    assert COUNT // PARTS // 20 < accepted < COUNT // PARTS  # neither all refused nor none
