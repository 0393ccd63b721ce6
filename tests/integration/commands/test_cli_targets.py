"""Files that the user points at: written where they lead, never over what is not theirs to lose."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.integration.cli import Cli


def write(cli: Cli, path: Path) -> tuple[int, str]:
    result = cli("metrics", "--textfile", str(path))
    return result.code, result.err


def test_a_device_is_written_to_and_stays_one(cli: Cli) -> None:
    """As root, /dev/null was replaced by a file."""
    before = os.stat("/dev/null")
    assert write(cli, Path("/dev/null"))[0] == 0
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (before.st_ino, before.st_rdev) == (after.st_ino, after.st_rdev)


def test_a_pipe_is_written_to_and_one_that_nobody_reads_is_not_waited_for(cli: Cli, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code, err = write(cli, pipe)
    assert code == 2
    assert "pipe: nobody reads that pipe; choose another file" in err
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    while write(cli, pipe)[0]:  # until the reader has opened it
        pass
    reader.join()
    assert b"system_cpu_percent" in read[0]
    assert pipe.is_fifo()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed(cli: Cli, tmp_path: Path, there: bool) -> None:
    real, link = tmp_path / "real.prom", tmp_path / "link.prom"
    if there:
        real.write_text("old")
        real.chmod(0o640)
    link.symlink_to(real.name)
    assert write(cli, link)[0] == 0
    assert link.is_symlink()
    assert "system_cpu_percent" in real.read_text()
    assert not there or stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "target",
    [
        "outputs/AAPL/AAPL_child_model.pt", "outputs/new.prom", "outputs/state.db", "mlruns/mlflow.db", ".env",
        "cache/x.prom", "feature_store/data/registry.db", "logs/x", "outputs/../outputs/x", "hard",
        "link/AAPL_child_model.pt",
    ],
)  # fmt: skip
def test_what_stockops_keeps_is_not_overwritten(trained: Cli, target: str) -> None:
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


def test_what_a_call_reads_is_not_overwritten(trained: Cli, tmp_path: Path) -> None:
    prices = tmp_path / "prices"
    prices.mkdir()
    (prices / "AAPL.csv").write_text("Date,Open\n")
    given = ("--source", "csv", "--data-dir", str(prices))
    result = trained("backtest", "--ticker", "AAPL", *given, "--forecasts", str(prices / "AAPL.csv"))
    assert result.code == 2
    assert f"this call reads {prices}" in result.err
    assert (prices / "AAPL.csv").read_text() == "Date,Open\n"


def test_a_folder_and_a_loop_are_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for name, kind in (("folder", "a folder"), ("loop", "a link that leads to itself")):
        code, err = write(cli, tmp_path / name)
        assert code == 2
        assert f"it is {kind}; choose another file" in err


def test_stdout_as_a_file_is_stdout(cli: Cli) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stockops", "metrics", "--textfile", "/dev/stdout"], capture_output=True, check=True
    )
    assert done.stdout.startswith(b"# HELP")
