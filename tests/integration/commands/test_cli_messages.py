"""Wrong calls and settings get one plain line each; also interrupts, copies of the ledger and terminal output."""

import json
import re
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from tests.integration.cli import Cli, on_a_terminal, start

PREDICT = ("predict-child", "--ticker", "AAPL")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("predict-child", "AAPL"), "unexpected argument AAPL; use --ticker: stockops predict-child --ticker AAPL"),
        ((*PREDICT, "--as-of", "yesterday"), "--as-of: 'yesterday' is no day: write it as YYYY-MM-DD"),
        ((*PREDICT, "--as-of", "2024-13-45"), "--as-of: '2024-13-45' is no day: write it as YYYY-MM-DD"),
        ((*PREDICT, "--days", "64"), "--days: '64' is too large: 63 at most; see stockops predict-child --help"),
        (("train-child", "--ticker", "AAPL", "--jobs", "0"), "--jobs: '0' is too small: 1 at least"),
        (("backtest", "--ticker", "AAPL", "--baselines", "x"), "--baselines: 'x' is no choice: drift, har, garch,"),
        (("analyze", "--ticker", "AAPL", "--thread-id", "a b"), "--thread-id: 'a b' may hold letters, digits,"),
        (("show", "metrics"), "no ticker; give --ticker T\n"),
        (("analyze",), "no ticker; give --ticker T or --tickers-file FILE\n"),
        (("metrics", "--textfile", "nowhere/x.prom"), "cannot write nowhere/x.prom: there is no folder nowhere"),
        (("backtest", "--ticker", "AAPL", "--forecasts", "nowhere/x.csv"), "there is no folder nowhere"),
    ],
)
def test_a_wrong_call_prints_one_line_that_says_what_to_do(cli: Cli, call: tuple[str, ...], message: str) -> None:
    result = cli(*call)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert not re.search("isoformat|Value error|COMMAND|Input should|argument\\(s\\)", result.err)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("STOCKOPS_EPOCHS", "many", "'many' is no whole number"),
        ("STOCKOPS_HTTP_WAIT_SECONDS", "soon", "'soon' is no number"),
        ("STOCKOPS_HTTP_TIMEOUT_SECONDS", "0", "'0' is too small: it must be above 0"),
        ("STOCKOPS_SEED", "4294967296", "'4294967296' is too large: it must be below 4.29497e+09"),
        ("STOCKOPS_NO_CACHE", "perhaps", "'perhaps' is neither 1 nor 0"),
        ("STOCKOPS_SOURCE", "bloomberg", "'bloomberg' is no choice: yahoo, finnhub, csv or sample"),
    ],
)
def test_an_invalid_setting_is_reported_with_its_variable_and_file(
    cli: Cli, name: str, value: str, message: str
) -> None:
    cli.setenv(STOCKOPS_EPOCHS="", STOCKOPS_SOURCE="")
    (cli.home / ".env").write_text(f"{name}={value}\n")
    result = cli(*PREDICT)
    assert (result.code, result.err) == (2, f"stockops: {name}: {message}; correct it in {cli.home / '.env'}\n")
    cli.setenv(**{name: value})
    assert cli(*PREDICT).err == f"stockops: {name}: {message}; correct it, or unset it\n"


def test_a_misspelt_variable_is_a_warning_wherever_it_is_set(trained: Cli) -> None:
    trained.setenv(STOCKOPS_TIKER="sesame")
    (trained.home / ".env").write_text("STOCKOPS_DAY=sesame\n")
    result = trained(*PREDICT)
    assert result.code == 0
    assert "STOCKOPS_TIKER is not a setting; did you mean STOCKOPS_TICKER?" in result.err
    assert f"STOCKOPS_DAY (in {trained.home / '.env'}) is not a setting; did you mean STOCKOPS_DAYS?" in result.err
    assert "sesame" not in result.err


