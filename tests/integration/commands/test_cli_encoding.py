"""What is printed where the encoding of the streams lacks letters: everything, with those letters escaped."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.cli import SAMPLE as ON_SAMPLES
from tests.integration.cli import WITHOUT_SERVICES, Cli, on_a_terminal, prepare, run

ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
}
SAMPLE = {**ON_SAMPLES, "STOCKOPS_NEWS": "off", **WITHOUT_SERVICES}
QUESTION = "«Wohin geht's?» 株価 €"


@pytest.fixture(scope="module")
def analysed_home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose last report quotes letters of several alphabets; copy it, never write to it."""
    copy = shutil.copytree(trained_home, tmp_path_factory.mktemp("encoding") / "home")
    prepare(copy, ("analyze", "--ticker", "AAPL", "--question", QUESTION), STOCKOPS_NEWS="off")
    return copy


@pytest.fixture
def home(analysed_home: Path, tmp_path: Path) -> Path:
    """A home of its own with a report."""
    return shutil.copytree(analysed_home, tmp_path / "home")


@pytest.fixture
def plain(cli: Cli, analysed_home: Path) -> Cli:
    """A CLI in a home like it, where every letter can be written."""
    shutil.copytree(analysed_home, cli.home, dirs_exist_ok=True)
    cli.setenv(STOCKOPS_NEWS="off")
    return cli


@pytest.fixture(params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """An environment whose streams lack letters."""
    return {**SAMPLE, **ENCODINGS[request.param]}


@pytest.mark.parametrize(
    "command",
    [
        ("analyze", "--ticker", "AAPL", "--question", QUESTION),
        ("predict-child", "--ticker", "AAPL"),
        ("doctor",),
    ],
    ids=lambda command: command[0],
)
def test_a_result_is_json_in_any_encoding(
    home: Path, plain: Cli, encoding: Mapping[str, str], command: tuple[str, ...]
) -> None:
    found = run(*command, home=home, env=encoding)
    assert found.code == 0, found.err
    assert found.out.isascii()
    assert set(json.loads(found.out)) == set(plain(*command).document)


def test_no_letter_is_lost_from_json(home: Path, encoding: Mapping[str, str]) -> None:
    shown = run("show", "analysis", "--ticker", "AAPL", home=home, env=encoding)
    assert QUESTION in shown.document["report"].replace("\\", "")


def test_a_failure_is_said_and_is_json_in_any_encoding(home: Path, encoding: Mapping[str, str], tmp_path: Path) -> None:
    env = {**encoding, "STOCKOPS_SOURCE": "csv", "STOCKOPS_DATA_DIR": str(tmp_path / "株価")}
    (tmp_path / "株価").mkdir()
    failed = run("predict-child", "--ticker", "AAPL", home=home, env=env)
    assert failed.code == 3, failed.err
    assert "Traceback" not in failed.err
    assert "\\u682a" in failed.err or "\\udc" in failed.err  # C has no letters for names of files, only bytes
    assert json.loads(failed.out)["error"]["kind"] == "data"


def test_help_is_printed_in_any_encoding(home: Path, encoding: Mapping[str, str]) -> None:
    for command in ((), ("analyze",), ("backtest",), ("metrics",)):
        helped = run(*command, "--help", home=home, env=encoding)
        assert helped.code == 0, helped.err
        assert "Usage: stockops" in helped.out


def test_workers_of_a_batch_say_what_they_have_to_in_any_encoding(home: Path, encoding: Mapping[str, str]) -> None:
    symbols = ("--ticker", "AAPL", "--ticker", "MSFT")  # the second has no model yet: its worker trains one
    batch = run("predict-child", *symbols, "--jobs", "2", "--no-cache", "--verbose", home=home, env=encoding)
    assert batch.code == 0, batch.err
    assert "Traceback" not in batch.err
    assert {row["ticker"] for row in batch.rows} == {"AAPL", "MSFT"}


@pytest.mark.parametrize(
    "command",
    [("analyze", "--ticker", "AAPL"), ("show", "analysis", "--ticker", "AAPL"), ("doctor",), ("--help",)],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("name", ["ascii", "C"])
def test_a_terminal_gets_its_tables_in_ascii(home: Path, name: str, command: tuple[str, ...]) -> None:
    seen = on_a_terminal(*command, home=home, stdout=None, **SAMPLE, **ENCODINGS[name])
    assert seen.isascii()
    assert "Traceback" not in seen
    assert "AAPL" in seen or "Usage: stockops" in seen or "home" in seen
