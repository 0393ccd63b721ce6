"""What a person or a script sees of the shell round the commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stockops.cli import main
from tests.integration.cli import Cli, on_a_terminal, run

HEAVY = {
    "torch", "pandas", "numpy", "feast", "mlflow", "sklearn", "matplotlib", "yfinance", "redis", "qdrant_client",
    "httpx", "exchange_calendars", "pydantic_settings", "rich", "scipy",
}  # fmt: skip
COMMANDS = [
    *[(name,) for name in ("train-parent", "train-child", "predict-parent", "predict-child", "analyze", "backtest")],
    *[(name,) for name in ("monitor-parent", "monitor-ticker", "metrics", "show", "outputs", "status", "doctor")],
    *[("cache", word) for word in ("list", "show", "clear")],
    *[("features", word) for word in ("apply", "materialize", "get")],
]
HELPED: list[tuple[str, ...]] = [(), ("cache",), ("features",), *COMMANDS]


def modules_after(*arguments: str, home: Path) -> set[str]:
    """Return the modules loaded once a command has run in a fresh process."""
    code = f"import sys; from stockops.cli import main; main({list(arguments)!r}); print('@', *sys.modules)"
    env = {**os.environ, "STOCKOPS_HOME": str(home)}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    return set(out.rsplit("@", 1)[1].split())


@pytest.fixture(scope="module")
def loaded_by_help(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], set[str]]:
    """The modules loaded once a help has been printed, after those before it in one fresh process."""
    code = (
        "import json, sys; from stockops.cli import main\n"
        "for words in json.loads(sys.argv[1]): main([*words, '--help']); print('@', *sys.modules)"
    )
    env = {**os.environ, "STOCKOPS_HOME": str(tmp_path_factory.mktemp("help"))}
    call = [sys.executable, "-c", code, json.dumps(HELPED)]
    out = subprocess.run(call, env=env, capture_output=True, text=True, check=True).stdout
    loaded = [set(line.split()) for line in out.splitlines() if line.startswith("@")]
    return dict(zip(HELPED, loaded, strict=True))


@pytest.mark.parametrize("command", HELPED)
def test_help_loads_nothing_heavy(command: tuple[str, ...], loaded_by_help: dict[tuple[str, ...], set[str]]) -> None:
    loaded = loaded_by_help[command]
    assert "stockops.console.options" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "command", [("outputs",), ("status",), ("cache", "list"), ("show", "metrics", "--ticker", "AAPL")]
)
def test_looking_at_what_is_there_loads_no_library_of_numbers(trained: Cli, command: tuple[str, ...]) -> None:
    loaded = modules_after(*command, home=trained.home)
    assert loaded & {"torch", "pandas", "numpy", "sklearn", "matplotlib", "yfinance", "exchange_calendars"} == set()


def test_a_forecast_that_finds_its_model_loads_no_torch(trained: Cli) -> None:
    loaded = modules_after("predict-child", "--ticker", "AAPL", home=trained.home)
    assert "pandas" in loaded
    assert loaded & {"torch", "sklearn", "scipy", "feast", "mlflow", "yfinance"} == set()


def test_training_does_not_load_torchs_compiler(trained: Cli) -> None:
    assert "torch._dynamo" not in modules_after("train-child", "--ticker", "AAPL", home=trained.home)


def test_version_and_help_are_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"stockops \d+\.\d+\.\d+\n", capsys.readouterr().out)
    for command in COMMANDS:
        assert main([*command, "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def test_no_word_at_all_is_help_and_half_a_command_is_2(cli: Cli) -> None:
    assert cli().out == cli("--help").out
    assert cli().code == 0
    for group in ("cache", "features"):
        half = cli(group)
        assert half.code == 2
        assert half.err == f"stockops: Missing command; see stockops {group} --help\n"


@pytest.mark.parametrize("name", ["GITHUB_ACTIONS", "FORCE_COLOR"])
def test_help_in_a_pipe_has_no_escapes_even_where_colour_is_forced(name: str, tmp_path: Path) -> None:
    assert "\x1b" not in run("train-child", "--help", home=tmp_path, env={name: "1"}).out


def test_completion_knows_commands_and_choices(tmp_path: Path) -> None:
    def complete(words: str) -> str:
        asked = {"_STOCKOPS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()))}
        script = "import sys; sys.argv = ['stockops']; from stockops.__main__ import run; run()"
        env = {**os.environ, "STOCKOPS_HOME": str(tmp_path), **asked}
        return subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
        ).stdout

    assert "predict-child" in complete("stockops ")
    assert "fine_tune" in complete("stockops train-child --strategy ")


def test_on_a_terminal_results_are_tables_and_training_has_a_bar(trained: Cli) -> None:
    shown = on_a_terminal("train-child", "--ticker", "AAPL", home=trained.home)
    assert "child AAPL" in shown
    assert "validation 0." in shown
    assert "tomorrow = today" in shown
    assert '"schema"' not in shown
    forecast = on_a_terminal("predict-child", "--ticker", "AAPL", home=trained.home)
    assert "2006-07-03" in forecast
    assert "95 % range" in forecast
    assert "│" in forecast
    assert "AAPL_child_model.pt" in on_a_terminal("outputs", home=trained.home)
    assert "tomorrow = today" in on_a_terminal("show", "metrics", "--ticker", "AAPL", home=trained.home)


def test_no_color_leaves_no_colour_and_json_no_table(trained: Cli) -> None:
    colours = re.compile(r"\x1b\[[0-9;]*[34]\d(;\d+)*m")
    shown = on_a_terminal("show", "metrics", "--ticker", "AAPL", home=trained.home)
    assert colours.search(shown)
    assert not colours.search(on_a_terminal("show", "metrics", "--ticker", "AAPL", home=trained.home, NO_COLOR="1"))
    document = on_a_terminal("show", "metrics", "--ticker", "AAPL", "--json", home=trained.home)
    assert json.loads(document)["schema"] == 1


def test_json_never_holds_a_nan(trained: Cli) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    for path in trained.home.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)
