"""Output in encodings that lack some characters: complete, with those characters escaped."""

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
    """A home whose last report quotes text in several scripts; copy it, never write to it."""
    copy = shutil.copytree(trained_home, tmp_path_factory.mktemp("encoding") / "home")
    prepare(copy, ("analyze", "--ticker", "AAPL", "--question", QUESTION), STOCKOPS_NEWS="off")
    return copy


@pytest.fixture
def home(analysed_home: Path, tmp_path: Path) -> Path:
    """A private copy of that home."""
    return shutil.copytree(analysed_home, tmp_path / "home")


@pytest.fixture
def utf8_cli(cli: Cli, analysed_home: Path) -> Cli:
    """A CLI in another copy, with an encoding that has every character."""
    shutil.copytree(analysed_home, cli.home, dirs_exist_ok=True)
    cli.setenv(STOCKOPS_NEWS="off")
    return cli


@pytest.fixture(params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """An environment with a stream encoding that lacks some characters."""
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
def test_results_are_ascii_json_in_any_encoding(
    home: Path, utf8_cli: Cli, encoding: Mapping[str, str], command: tuple[str, ...]
) -> None:
    result = run(*command, home=home, env=encoding)
    assert result.code == 0, result.err
    assert result.out.isascii()
    assert set(json.loads(result.out)) == set(utf8_cli(*command).document)


def test_json_loses_no_characters(home: Path, encoding: Mapping[str, str]) -> None:
    result = run("show", "analysis", "--ticker", "AAPL", home=home, env=encoding)
    assert QUESTION in result.document["report"].replace("\\", "")


def test_a_failure_is_reported_as_json_in_any_encoding(home: Path, encoding: Mapping[str, str], tmp_path: Path) -> None:
    env = {**encoding, "STOCKOPS_SOURCE": "csv", "STOCKOPS_DATA_DIR": str(tmp_path / "株価")}
    (tmp_path / "株価").mkdir()
    failed = run("predict-child", "--ticker", "AAPL", home=home, env=env)
    assert failed.code == 3, failed.err
    assert "Traceback" not in failed.err
    assert "\\u682a" in failed.err or "\\udc" in failed.err  # in the C locale, file names are undecoded bytes
    assert json.loads(failed.out)["error"]["kind"] == "data"


def test_help_is_printed_in_any_encoding(home: Path, encoding: Mapping[str, str]) -> None:
    for command in ((), ("analyze",), ("backtest",), ("metrics",)):
        result = run(*command, "--help", home=home, env=encoding)
        assert result.code == 0, result.err
        assert "Usage: stockops" in result.out


def test_batch_workers_log_in_any_encoding(home: Path, encoding: Mapping[str, str]) -> None:
    symbols = ("--ticker", "AAPL", "--ticker", "MSFT")  # MSFT has no model yet: its worker trains one
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
def test_tables_on_an_ascii_terminal_are_ascii(home: Path, name: str, command: tuple[str, ...]) -> None:
    screen = on_a_terminal(*command, home=home, stdout=None, **SAMPLE, **ENCODINGS[name])
    assert screen.isascii()
    assert "Traceback" not in screen
    assert "AAPL" in screen or "Usage: stockops" in screen or "home" in screen
