"""The ledger file: concurrent writers, no duplicates, bounded history."""

import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stockops.adapters.storage.sqlite_ledger import ORIGINS, SqliteLedger
from stockops.errors import ServiceError
from stockops.records import LedgerEntry
from tests.places import ROOT

FIRST = date(2024, 1, 2)


def entries_of(origin: date, ticker: str = "AAPL", version: str = "v1", days: int = 5) -> list[LedgerEntry]:
    """Return the entries of one forecast, a day each."""
    return [
        LedgerEntry(
            ticker, "child", "csv", version, origin, 100.5, origin + timedelta(days=n), n, 1.0, 2.0, 0.5, 1.25 * n, 1e6,
            (1.0, 2.0), (0.5, 3.0), "2024-01-01T00:00:00+00:00",
        )
        for n in range(1, days + 1)
    ]  # fmt: skip


def test_entries_are_read_back_and_reading_creates_no_file(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "outputs" / "ledger.db")
    assert ledger.rows("AAPL", "child", "csv") == []
    assert list(tmp_path.iterdir()) == []
    entries = entries_of(date(2024, 1, 2))
    ledger.append(entries)
    assert SqliteLedger(tmp_path / "outputs" / "ledger.db").rows("AAPL", "child", "csv") == entries
    assert ledger.check().startswith("5 forecasts, SQLite 3.")
    for other in (("MSFT", "child", "csv"), ("AAPL", "parent", "csv"), ("AAPL", "child", "yahoo")):
        assert ledger.rows(*other) == []


def test_a_forecast_is_stored_once_for_each_model_version(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    for version in ("v1", "v1", "v2"):
        ledger.append(entries_of(date(2024, 1, 2), version=version))
    assert len(ledger.rows("AAPL", "child", "csv")) == 10


def test_old_origins_are_deleted_and_other_symbols_stay(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.append(entries_of(date(2001, 1, 1), "MSFT"))
    for number in range(ORIGINS + 10):
        ledger.append(entries_of(date(2020, 1, 1) + timedelta(days=number), days=1))
    origins = [entry.origin for entry in ledger.rows("AAPL", "child", "csv")]
    assert len(origins) == ORIGINS
    assert origins == sorted(origins)
    assert origins[-1] == date(2020, 1, 1) + timedelta(days=ORIGINS + 9)
    assert len(ledger.rows("MSFT", "child", "csv")) == 5


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from datetime import date, timedelta; from pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from stockops.adapters.storage.sqlite_ledger import SqliteLedger\n"
        "from tests.integration.adapters.test_sqlite_ledger import entries_of\n"
        f"ledger = SqliteLedger(Path({str(tmp_path / 'ledger.db')!r}))\n"
        "for n in range(25): ledger.append(entries_of(date(2024, 1, 1) + timedelta(days=n), version=sys.argv[1]))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, f"v{n}"]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(SqliteLedger(tmp_path / "ledger.db").rows("AAPL", "child", "csv")) == 4 * 25 * 5


def test_a_file_that_is_not_a_database_is_a_service_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("no database " * 1000)
    with pytest.raises(ServiceError, match=r"the ledger of forecasts .* cannot be used") as caught:
        SqliteLedger(tmp_path / "ledger.db").append(entries_of(date(2024, 1, 2)))
    assert caught.value.service == "ledger"


def test_an_empty_file_is_damaged_rather_than_new(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    ledger = SqliteLedger(path)
    for call in (ledger.check, lambda: ledger.rows("AAPL", "child", "csv"), lambda: ledger.append(entries_of(FIRST))):
        with pytest.raises(ServiceError, match=r"ledger.db cannot be used: is empty"):
            call()
    assert path.read_bytes() == b""


@pytest.mark.parametrize("create", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_a_path_that_is_not_a_regular_file_is_reported_immediately(
    tmp_path: Path, create: Callable[[Path], None]
) -> None:
    path = tmp_path / "ledger.db"
    create(path)
    for call in (SqliteLedger(path).check, lambda: SqliteLedger(path).append(entries_of(FIRST))):
        with pytest.raises(ServiceError, match=r"is (a folder|a pipe|a link that leads to itself)"):
            call()


@settings(
    deadline=None,
    max_examples=int(os.environ.get("TEST_FUZZ", "60")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(position=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@example(position=0.41374067767108264, flip=64)  # a price in the index stops being a number, which SQLite accepts
def test_a_flipped_byte_may_lose_rows_but_never_changes_one(tmp_path: Path, position: float, flip: int) -> None:
    """The check detects it, or the byte was unused."""
    path = tmp_path / "ledger.db"
    path.unlink(missing_ok=True)
    intact = SqliteLedger(path)
    entries = [entry for number in range(12) for entry in entries_of(FIRST + timedelta(days=number))]
    intact.append(entries)
    intact.close()
    data = bytearray(path.read_bytes())
    data[int(position * len(data))] ^= flip
    path.write_bytes(data)
    for leftover in path.parent.glob("ledger.db-*"):
        leftover.unlink()
    ledger = SqliteLedger(path)
    try:
        found = ledger.rows("AAPL", "child", "csv")
    except ServiceError:
        found = []
    assert all(entry in entries for entry in found)
    if found != entries:
        with pytest.raises(ServiceError):
            ledger.check()
    ledger.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("origin", "2024-13-01"), ("close", "abc"), ("close", None), ("horizon", 1.5), ("low_80", b"x"),
        ("close", math.inf), ("target", 5), ("digest", ""),
    ],
)  # fmt: skip
def test_a_cell_of_the_wrong_type_loses_its_row_and_is_logged(
    tmp_path: Path, column: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.append(entries_of(FIRST))
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute(f"UPDATE forecast SET {column} = ? WHERE horizon = 2", (value,))
    with caplog.at_level("WARNING"):
        assert [entry.horizon for entry in ledger.rows("AAPL", "child", "csv")] == [1, 3, 4, 5]
    assert "AAPL: the ledger holds 1 damaged forecasts: left out" in caplog.text
    with pytest.raises(ServiceError, match=r"1 of 5 forecasts in .*ledger.db are damaged"):
        ledger.check()


def test_a_ledger_of_the_previous_release_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    SqliteLedger(path).append(entries_of(FIRST))
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE forecast DROP COLUMN digest")
        database.execute("PRAGMA user_version = 1")
    assert SqliteLedger(path).rows("AAPL", "child", "csv") == entries_of(FIRST)
    SqliteLedger(path).append(entries_of(FIRST + timedelta(days=1)))
    assert SqliteLedger(path).check().startswith("10 forecasts")
