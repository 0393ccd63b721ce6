import os
import subprocess
import sys
from pathlib import Path

import pytest

from stockops.adapters.market_data import source_files
from stockops.errors import DataError


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("AAPL", "aapl.csv"),
        ("AAPL", "aapl.us.txt"),
        ("AAPL", "AAPL.csv.gz"),
        ("AAPL", "AAPL.parquet"),
        ("AAPL", "Aapl.TSV"),
        ("BRK-B", "BRK.B.csv"),
        ("BRK-B", "brk_b.csv"),
        ("BRK-B", "brk-b.us.txt"),
        ("^GSPC", "GSPC.csv"),
        ("^GSPC", "_GSPC.csv"),
        ("^GSPC", "%5EGSPC.csv"),
        ("EURUSD=X", "EURUSD%3DX.csv"),
        ("7203.T", "7203_T.csv"),
    ],
)
def test_a_file_is_found_by_its_vendor_name(symbol: str, file: str, tmp_path: Path) -> None:
    (tmp_path / file).touch()
    (tmp_path / "MSFT.csv").touch()
    assert source_files.csv(tmp_path, symbol) == tmp_path / file


@pytest.mark.parametrize("file", ["GSPC.csv", "AAPLE.csv", "AAPL.pdf", "AAPL", "AAPL.B.csv", "AAPL.csv.bak"])
def test_files_of_other_symbols_or_types_are_ignored(file: str, tmp_path: Path) -> None:
    (tmp_path / file).touch()
    assert source_files.csv(tmp_path, "AAPL") == tmp_path / "AAPL.csv"


def test_an_index_is_not_taken_for_a_share_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "^GSPC.csv").touch()
    assert source_files.csv(tmp_path, "GSPC") == tmp_path / "GSPC.csv"


def test_the_exact_file_name_takes_precedence(tmp_path: Path) -> None:
    for file in ("aapl.us.txt", "AAPL.csv", "AAPL.parquet"):
        (tmp_path / file).touch()
    assert source_files.csv(tmp_path, "AAPL") == tmp_path / "AAPL.csv"


def test_two_matching_files_are_both_reported(tmp_path: Path) -> None:
    for file in ("aapl.us.txt", "AAPL.parquet"):
        (tmp_path / file).touch()
    with pytest.raises(DataError) as refused:
        source_files.csv(tmp_path, "AAPL")
    assert refused.value.message == f"both AAPL.parquet and aapl.us.txt in {tmp_path} may hold AAPL"
    assert refused.value.hint == "rename the right one AAPL.csv"


def test_a_missing_folder_holds_no_files(tmp_path: Path) -> None:
    assert source_files.csv(tmp_path / "none", "AAPL") == tmp_path / "none" / "AAPL.csv"
    assert source_files.price_files(tmp_path / "none") == []


def test_price_files_are_listed(tmp_path: Path) -> None:
    for file in ("MSFT.csv", "aapl.us.txt", "notes.md", "IBM.parquet"):
        (tmp_path / file).touch()
    assert [path.name for path in source_files.price_files(tmp_path)] == ["IBM.parquet", "MSFT.csv", "aapl.us.txt"]


def test_a_digest_depends_on_content_and_does_not_block_on_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    (tmp_path / "c").write_text("2")
    os.mkfifo(tmp_path / "pipe")
    one, same, other = (source_files.digest(tmp_path / name) for name in "abc")
    assert one == same != other
    assert [source_files.digest(tmp_path / name) for name in ("pipe", "none", ".")] == ["", "", ""]


def test_finding_a_file_imports_no_heavy_library() -> None:
    heavy = "{'pandas', 'numpy', 'pyarrow'}"
    code = f"import sys, stockops.adapters.market_data.source_files; print(*({heavy} & sys.modules.keys()))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split() == []
