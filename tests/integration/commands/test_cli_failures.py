"""Every exit code, and what is printed on stdout and stderr with it."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from stockops.errors import DataError, ModelMissingError, ServiceError, StockopsError, TryAgainError, UsageError
from stockops.pipelines.prices import PriceHistory, Prices
from tests.builders import bars, to_csv
from tests.integration.cli import Cli, Result, run, start

ROWS = to_csv(bars(300)).splitlines()


@pytest.fixture
def csv_cli(cli: Cli) -> Cli:
    """A CLI with a folder of CSV files: 300 valid bars each of AAPL and ^GSPC."""
    folder = cli.home / "data"
    folder.mkdir()
    for symbol in ("AAPL", "^GSPC"):
        write(folder / f"{symbol}.csv", ROWS)
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(folder), STOCKOPS_AS_OF="")
    return cli


def write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n")


def assert_fails(result: Result, code: int, message: str) -> None:
    """Check the exit code, the error line on stderr and the same error as a document on stdout."""
    assert result.code == code
    *warnings, line = result.err.splitlines()
    assert all("history ends" in line or "warning" in line or "no parent model" in line for line in warnings)
    assert line.startswith("stockops: ")
    assert message in line
    error = result.document["error"]
    assert error["message"] in line
    assert error["hint"] in line
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train-child", "--ticker", "../x"), "'../x' is not a ticker symbol"),
        (("train-child", "--ticker", ""), "'' is not a ticker symbol"),
        (("predict-child",), "no ticker"),
        (("predict-child", "--ticker", "AAPL", "--ticker", "a/b"), "'a/b' is not a ticker symbol"),
        (("train-child", "--ticker", "AAPL", "--as-of", "yesterday"), "--as-of"),
        (("train-child", "--ticker", "AAPL", "--as-of", "2024-02-30"), "--as-of"),
        (("predict-child", "--ticker", "AAPL", "--days", "64"), "--days"),
        (("predict-child", "--ticker", "AAPL", "--days", "0"), "--days"),
        (("predict-child", "--ticker", "AAPL", "--days", "five"), "--days"),
        (("predict-child", "--ticker", "AAPL", "--source", "bloomberg"), "'bloomberg' is not one of"),
        (("predict-child", "--ticker", "AAPL", "--source", "csv"), "--source csv needs a folder"),
        (
            ("predict-child", "--ticker", "AAPL", "--source", "csv", "--data-dir", "/nowhere"),
            "/nowhere is not a folder",
        ),
        (("predict-child", "--ticker", "AAPL", "--source", "finnhub"), "set FINNHUB_API_KEY"),
        (("predict-child", "--tickers-file", "nowhere.txt"), "nowhere.txt is not there"),
        (("train-parent", "--device", "cuda"), "torch sees no CUDA device"),
        (("show", "gossip", "--ticker", "AAPL"), "'gossip' is not one of"),
        (("predict-everything",), "No such command 'predict-everything'"),
        (("--frobnicate",), "No such option"),
    ],
)
def test_a_usage_error_exits_2_and_writes_nothing(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    if "--device" in arguments:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("there is a GPU")
    assert_fails(cli(*arguments), 2, message)
    assert cli.files() == set()


def _edit(row: int, column: int, value: str) -> list[str]:
    cells = ROWS[row].split(",")
    cells[column] = value
    return [*ROWS[:row], ",".join(cells), *ROWS[row + 1 :]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (_edit(20, 4, "-3.5"), "AAPL: row 20 (2015-02-02) has Close at or below zero"),
        (_edit(20, 2, "0.5"), "AAPL: row 20 (2015-02-02) has High below Open or Close"),
        (_edit(20, 5, "-1"), "AAPL: row 20 (2015-02-02) has a negative Volume"),
        (_edit(20, 1, ""), "AAPL: row 20 (2015-02-02) has no number for Open"),
        (_edit(20, 0, "02.02.2015"), 'AAPL.csv line 21: "02.02.2015" is no date like those above'),
        (
            [",".join(line.split(",")[:5]) for line in ROWS],
            "AAPL.csv has no column Volume (it has Date, Open, High, Low, Close)",
        ),
        ([*ROWS[:21], ROWS[20], *ROWS[21:]], "AAPL: row 21 (2015-02-02) appears twice"),
        ([*ROWS[:20], ROWS[21], ROWS[20], *ROWS[22:]], "AAPL: row 21 (2015-02-02) is out of order"),
        ([*ROWS[:20], *ROWS[30:]], "AAPL: 10 sessions of XNYS are missing between 2015-01-30 and 2015-02-17"),
        (ROWS[:86], "AAPL: too few rows to forecast from: 85, and 86 are needed"),
        (ROWS[:1], "AAPL: no bars"),
    ],
)
def test_invalid_prices_exit_3_and_write_nothing(csv_cli: Cli, lines: list[str], message: str) -> None:
    write(csv_cli.home / "data" / "AAPL.csv", lines)
    before = csv_cli.files()
    assert_fails(csv_cli("train-child", "--ticker", "AAPL"), 3, message)
    assert csv_cli.files() == before


def test_an_unknown_symbol_or_a_missing_document_exits_3(cli: Cli) -> None:
    assert_fails(cli("predict-child", "--ticker", "TSLA"), 3, "the sample data hold no TSLA")
    assert_fails(cli("show", "metrics", "--ticker", "AAPL"), 3, "run: stockops train-child --ticker AAPL")
    assert_fails(cli("show", "drift", "--ticker", "AAPL"), 3, "no drift report of AAPL yet")


def test_a_short_gap_only_causes_a_warning(csv_cli: Cli) -> None:
    write(csv_cli.home / "data" / "AAPL.csv", [*ROWS[:50], *ROWS[52:]])
    result = csv_cli("train-child", "--ticker", "AAPL")
    assert result.code == 0
    assert "warning: AAPL: 2 session(s) missing" in result.err


@pytest.mark.parametrize("model", ["parent/^GSPC_parent_model.pt", "AAPL/AAPL_child_model.pt"])
@pytest.mark.parametrize("fraction", [0, 0.5])
def test_a_truncated_checkpoint_exits_4_and_the_suggested_command_repairs_it(
    trained: Cli, model: str, fraction: float
) -> None:
    path = trained.home / "outputs" / model
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * fraction)])
    before = trained.files()
    command = ("predict-child", "--ticker", "AAPL") if "child" in model else ("predict-parent",)
    repair = "stockops train-child --ticker AAPL" if "child" in model else "stockops train-parent"
    assert_fails(trained(*command), 4, f"outputs/{model} is damaged or not a stockops model; train it anew: {repair}")
    assert trained.files() == before
    assert trained(*repair.split()[1:]).code == 0
    assert trained(*command).code == 0


def test_a_damaged_metrics_document_exits_3(trained: Cli) -> None:
    (trained.home / "outputs/AAPL/AAPL_metrics.json").write_text('{"MSE": 0.')
    assert_fails(trained("show", "metrics", "--ticker", "AAPL"), 3, "outputs/AAPL/AAPL_metrics.json is damaged")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


def test_training_a_model_locked_by_another_process_exits_75(cli: Cli) -> None:
    cli.setenv(STOCKOPS_LOCK_TIMEOUT_SECONDS="0.1")
    with locked(cli.home / "outputs/parent/.lock"):
        assert_fails(cli("train-parent"), 75, "another process is training ^GSPC")
    assert cli("train-parent").code == 0


def test_a_bug_exits_1_with_one_line_and_its_traceback_in_a_log_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("split the atom")

    monkeypatch.setattr(PriceHistory, "daily", broken)
    assert_fails(cli("train-parent"), 1, "a bug: ZeroDivisionError: split the atom; the traceback is in ")
    [log] = [name for name in cli.files() if name.startswith("logs/")]
    assert "in broken" in (cli.home / log).read_text()
    assert "in broken" in cli("train-parent", "--verbose").err


@pytest.mark.parametrize("error", [UsageError, DataError, ModelMissingError, ServiceError, TryAgainError])
def test_every_error_type_has_its_exit_code_kind_and_hint(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: type[StockopsError]
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error("this is wrong", "do that")

    monkeypatch.setattr(PriceHistory, "daily", failing)
    result = cli("train-parent")
    assert_fails(result, error.exit_code, "this is wrong; do that")
    assert result.document["error"] == {"kind": error.kind, "message": "this is wrong", "hint": "do that"}


def test_a_bug_in_one_ticker_does_not_affect_the_others(trained: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    original = PriceHistory.daily

    def broken_for_ibm(history: PriceHistory, symbol: str) -> Prices:
        if symbol == "IBM":
            raise ZeroDivisionError
        return original(history, symbol)

    monkeypatch.setattr(PriceHistory, "daily", broken_for_ibm)
    result = trained("predict-child", "--ticker", "IBM", "--ticker", "AAPL")
    assert result.code == 1
    assert [row.get("status") for row in result.rows] == ["failed", None]


def test_ctrl_c_exits_130_and_leaves_no_partial_file(trained: Cli) -> None:
    before = {name: (trained.home / name).read_bytes() for name in trained.files()}
    lock = trained.home / "outputs/parent/.lock"
    lock.unlink(missing_ok=True)
    process = start("train-parent", "--epochs", "10000", home=trained.home)
    deadline = time.monotonic() + 60
    while not lock.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)  # until the epochs have begun
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "stockops: interrupted; nothing was left half-written"
    assert {name: (trained.home / name).read_bytes() for name in trained.files()} == before


def test_a_closed_stdout_is_not_an_error(trained: Cli) -> None:
    process = start("outputs", home=trained.home)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0


def test_quiet_prints_nothing_on_success_and_the_error_on_failure(trained: Cli) -> None:
    assert trained("predict-child", "--ticker", "AAPL", "--quiet").err == ""
    assert_fails(trained("predict-child", "--ticker", "..", "--quiet"), 2, "is not a ticker symbol")


def test_python_m_stockops_prints_the_version(tmp_path: Path) -> None:
    assert run("--version", home=tmp_path).out.startswith("stockops ")


def test_an_unwritable_home_exits_2(cli: Cli) -> None:
    file = cli.home / "file"
    file.touch()
    cli.setenv(STOCKOPS_HOME=str(file))
    assert_fails(cli("train-parent"), 2, "choose a home that can be written with STOCKOPS_HOME")


def test_a_failed_command_leaves_no_folder_behind(cli: Cli) -> None:
    cli.setenv(STOCKOPS_AS_OF="2004-10-01")  # 31 sessions: too few for any model
    assert_fails(cli("train-parent"), 3, "^GSPC: too few rows to train on")
    assert_fails(cli("train-child", "--ticker", "AAPL"), 3, "AAPL: too few rows to forecast from")
    assert list(cli.home.iterdir()) == []


def test_a_failed_ticker_has_the_same_document_alone_and_in_a_batch(cli: Cli) -> None:
    alone = cli("predict-child", "--ticker", "NOPE")
    batch = cli("predict-child", "--ticker", "NOPE", "--ticker", "NADA")
    assert alone.code == batch.code == 3
    assert alone.document == batch.rows[0]
    assert set(alone.document) == {"schema", "ticker", "status", "error"}
    assert (alone.document["ticker"], alone.document["status"]) == ("NOPE", "failed")
    assert set(cli("predict-child", "--ticker", "../x").document) == {"schema", "error"}
