"""The ledger's file: many writers, nothing twice, nothing for ever."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from stockops.adapters.sqlite_ledger import ORIGINS, SqliteLedger
from stockops.errors import ServiceError
from stockops.records import LedgerEntry


def path_of(origin: date, ticker: str = "AAPL", version: str = "v1", days: int = 5) -> list[LedgerEntry]:
    """One forecast of some days."""
    return [
        LedgerEntry(
            ticker, "child", "csv", version, origin, 100.5, origin + timedelta(days=n), n, 1.0, 2.0, 0.5, 1.25 * n, 1e6,
            (1.0, 2.0), (0.5, 3.0), "2024-01-01T00:00:00+00:00",
        )
        for n in range(1, days + 1)
    ]  # fmt: skip


def test_what_is_written_is_read_and_looking_makes_no_file(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "outputs" / "ledger.db")
    assert ledger.rows("AAPL", "child", "csv") == []
    assert list(tmp_path.iterdir()) == []
    entries = path_of(date(2024, 1, 2))
    ledger.append(entries)
    assert SqliteLedger(tmp_path / "outputs" / "ledger.db").rows("AAPL", "child", "csv") == entries
    assert ledger.check().startswith("5 forecasts, SQLite 3.")
    for other in (("MSFT", "child", "csv"), ("AAPL", "parent", "csv"), ("AAPL", "child", "yahoo")):
        assert ledger.rows(*other) == []


def test_a_forecast_is_kept_once_and_another_models_beside_it(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    for version in ("v1", "v1", "v2"):
        ledger.append(path_of(date(2024, 1, 2), version=version))
    assert len(ledger.rows("AAPL", "child", "csv")) == 10


def test_old_origins_go_and_other_symbols_stay(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.append(path_of(date(2001, 1, 1), "MSFT"))
    for number in range(ORIGINS + 10):
        ledger.append(path_of(date(2020, 1, 1) + timedelta(days=number), days=1))
    origins = [entry.origin for entry in ledger.rows("AAPL", "child", "csv")]
    assert len(origins) == ORIGINS
    assert origins == sorted(origins)
    assert origins[-1] == date(2020, 1, 1) + timedelta(days=ORIGINS + 9)
    assert len(ledger.rows("MSFT", "child", "csv")) == 5


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from datetime import date, timedelta; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from stockops.adapters.sqlite_ledger import SqliteLedger\n"
        "from tests.integration.test_sqlite_ledger import path_of\n"
        f"ledger = SqliteLedger(Path({str(tmp_path / 'ledger.db')!r}))\n"
        "for n in range(25): ledger.append(path_of(date(2024, 1, 1) + timedelta(days=n), version=sys.argv[1]))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, f"v{n}"]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(SqliteLedger(tmp_path / "ledger.db").rows("AAPL", "child", "csv")) == 4 * 25 * 5


def test_a_file_that_is_none_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("no database " * 1000)
    with pytest.raises(ServiceError, match=r"the ledger of forecasts .* cannot be used") as caught:
        SqliteLedger(tmp_path / "ledger.db").append(path_of(date(2024, 1, 2)))
    assert caught.value.service == "ledger"
