"""`backtest`: its figures and its files, and that no forecast uses data from after its origin."""

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.builders import bars, to_csv
from tests.integration.cli import Cli, on_a_terminal, prepare

ROWS = 520
START_ROW, END_ROW = 320, 460
TABLES = {symbol: bars(ROWS, seed=seed) for seed, symbol in enumerate(("AAPL", "^GSPC"))}
DAYS = [stamp.date().isoformat() for stamp in pd.DatetimeIndex(TABLES["AAPL"].index)]
START, END = DAYS[START_ROW], DAYS[END_ROW]
COLUMNS = (
    "origin,horizon,target,open,high,low,close,volume,close_80_low,close_80_high,close_95_low,close_95_high,"
    "high_80_low,high_80_high,high_95_low,high_95_high,low_80_low,low_80_high,low_95_low,low_95_high"
)


def write_prices(folder: Path, tables: dict[str, pd.DataFrame] | None = None) -> None:
    folder.mkdir(exist_ok=True)
    for symbol, table in (tables or TABLES).items():
        (folder / f"{symbol}.csv").write_text(to_csv(table))


@pytest.fixture
def market(cli: Cli) -> Cli:
    """A CLI on two random walks."""
    write_prices(cli.home / "data")
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(cli.home / "data"), STOCKOPS_AS_OF="")
    return cli


@pytest.fixture(scope="module")
def blob_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models trained by the backtests of this file; each test starts with those of earlier tests."""
    return tmp_path_factory.mktemp("blob_cache")


@pytest.fixture
def warm(market: Cli, blob_cache: Path) -> Iterator[Cli]:
    """The same, with the models of earlier tests in its cache."""
    shutil.copytree(blob_cache, market.home / "cache" / "backtest", dirs_exist_ok=True)
    yield market
    shutil.copytree(market.home / "cache" / "backtest", blob_cache, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def parent_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose parent was trained on every session; copy it, never write to it."""
    home = tmp_path_factory.mktemp("parent")
    write_prices(home / "data")
    source = {"STOCKOPS_SOURCE": "csv", "STOCKOPS_DATA_DIR": str(home / "data"), "STOCKOPS_AS_OF": ""}
    prepare(home, ("train-parent",), **source)
    return home


@pytest.fixture
def _with_parent(market: Cli, parent_home: Path) -> None:
    shutil.copytree(parent_home / "outputs", market.home / "outputs")


def read_forecasts(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_figures_match_the_written_forecasts(warm: Cli) -> None:
    file = warm.home / "forecasts.csv"
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file))
    assert result.code == 0, result.err
    document, rows = result.document, read_forecasts(file)
    assert file.read_text().splitlines()[0] == COLUMNS
    assert (document["start"], document["end"], document["origins"]) == (START, END, END_ROW - START_ROW + 1)
    assert len(rows) == 5 * document["origins"]
    closes = dict(zip(DAYS, TABLES["AAPL"]["Close"].astype("float32").astype(float), strict=True))
    for horizon in (1, 5):
        scored = [row for row in rows if row["horizon"] == str(horizon) and row["target"] <= END]
        assert [DAYS.index(row["target"]) - DAYS.index(row["origin"]) for row in scored] == [horizon] * len(scored)
        origin = np.array([closes[row["origin"]] for row in scored])
        actual = np.array([closes[row["target"]] for row in scored])
        forecast = np.array([float(row["close"]) for row in scored])
        errors, naive_errors = (100 * np.abs(values - actual) / origin for values in (forecast, origin))
        figures = document["channels"]["Close"]["horizons"][str(horizon)]
        assert figures["forecasts"] == len(scored)
        assert figures["mae"] == pytest.approx(errors.mean(), rel=1e-5)
        assert figures["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
        assert figures["skill"] == pytest.approx(1 - errors.mean() / naive_errors.mean(), abs=1e-5)
        for level in ("80", "95"):
            low, high = (np.array([float(row[f"close_{level}_{end}"]) for row in scored]) for end in ("low", "high"))
            found = document["ranges"][level]["horizons"][str(horizon)]
            assert found["coverage"] == pytest.approx(((low <= actual) & (actual <= high)).mean())
            width = 100 * (high - low) / origin
            outside = 100 * (np.maximum(low - actual, 0) + np.maximum(actual - high, 0)) / origin
            assert found["winkler"] == pytest.approx((width + 2 / (1 - int(level) / 100) * outside).mean(), rel=1e-4)


def test_high_and_low_ranges_and_losses_are_scored_against_actual_values(warm: Cli) -> None:
    file = warm.home / "forecasts.csv"
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file))
    table = TABLES["AAPL"].astype("float32").astype(float)
    scored = [row for row in read_forecasts(file) if row["horizon"] == "1" and row["target"] <= END]
    for name in ("High", "Low"):
        values = dict(zip(DAYS, table[name], strict=True))
        for level in ("80", "95"):
            bounds = [[float(row[f"{name.lower()}_{level}_{end}"]) for end in ("low", "high")] for row in scored]
            actual = [values[row["target"]] for row in scored]
            inside = [low <= value <= high for (low, high), value in zip(bounds, actual, strict=True)]
            found = result.document["extremes"][name][level]["horizons"]["1"]
            assert found["coverage"] == pytest.approx(np.mean(inside))
    risk = result.document["risk"]["1"]
    assert risk["forecasts"] == len(scored)
    assert 0 <= risk["var_99"]["exceedances"] <= risk["var_95"]["exceedances"] < 0.2 * len(scored)
    assert 0 <= risk["var_95"]["kupiec_p"] <= 1