def test_tickers_may_be_separated_by_commas(trained: Cli) -> None:
    rows = trained("predict-child", "--ticker", "AAPL, NOPE", "--ticker", "^GSPC").rows
    assert [row["ticker"] for row in rows] == ["AAPL", "NOPE", "^GSPC"]


def test_an_error_common_to_three_steps_is_reported_once(trained: Cli) -> None:
    result = trained("monitor-ticker", "--ticker", "NOPE")
    assert result.code == 3
    [line] = result.err.splitlines()
    assert line.startswith(
        "stockops: error: NOPE: no drift, agent evaluation, performance: the sample data hold no NOPE"
    )


def test_a_copy_of_the_ledger_file_alone_is_a_backup(trained: Cli, tmp_path: Path) -> None:
    for day in ("2006-06-28", "2006-06-29", "2006-06-30"):
        trained(*PREDICT, "--as-of", day, "--on-missing", "fail")
    trained("predict-child", "--ticker", "AAPL", "--ticker", "^GSPC", "--jobs", "2", "--no-cache")
    outputs = trained.home / "outputs"
    assert not [path for path in outputs.glob("*.db-*") if path.stat().st_size]
    copy = shutil.copy(outputs / "ledger.db", tmp_path / "copy.db")
    database = sqlite3.connect(copy)
    tickers = {ticker for (ticker,) in database.execute("SELECT DISTINCT ticker FROM forecast")}
    database.close()
    assert tickers == {"AAPL", "^GSPC"}


@pytest.mark.parametrize("library", ["typer", "torch"])  # the first one imported, and one that a command imports
def test_ctrl_c_during_an_import_exits_130_with_one_line(trained: Cli, tmp_path: Path, library: str) -> None:
    sleep_code = "import pathlib, time\npathlib.Path({!r}).touch()\ntry:\n    time.sleep(60)\n"
    mask_interrupt_code = "except KeyboardInterrupt:\n    raise ImportError('half imported')\n"  # as C extensions do
    started, folder = tmp_path / "begun", tmp_path / "slow"
    folder.mkdir()
    (folder / f"{library}.py").write_text(sleep_code.format(str(started)) + mask_interrupt_code)
    process = start("train-child", "--ticker", "AAPL", home=trained.home, env={"PYTHONPATH": str(folder)})
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "stockops: interrupted; nothing was left half-written"
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("report", "text"),
    [
        ("metrics", "held out of the training, RMSE"),
        ("forecast", "forecast after 2006-06-30"),
        ("analysis", "Market Stance:"),
        ("drift", "levels move by nature"),
        ("eval", "claims stand in the facts"),
        ("performance", "too few forecasts have come of age"),
    ],
)
def test_show_on_a_terminal_prints_what_the_command_printed(cli_with_reports: Cli, report: str, text: str) -> None:
    output = on_a_terminal("show", report, "--ticker", "AAPL", home=cli_with_reports.home, NO_COLOR="1")
    assert text in output
    assert '"schema"' not in output


@pytest.fixture(scope="module")
def reports_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture
def cli_with_reports(trained: Cli, reports_home: Path) -> Cli:
    """A CLI in a home with every report of AAPL, created once."""
    if not (reports_home / "outputs").exists():
        for command in ("analyze", "monitor-ticker"):
            assert trained(command, "--ticker", "AAPL").code == 0
        shutil.copytree(trained.home, reports_home, dirs_exist_ok=True)
    shutil.copytree(reports_home, trained.home, dirs_exist_ok=True)
    return trained


def test_a_report_of_an_older_release_is_printed_as_stored(trained: Cli) -> None:
    (trained.home / "outputs/AAPL/AAPL_forecast.json").write_text(json.dumps({"schema": 1, "ticker": "AAPL"}))
    output = on_a_terminal("show", "forecast", "--ticker", "AAPL", home=trained.home)
    assert json.loads(re.sub(r"\x1b\[[\d;]*m", "", output)) == {"schema": 1, "ticker": "AAPL"}
