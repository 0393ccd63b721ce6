"""Output files that the user names: devices, pipes and links are written through, protected files never."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.integration.cli import Cli


def write_metrics(cli: Cli, path: Path) -> tuple[int, str]:
    result = cli("metrics", "--textfile", str(path))
    return result.code, result.err


def test_a_device_is_written_to_and_not_replaced(cli: Cli) -> None:
    """Regression: as root, /dev/null was replaced by a regular file."""
    before = os.stat("/dev/null")
    assert write_metrics(cli, Path("/dev/null"))[0] == 0
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (before.st_ino, before.st_rdev) == (after.st_ino, after.st_rdev)


def test_a_pipe_is_written_to_but_rejected_without_a_reader(cli: Cli, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code, err = write_metrics(cli, pipe)
    assert code == 2
    assert "pipe: nobody reads that pipe; choose another file" in err
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    while write_metrics(cli, pipe)[0]:  # until the reader has opened it
        pass
    reader.join()
    assert b"system_cpu_percent" in read[0]
    assert pipe.is_fifo()


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_followed(cli: Cli, tmp_path: Path, exists: bool) -> None:
    real, link = tmp_path / "real.prom", tmp_path / "link.prom"
    if exists:
        real.write_text("old")
        real.chmod(0o640)
    link.symlink_to(real.name)
    assert write_metrics(cli, link)[0] == 0
    assert link.is_symlink()
    assert "system_cpu_percent" in real.read_text()
    assert not exists or stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "target",
    [
        "outputs/AAPL/AAPL_child_model.pt", "outputs/new.prom", "outputs/state.db", "mlruns/mlflow.db", ".env",
        "cache/x.prom", "feature_store/data/registry.db", "logs/x", "outputs/../outputs/x", "hard",
        "link/AAPL_child_model.pt",
    ],
)  # fmt: skip
def test_files_stored_in_the_home_are_not_overwritten(trained: Cli, target: str) -> None:
    home = trained.home
    for folder in ("mlruns", "cache", "feature_store/data", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "link").symlink_to(home / "outputs/AAPL")
    (home / "hard").symlink_to(home / "outputs/AAPL/AAPL_child_model.pt")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for command in (("metrics", "--textfile"), ("backtest", "--ticker", "AAPL", "--forecasts")):
        result = trained(*command, str(home / target))
        assert result.code == 2
        assert "holds what stockops keeps; choose another file" in result.err
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_files_that_a_call_reads_are_not_overwritten(trained: Cli, tmp_path: Path) -> None:
    prices = tmp_path / "prices"
    prices.mkdir()
    (prices / "AAPL.csv").write_text("Date,Open\n")
    source_options = ("--source", "csv", "--data-dir", str(prices))
    result = trained("backtest", "--ticker", "AAPL", *source_options, "--forecasts", str(prices / "AAPL.csv"))
    assert result.code == 2
    assert f"this call reads {prices}" in result.err
    assert (prices / "AAPL.csv").read_text() == "Date,Open\n"


def test_a_folder_and_a_link_loop_are_rejected(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for name, kind in (("folder", "a folder"), ("loop", "a link that leads to itself")):
        code, err = write_metrics(cli, tmp_path / name)
        assert code == 2
        assert f"it is {kind}; choose another file" in err


def test_dev_stdout_is_written_to_stdout(cli: Cli) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "stockops", "metrics", "--textfile", "/dev/stdout"], capture_output=True, check=True
    )
    assert completed.stdout.startswith(b"# HELP")
