"""A full disk and a read-only one: results are still printed, and what cannot be stored is reported."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli import Cli

PREDICT = ("predict-child", "--ticker", "AAPL", "--on-missing", "fail")


@pytest.fixture
def disk(cli: Cli, trained_home: Path, tmp_path: Path) -> Iterator[Path]:
    """A home with models on its own disk of 8 MB."""
    home = tmp_path / "disk"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(home)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    shutil.copytree(trained_home, home, dirs_exist_ok=True)
    cli.setenv(STOCKOPS_HOME=str(home))
    yield home
    subprocess.run(["umount", "-l", str(home)], check=True)


def fill(disk: Path) -> None:
    """Fill the disk to the last byte."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def stored_files(disk: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes() for path in (disk / "outputs").rglob("*") if path.is_file() and path.suffix != ".lock"
    }


def test_a_full_disk_loses_the_files_but_not_the_forecast(cli: Cli, disk: Path) -> None:
    fresh = cli(*PREDICT, "--no-cache").document
    fill(disk)
    result = cli(*PREDICT, "--no-cache")
    assert result.code == 0
    assert result.document["predictions"] == fresh["predictions"]
    assert {"artifacts", "ledger"} <= set(result.document["degraded"])
    assert "No space left on device; free some space: going on without it" in result.err
    assert "move the file away" not in result.err
    assert cli("analyze", "--ticker", "AAPL").document["report"].startswith("# AAPL")
    assert cli("monitor-ticker", "--ticker", "AAPL").document["drift"]["status"] == "completed"
    (disk / "ballast").unlink()
    again = cli(*PREDICT, "--no-cache")
    assert (again.code, again.document["degraded"]) == (0, [])


def test_a_full_disk_leaves_the_stored_model_unchanged(cli: Cli, disk: Path) -> None:
    fill(disk)
    before = stored_files(disk)
    result = cli("train-child", "--ticker", "AAPL")
    assert result.code == 75
    assert "free some space" in result.err
    assert stored_files(disk) == before


def test_a_background_task_that_cannot_be_recorded_is_not_started(cli: Cli, disk: Path) -> None:
    fill(disk)
    result = cli("train-child", "--ticker", "AAPL", "--background")
    assert result.code in (5, 75)
    assert "free some space" in result.err
    make_read_only(disk)
    assert cli("train-child", "--ticker", "AAPL", "--background").code in (2, 5)


def test_a_read_only_home_still_serves_and_computes_forecasts(cli: Cli, disk: Path) -> None:
    fresh = cli(*PREDICT).document
    make_read_only(disk)
    cached = cli(*PREDICT)
    assert cached.code == 0
    assert (cached.document["cached"], cached.document["predictions"]) == (True, fresh["predictions"])
    assert cli("show", "forecast", "--ticker", "AAPL").document["predictions"] == fresh["predictions"]
    assert cli("cache", "list").document["entries"][0]["ticker"] == "AAPL"
    assert cli("outputs").code == 0
    recomputed = cli(*PREDICT, "--no-cache")
    assert (recomputed.code, recomputed.document["predictions"]) == (0, fresh["predictions"])
    assert "artifacts" in recomputed.document["degraded"]
    training = cli("train-child", "--ticker", "AAPL")
    assert training.code == 2
    assert "choose a home that can be written" in training.err
