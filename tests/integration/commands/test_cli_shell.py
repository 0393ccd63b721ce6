"""The command line around the commands: imports, help, completion, tables and colours."""

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
HELP_TOPICS: list[tuple[str, ...]] = [(), ("cache",), ("features",), *COMMANDS]


def modules_after(*arguments: str, home: Path) -> set[str]:
    """Return the modules loaded after a command has run in a fresh process."""
    code = f"import sys; from stockops.cli import main; main({list(arguments)!r}); print('@', *sys.modules)"
    env = {**os.environ, "STOCKOPS_HOME": str(home)}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    return set(out.rsplit("@", 1)[1].split())


@pytest.fixture(scope="module")
def loaded_by_help(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], set[str]]:
    """The modules loaded after each help page, all printed in turn by one fresh process."""
    code = (
        "import json, sys; from stockops.cli import main\n"
        "for command in json.loads(sys.argv[1]): main([*command, '--help']); print('@', *sys.modules)"
    )
    env = {**os.environ, "STOCKOPS_HOME": str(tmp_path_factory.mktemp("help"))}
    call = [sys.executable, "-c", code, json.dumps(HELP_TOPICS)]
    out = subprocess.run(call, env=env, capture_output=True, text=True, check=True).stdout
    loaded = [set(line.split()) for line in out.splitlines() if line.startswith("@")]
    return dict(zip(HELP_TOPICS, loaded, strict=True))


@pytest.mark.parametrize("command", HELP_TOPICS)
def test_help_loads_no_heavy_library(command: tuple[str, ...], loaded_by_help: dict[tuple[str, ...], set[str]]) -> None:
    loaded = loaded_by_help[command]
    assert "stockops.console.options" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "command", [("outputs",), ("status",), ("cache", "list"), ("show", "metrics", "--ticker", "AAPL")]
)
def test_showing_stored_results_loads_no_numerical_library(trained: Cli, command: tuple[str, ...]) -> None:
    loaded = modules_after(*command, home=trained.home)
    assert loaded & {"torch", "pandas", "numpy", "sklearn", "matplotlib", "yfinance", "exchange_calendars"} == set()


def test_a_forecast_from_a_stored_model_does_not_load_torch(trained: Cli) -> None:
    loaded = modules_after("predict-child", "--ticker", "AAPL", home=trained.home)
    assert "pandas" in loaded
    assert loaded & {"torch", "sklearn", "scipy", "feast", "mlflow", "yfinance"} == set()


def test_training_does_not_load_the_torch_compiler(trained: Cli) -> None:
    assert "torch._dynamo" not in modules_after("train-child", "--ticker", "AAPL", home=trained.home)


def test_version_and_help_are_printed_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"stockops \d+\.\d+\.\d+\n", capsys.readouterr().out)
    for command in COMMANDS:
        assert main([*command, "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def test_no_arguments_print_help_and_an_incomplete_command_exits_2(cli: Cli) -> None:
    assert cli().out == cli("--help").out
    assert cli().code == 0
    for group in ("cache", "features"):
        incomplete = cli(group)
        assert incomplete.code == 2
        assert incomplete.err == f"stockops: Missing command; see stockops {group} --help\n"


@pytest.mark.parametrize("name", ["GITHUB_ACTIONS", "FORCE_COLOR"])
def test_piped_help_has_no_escape_codes_even_if_colour_is_forced(name: str, tmp_path: Path) -> None:
    assert "\x1b" not in run("train-child", "--help", home=tmp_path, env={name: "1"}).out


def test_completion_offers_commands_and_choices(tmp_path: Path) -> None:
    def complete(line: str) -> str:
        request = {"_STOCKOPS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()))}
        script = "import sys; sys.argv = ['stockops']; from stockops.__main__ import run; run()"
        env = {**os.environ, "STOCKOPS_HOME": str(tmp_path), **request}
        return subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
        ).stdout

    assert "predict-child" in complete("stockops ")
    assert "fine_tune" in complete("stockops train-child --strategy ")


def test_a_terminal_shows_results_as_tables_and_training_with_a_bar(trained: Cli) -> None:
    screen = on_a_terminal("train-child", "--ticker", "AAPL", home=trained.home)
    assert "child AAPL" in screen
    assert "validation 0." in screen
    assert "tomorrow = today" in screen
    assert '"schema"' not in screen
    forecast = on_a_terminal("predict-child", "--ticker", "AAPL", home=trained.home)
    assert "2006-07-03" in forecast
    assert "95 % range" in forecast
    assert "│" in forecast
    assert "AAPL_child_model.pt" in on_a_terminal("outputs", home=trained.home)
    assert "tomorrow = today" in on_a_terminal("show", "metrics", "--ticker", "AAPL", home=trained.home)


def test_no_color_disables_colours_and_json_disables_tables(trained: Cli) -> None:
    colours = re.compile(r"\x1b\[[0-9;]*[34]\d(;\d+)*m")
    screen = on_a_terminal("show", "metrics", "--ticker", "AAPL", home=trained.home)
    assert colours.search(screen)
    assert not colours.search(on_a_terminal("show", "metrics", "--ticker", "AAPL", home=trained.home, NO_COLOR="1"))
    document = on_a_terminal("show", "metrics", "--ticker", "AAPL", "--json", home=trained.home)
    assert json.loads(document)["schema"] == 1


def test_json_files_contain_no_nan_or_infinity(trained: Cli) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    for path in trained.home.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)