def test_every_forecast_is_a_valid_bar_inside_nested_ranges(warm: Cli) -> None:
    file = warm.home / "forecasts.csv"
    assert warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file)).code == 0
    for row in read_forecasts(file):
        bar = {name: float(row[name]) for name in COLUMNS.split(",")[3:]}
        assert 0 < bar["low"] <= min(bar["open"], bar["close"]) <= max(bar["open"], bar["close"]) <= bar["high"]
        for name in ("close", "high", "low"):
            inner, outer = ([bar[f"{name}_{level}_{end}"] for end in ("low", "high")] for level in (80, 95))
            assert outer[0] <= inner[0] <= bar[name] <= inner[1] <= outer[1]
        assert bar["volume"] >= 0


@pytest.mark.parametrize("after", ["the start", "an origin", "the end"])
def test_no_forecast_uses_data_from_after_its_origin(warm: Cli, after: str) -> None:
    """Rows after a cut are distorted; forecasts with an origin up to the cut keep every byte."""
    cut = {"the start": START_ROW, "an origin": 390, "the end": END_ROW}[after]
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "none", "--forecasts")
    assert warm(*call, str(warm.home / "plain.csv")).code == 0
    distorted_tables = {symbol: table.copy() for symbol, table in TABLES.items()}
    for table in distorted_tables.values():
        table.iloc[cut + 1 :] *= np.linspace(0.3, 4.0, ROWS - cut - 1)[:, None]
    write_prices(warm.home / "data", distorted_tables)
    assert warm(*call, str(warm.home / "distorted.csv")).code == 0
    plain, distorted = ((warm.home / f"{name}.csv").read_text().splitlines() for name in ("plain", "distorted"))
    unchanged = 1 + 5 * (cut - START_ROW + 1)
    assert plain[:unchanged] == distorted[:unchanged]
    assert (plain == distorted) is (after == "the end")


def test_a_dividend_after_the_end_changes_no_byte(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "none", "--forecasts")
    found = []
    for ratio in (1.0, 0.93):  # of adjusted to traded close before the dividend
        factor = np.where(np.arange(ROWS) < END_ROW + 10, ratio, 1.0)
        adjusted = {symbol: table.assign(**{"Adj Close": table["Close"] * factor}) for symbol, table in TABLES.items()}
        write_prices(warm.home / "data", adjusted)
        assert warm(*call, str(warm.home / f"{ratio}.csv")).code == 0
        found.append((warm.home / f"{ratio}.csv").read_bytes())
    assert found[0] == found[1]


def test_models_are_trained_only_on_sessions_before_the_start(warm: Cli) -> None:
    """A model trained without any later row makes the same forecast at the start as the backtest does."""
    file = warm.home / "forecasts.csv"
    assert warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file)).code == 0
    assert warm("train-child", "--ticker", "AAPL", "--as-of", DAYS[START_ROW - 1]).code == 0
    expected = warm("predict-child", "--ticker", "AAPL", "--as-of", START).document
    assert expected["trained_to"] == DAYS[START_ROW - 1]
    for row, bar in zip(read_forecasts(file)[:5], expected["predictions"]["week"], strict=True):
        assert row["target"] == bar["date"]
        assert float(row["close"]) == pytest.approx(bar["close"], rel=1e-6)
        assert float(row["volume"]) == pytest.approx(bar["volume"], rel=1e-5)
        assert [float(row["close_80_low"]), float(row["close_80_high"])] == pytest.approx(bar["close_80"], rel=1e-5)
        assert [float(row["close_95_low"]), float(row["close_95_high"])] == pytest.approx(bar["close_95"], rel=1e-5)


def test_a_repeated_backtest_gives_the_same_document_and_trains_nothing(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END)
    first, second = warm(*call), warm(*call)
    documents = [result.document for result in (first, second)]
    for document in documents:
        del document["duration_seconds"]
    assert documents[0] == documents[1]
    assert "training" not in second.err
    reseeded = warm(*call, "--seed", "8")
    assert reseeded.err.count("training") == 2
    assert reseeded.document["channels"] != first.document["channels"]


