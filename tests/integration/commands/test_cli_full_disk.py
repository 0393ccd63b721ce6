"""A disk that is full, and one that is read-only: what was worked out is printed, what is lost is said."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli import Cli

PREDICT = ("predict-child", "--ticker", "AAPL", "--on-missing", "fail")


@pytest.fixture
def disk(cli: Cli, trained_home: Path, tmp_path: Path) -> Iterator[Path]:
    """A home with models on a disk of its own, 8 MB large."""
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
    """Leave no byte."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def files(disk: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes() for path in (disk / "outputs").rglob("*") if path.is_file() and path.suffix != ".lock"
    }


def test_a_full_disk_costs_the_files_and_not_the_forecast(cli: Cli, disk: Path) -> None:
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


def test_a_full_disk_keeps_the_model_that_is_there(cli: Cli, disk: Path) -> None:
    fill(disk)
    before = files(disk)
    result = cli("train-child", "--ticker", "AAPL")
    assert result.code == 75
    assert "free some space" in result.err
    assert files(disk) == before


def test_background_work_without_a_record_is_not_begun(cli: Cli, disk: Path) -> None:
    fill(disk)
    result = cli("train-child", "--ticker", "AAPL", "--background")
    assert result.code in (5, 75)
    assert "free some space" in result.err
    make_read_only(disk)
    assert cli("train-child", "--ticker", "AAPL", "--background").code in (2, 5)


def test_a_read_only_home_answers_what_it_holds(cli: Cli, disk: Path) -> None:
    fresh = cli(*PREDICT).document
    make_read_only(disk)
    kept = cli(*PREDICT)
    assert kept.code == 0
    assert (kept.document["cached"], kept.document["predictions"]) == (True, fresh["predictions"])
    assert cli("show", "forecast", "--ticker", "AAPL").document["predictions"] == fresh["predictions"]
    assert cli("cache", "list").document["entries"][0]["ticker"] == "AAPL"
    assert cli("outputs").code == 0
    made = cli(*PREDICT, "--no-cache")
    assert (made.code, made.document["predictions"]) == (0, fresh["predictions"])
    assert "artifacts" in made.document["degraded"]
    trained = cli("train-child", "--ticker", "AAPL")
    assert trained.code == 2
    assert "choose a home that can be written" in trained.err