def test_a_damaged_cached_model_is_retrained_with_a_warning(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END)
    first = warm(*call).document
    for file in (warm.home / "cache" / "backtest").iterdir():
        file.write_bytes(file.read_bytes()[:1000])
    again = warm(*call)
    assert again.code == 0
    assert again.err.count("is trained anew") == 2
    assert again.document["channels"] == first["channels"]


def test_a_yearly_refit_trains_one_model_a_year_on_all_earlier_sessions(warm: Cli) -> None:
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--refit", "yearly", "--baselines", "none")
    years = sorted({day[:4] for day in DAYS[START_ROW:]})
    assert len(years) == 2
    assert result.document["trainings"] == len(years)
    last_of_first_year = max(day for day in DAYS if day[:4] == years[0])
    assert f"sessions to {last_of_first_year}" in result.err
    assert list(result.document["coverage_by_year"]) == years


def test_baselines_and_ablations_are_reported_beside_the_model(warm: Cli) -> None:
    document = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "all").document
    close_peers = {"drift", "parent", "scratch", "fine_tune", "AutoARIMA", "AutoETS", "AutoTheta"}
    assert set(document["peers"]) == {*close_peers, "har", "garch"}
    assert {name: set(document["peers"][name]) for name in ("drift", "har", "garch")} == {
        "drift": {"Close"}, "har": {"High", "Low", "Volume"}, "garch": set(),
    }  # fmt: skip
    close = document["channels"]["Close"]["horizons"]["1"]
    for name in close_peers:
        found = document["peers"][name]["Close"]["1"]
        assert found["forecasts"] == close["forecasts"]
        assert found["skill"] == pytest.approx(0.0, abs=0.1), name  # a random walk cannot be forecast
        assert found["model_skill"] == pytest.approx(1 - close["mae"] / found["mae"])
    maes = {name: channels["High"]["1"]["mae"] for name, channels in document["peers"].items() if "High" in channels}
    assert len(set(maes.values())) == len(maes)  # no two forecasts are the same
    ranges = document["ranges"]["80"]["horizons"]["1"]
    assert set(ranges["peers"]) == {"parent", "scratch", "fine_tune", "har", "garch"}
    winkler_scores = ranges["naive_winkler"] | {name: found["winkler"] for name, found in ranges["peers"].items()}
    assert winkler_scores[ranges["best_range"]] == min(winkler_scores.values())
    for name, score in winkler_scores.items():
        assert ranges["winkler_ratio"][name] == pytest.approx(ranges["winkler"] / score)
    for name in ("har", "garch"):  # on a random walk
        assert ranges["peers"][name]["coverage"] == pytest.approx(0.8, abs=0.1)


def test_a_backtest_of_the_index_tests_the_parent(warm: Cli) -> None:
    result = warm("backtest", "--ticker", "^GSPC", "--start", START, "--end", END)
    assert result.document["strategy"] is None
    assert set(result.document["peers"]) == {"drift", "har"}
    assert result.document["artifacts"][0] == "outputs/parent/backtest/latest_backtest.json"


def test_the_report_and_the_plot_are_saved_and_shown(warm: Cli) -> None:
    warm.setenv(STOCKOPS_PLOTS="on")
    document = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END).document
    shown = warm("show", "backtest", "--ticker", "AAPL").document
    call_fields = {"artifacts", "duration_seconds", "degraded"}
    assert shown == {name: value for name, value in document.items() if name not in call_fields}
    plot, report = (warm.home / path for path in document["artifacts"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert json.loads(report.read_text()) == shown
    assert [row["path"] for row in warm("outputs", "--ticker", "AAPL").document["outputs"]["AAPL"]["backtest"]] == [
        document["artifacts"][1], document["artifacts"][0],
    ]  # fmt: skip


def test_the_summary_fits_on_one_screen(warm: Cli) -> None:
    early_end = DAYS[START_ROW + 70]
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", early_end, "--baselines", "all")
    text = on_a_terminal(*call, home=warm.home, COLUMNS="80", TERM="dumb", NO_COLOR="1")
    lines = text.splitlines()
    shown = lines[next(n for n, line in enumerate(lines) if "forecasts of unseen sessions" in line) :]
    assert len(shown) <= 24
    assert all(len(line) <= 80 for line in shown)
    assert shown[1].startswith("Close ")
    for label in ("High", "Volume", "direction of Close", "in the 80 % range", "Winkler / best", "AutoTheta"):
        assert any(label in line for line in shown), label


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--start", END, "--end", START), 2, f"--start {END} is after --end {START}"),
        (("--start", DAYS[80]), 3, f"too few sessions before {DAYS[80]} to forecast from: 55, and 61 are needed"),
        (("--start", DAYS[-20]), 3, "too few sessions to test on: 20"),
        (("--start", "2090-01-01"), 3, "too few sessions to test on: 0"),
        (("--start", "last year"), 2, "start"),
        (("--refit", "daily"), 2, "'never', 'yearly'"),
        (("--baselines", "AutoARMA"), 2, "baselines"),
    ],
)
def test_an_invalid_span_or_option_is_rejected_and_writes_no_report(
    market: Cli, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = market("backtest", "--ticker", "AAPL", *arguments)
    assert result.code == code
    assert message in result.err.splitlines()[-1]
    assert not (market.home / "outputs").exists() or not list((market.home / "outputs").rglob("*backtest*"))


def test_the_forecasts_of_two_tickers_cannot_go_to_one_file(market: Cli) -> None:
    result = market("backtest", "--ticker", "AAPL", "--ticker", "^GSPC", "--forecasts", "x.csv")
    assert result.code == 2
    assert "--forecasts FILE holds the forecasts of one ticker; give one --ticker" in result.err


def test_an_unwritable_forecasts_file_leaves_the_previous_report_unchanged(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "none")
    before = (warm.home / warm(*call).document["artifacts"][0]).read_bytes()
    result = warm(*call, "--seed", "8", "--forecasts", str(warm.home))
    assert result.code == 2
    assert result.err.splitlines()[-1].endswith("choose another file")
    assert (warm.home / "outputs/AAPL/backtest/latest_backtest.json").read_bytes() == before


@pytest.mark.parametrize(("library", "baseline"), [("statsforecast", "AutoETS"), ("arch", "garch")])
def test_a_missing_baseline_library_is_reported_with_its_install_command(
    warm: Cli, monkeypatch: pytest.MonkeyPatch, library: str, baseline: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", baseline)
    assert result.code == 2
    assert "pip install '.[baselines]'" in result.err


def test_fail_on_sets_the_exit_code_and_the_error_says_why(warm: Cli) -> None:
    command = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--quiet")
    tied = warm(*command, "--fail-on", "tied")  # prices are a random walk
    assert (tied.code, tied.document["ticker"]) == (6, "AAPL")
    assert tied.err.startswith("stockops: error: AAPL: Close is nowhere better than its best naive forecast: ties")
    assert warm(*command, "--fail-on", "worse").code == 0
    warm.setenv(STOCKOPS_FAIL_ON="critical")  # a setting of monitoring
    assert warm(*command).code == 0


@pytest.mark.usefixtures("_with_parent")
def test_training_and_analysis_quote_the_last_backtest(warm: Cli) -> None:
    assert warm("train-child", "--ticker", "AAPL").document["backtest"] is None
    tested = warm("backtest", "--ticker", "AAPL", "--start", START).document
    trained = warm("train-child", "--ticker", "AAPL").document
    assert trained["backtest"] == tested["summary"]
    assert warm("show", "metrics", "--ticker", "AAPL").document["backtest"] == tested["summary"]
    report = warm("analyze", "--ticker", "AAPL").document["report"]
    assert f"Tested on {tested['origins']:,} forecasts from {tested['start']} to {tested['end']}" in report


def test_a_look_back_quotes_no_backtest_that_used_later_sessions(warm: Cli) -> None:
    assert warm("backtest", "--ticker", "AAPL", "--start", START).code == 0
    as_of = DAYS[-30]
    assert warm("train-child", "--ticker", "AAPL", "--as-of", as_of).document["backtest"] is None
    assert "Tested on" not in warm("analyze", "--ticker", "AAPL", "--as-of", as_of).document["report"]
    assert warm("backtest", "--ticker", "AAPL", "--start", START, "--as-of", as_of).document["end"] == as_of
    assert warm("train-child", "--ticker", "AAPL", "--as-of", as_of).document["backtest"]["end"] == as_of


@pytest.mark.usefixtures("_with_parent")
def test_a_model_that_lost_its_backtest_is_registered_with_a_warning(warm: Cli) -> None:
    warm.setenv(STOCKOPS_TRACKING="on")
    report = warm.home / warm("backtest", "--ticker", "AAPL", "--start", START).document["artifacts"][0]
    document = json.loads(report.read_text())
    for skill, warned in ((-0.02, True), (0.01, False)):
        document["summary"]["close_skill"] = skill
        report.write_text(json.dumps(document))
        result = warm("train-child", "--ticker", "AAPL")
        assert result.code == 0
        assert result.document["run_id"]
        warning = "stockops-child-AAPL goes into production although persistence was better in the backtest of"
        assert (f"{warning} {START} to {DAYS[-1]}: skill -2.00%" in result.err) is warned
