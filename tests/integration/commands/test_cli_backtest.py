"""`backtest`: what it measures, what it leaves, and that no forecast in it knows what came."""

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


def fill(folder: Path, tables: dict[str, pd.DataFrame] | None = None) -> None:
    folder.mkdir(exist_ok=True)
    for symbol, table in (tables or TABLES).items():
        (folder / f"{symbol}.csv").write_text(to_csv(table))


@pytest.fixture
def market(cli: Cli) -> Cli:
    """A CLI on two random walks."""
    fill(cli.home / "data")
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(cli.home / "data"), STOCKOPS_AS_OF="")
    return cli


@pytest.fixture(scope="module")
def blob_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the backtests of this file trained; each test begins with it."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def warm(market: Cli, blob_cache: Path) -> Iterator[Cli]:
    """The same, with what was trained before at hand."""
    shutil.copytree(blob_cache, market.home / "cache" / "backtest", dirs_exist_ok=True)
    yield market
    shutil.copytree(market.home / "cache" / "backtest", blob_cache, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def parent_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a parent that knows every session; copy it, never write to it."""
    home = tmp_path_factory.mktemp("parent")
    fill(home / "data")
    source = {"STOCKOPS_SOURCE": "csv", "STOCKOPS_DATA_DIR": str(home / "data"), "STOCKOPS_AS_OF": ""}
    prepare(home, ("train-parent",), **source)
    return home


@pytest.fixture
def _with_parent(market: Cli, parent_home: Path) -> None:
    shutil.copytree(parent_home / "outputs", market.home / "outputs")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_figures_are_those_of_the_forecasts_it_writes(warm: Cli) -> None:
    file = warm.home / "forecasts.csv"
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file))
    assert result.code == 0, result.err
    document, rows = result.document, read(file)
    assert file.read_text().splitlines()[0] == COLUMNS
    assert (document["start"], document["end"], document["origins"]) == (START, END, END_ROW - START_ROW + 1)
    assert len(rows) == 5 * document["origins"]
    closes = dict(zip(DAYS, TABLES["AAPL"]["Close"].astype("float32").astype(float), strict=True))
    for days in (1, 5):
        known = [row for row in rows if row["horizon"] == str(days) and row["target"] <= END]
        assert [DAYS.index(row["target"]) - DAYS.index(row["origin"]) for row in known] == [days] * len(known)
        origin = np.array([closes[row["origin"]] for row in known])
        came = np.array([closes[row["target"]] for row in known])
        said = np.array([float(row["close"]) for row in known])
        error, naive = (100 * np.abs(values - came) / origin for values in (said, origin))
        figures = document["channels"]["Close"]["horizons"][str(days)]
        assert figures["forecasts"] == len(known)
        assert figures["mae"] == pytest.approx(error.mean(), rel=1e-5)
        assert figures["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
        assert figures["skill"] == pytest.approx(1 - error.mean() / naive.mean(), abs=1e-5)
        for level in ("80", "95"):
            low, high = (np.array([float(row[f"close_{level}_{end}"]) for row in known]) for end in ("low", "high"))
            found = document["ranges"][level]["horizons"][str(days)]
            assert found["coverage"] == pytest.approx(((low <= came) & (came <= high)).mean())
            width = 100 * (high - low) / origin
            outside = 100 * (np.maximum(low - came, 0) + np.maximum(came - high, 0)) / origin
            assert found["winkler"] == pytest.approx((width + 2 / (1 - int(level) / 100) * outside).mean(), rel=1e-4)


def test_ranges_on_high_and_low_and_losses_are_judged_by_what_came(warm: Cli) -> None:
    file = warm.home / "forecasts.csv"
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file))
    table = TABLES["AAPL"].astype("float32").astype(float)
    known = [row for row in read(file) if row["horizon"] == "1" and row["target"] <= END]
    for name in ("High", "Low"):
        values = dict(zip(DAYS, table[name], strict=True))
        for level in ("80", "95"):
            bounds = [[float(row[f"{name.lower()}_{level}_{end}"]) for end in ("low", "high")] for row in known]
            came = [values[row["target"]] for row in known]
            inside = [low <= value <= high for (low, high), value in zip(bounds, came, strict=True)]
            found = result.document["extremes"][name][level]["horizons"]["1"]
            assert found["coverage"] == pytest.approx(np.mean(inside))
    risk = result.document["risk"]["1"]
    assert risk["forecasts"] == len(known)
    assert 0 <= risk["var_99"]["exceedances"] <= risk["var_95"]["exceedances"] < 0.2 * len(known)
    assert 0 <= risk["var_95"]["kupiec_p"] <= 1


def test_every_forecast_is_a_bar_in_ranges_that_widen(warm: Cli) -> None:
    file = warm.home / "forecasts.csv"
    assert warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file)).code == 0
    for row in read(file):
        v = {name: float(row[name]) for name in COLUMNS.split(",")[3:]}
        assert 0 < v["low"] <= min(v["open"], v["close"]) <= max(v["open"], v["close"]) <= v["high"]
        for name in ("close", "high", "low"):
            inner, outer = ([v[f"{name}_{level}_{end}"] for end in ("low", "high")] for level in (80, 95))
            assert outer[0] <= inner[0] <= v[name] <= inner[1] <= outer[1]
        assert v["volume"] >= 0


@pytest.mark.parametrize("after", ["the start", "an origin", "the end"])
def test_no_forecast_knows_what_comes_after_its_origin(warm: Cli, after: str) -> None:
    """Rows after a day are made nonsense of; forecasts from that day and before keep every byte."""
    cut = {"the start": START_ROW, "an origin": 390, "the end": END_ROW}[after]
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "none", "--forecasts")
    assert warm(*call, str(warm.home / "plain.csv")).code == 0
    wild = {symbol: table.copy() for symbol, table in TABLES.items()}
    for table in wild.values():
        table.iloc[cut + 1 :] *= np.linspace(0.3, 4.0, ROWS - cut - 1)[:, None]
    fill(warm.home / "data", wild)
    assert warm(*call, str(warm.home / "wild.csv")).code == 0
    plain, other = ((warm.home / f"{name}.csv").read_text().splitlines() for name in ("plain", "wild"))
    same = 1 + 5 * (cut - START_ROW + 1)
    assert plain[:same] == other[:same]
    assert (plain == other) is (after == "the end")


def test_a_dividend_after_the_end_changes_no_byte(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "none", "--forecasts")
    found = []
    for share in (1.0, 0.93):  # what an adjusted close before the dividend is of the traded one
        factor = np.where(np.arange(ROWS) < END_ROW + 10, share, 1.0)
        adjusted = {symbol: table.assign(**{"Adj Close": table["Close"] * factor}) for symbol, table in TABLES.items()}
        fill(warm.home / "data", adjusted)
        assert warm(*call, str(warm.home / f"{share}.csv")).code == 0
        found.append((warm.home / f"{share}.csv").read_bytes())
    assert found[0] == found[1]


def test_its_models_are_trained_on_sessions_before_the_start_alone(warm: Cli) -> None:
    """Without any later row at all, a model trained then and told of the start says the same as the first forecast."""
    file = warm.home / "forecasts.csv"
    assert warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--forecasts", str(file)).code == 0
    assert warm("train-child", "--ticker", "AAPL", "--as-of", DAYS[START_ROW - 1]).code == 0
    said = warm("predict-child", "--ticker", "AAPL", "--as-of", START).document
    assert said["trained_to"] == DAYS[START_ROW - 1]
    for row, bar in zip(read(file)[:5], said["predictions"]["week"], strict=True):
        assert row["target"] == bar["date"]
        assert float(row["close"]) == pytest.approx(bar["close"], rel=1e-6)
        assert float(row["volume"]) == pytest.approx(bar["volume"], rel=1e-5)
        assert [float(row["close_80_low"]), float(row["close_80_high"])] == pytest.approx(bar["close_80"], rel=1e-5)
        assert [float(row["close_95_low"]), float(row["close_95_high"])] == pytest.approx(bar["close_95"], rel=1e-5)


def test_the_same_call_gives_the_same_bytes_and_trains_nothing_twice(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END)
    first, second = warm(*call), warm(*call)
    documents = [found.document for found in (first, second)]
    for document in documents:
        del document["duration_seconds"]
    assert documents[0] == documents[1]
    assert "training" not in second.err
    other = warm(*call, "--seed", "8")
    assert other.err.count("training") == 2
    assert other.document["channels"] != first.document["channels"]


def test_a_damaged_model_on_the_shelf_is_trained_anew_and_said(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END)
    first = warm(*call).document
    for file in (warm.home / "cache" / "backtest").iterdir():
        file.write_bytes(file.read_bytes()[:1000])
    again = warm(*call)
    assert again.code == 0
    assert again.err.count("is trained anew") == 2
    assert again.document["channels"] == first["channels"]


def test_refitted_yearly_each_year_has_a_model_that_knows_the_year_before(warm: Cli) -> None:
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--refit", "yearly", "--baselines", "none")
    years = sorted({day[:4] for day in DAYS[START_ROW:]})
    assert len(years) == 2
    assert result.document["trainings"] == len(years)
    last_of_first_year = max(day for day in DAYS if day[:4] == years[0])
    assert f"sessions to {last_of_first_year}" in result.err
    assert list(result.document["coverage_by_year"]) == years


def test_peers_and_the_ablation_stand_beside_it(warm: Cli) -> None:
    document = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "all").document
    of_closes = {"drift", "parent", "scratch", "fine_tune", "AutoARIMA", "AutoETS", "AutoTheta"}
    assert set(document["peers"]) == {*of_closes, "har", "garch"}
    assert {name: set(document["peers"][name]) for name in ("drift", "har", "garch")} == {
        "drift": {"Close"}, "har": {"High", "Low", "Volume"}, "garch": set(),
    }  # fmt: skip
    close = document["channels"]["Close"]["horizons"]["1"]
    for name in of_closes:
        found = document["peers"][name]["Close"]["1"]
        assert found["forecasts"] == close["forecasts"]
        assert found["skill"] == pytest.approx(0.0, abs=0.1), name  # nobody forecasts a random walk
        assert found["model_skill"] == pytest.approx(1 - close["mae"] / found["mae"])
    maes = {name: channels["High"]["1"]["mae"] for name, channels in document["peers"].items() if "High" in channels}
    assert len(set(maes.values())) == len(maes)  # each is another forecast
    ranges = document["ranges"]["80"]["horizons"]["1"]
    assert set(ranges["peers"]) == {"parent", "scratch", "fine_tune", "har", "garch"}
    others = ranges["naive_winkler"] | {name: found["winkler"] for name, found in ranges["peers"].items()}
    assert others[ranges["best_range"]] == min(others.values())
    for name, score in others.items():
        assert ranges["winkler_ratio"][name] == pytest.approx(ranges["winkler"] / score)
    for name in ("har", "garch"):  # of a random walk
        assert ranges["peers"][name]["coverage"] == pytest.approx(0.8, abs=0.1)


def test_the_parent_is_tested_on_the_market(warm: Cli) -> None:
    result = warm("backtest", "--ticker", "^GSPC", "--start", START, "--end", END)
    assert result.document["strategy"] is None
    assert set(result.document["peers"]) == {"drift", "har"}
    assert result.document["artifacts"][0] == "outputs/parent/backtest/latest_backtest.json"


def test_it_leaves_a_report_and_a_picture_that_can_be_looked_at(warm: Cli) -> None:
    warm.setenv(STOCKOPS_PLOTS="on")
    document = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END).document
    shown = warm("show", "backtest", "--ticker", "AAPL").document
    only_of_the_call = {"artifacts", "duration_seconds", "degraded"}
    assert shown == {name: value for name, value in document.items() if name not in only_of_the_call}
    picture, report = (warm.home / path for path in document["artifacts"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads(report.read_text()) == shown
    assert [row["path"] for row in warm("outputs", "--ticker", "AAPL").document["outputs"]["AAPL"]["backtest"]] == [
        document["artifacts"][1], document["artifacts"][0],
    ]  # fmt: skip


def test_one_screen_answers_what_it_is_worth(warm: Cli) -> None:
    soon = DAYS[START_ROW + 70]
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", soon, "--baselines", "all")
    text = on_a_terminal(*call, home=warm.home, COLUMNS="80", TERM="dumb", NO_COLOR="1")
    lines = text.splitlines()
    shown = lines[next(n for n, line in enumerate(lines) if "forecasts of unseen sessions" in line) :]
    assert len(shown) <= 24
    assert all(len(line) <= 80 for line in shown)
    assert shown[1].startswith("Close ")
    for word in ("High", "Volume", "direction of Close", "in the 80 % range", "Winkler / best", "AutoTheta"):
        assert any(word in line for line in shown), word


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
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
def test_a_span_or_a_word_that_makes_no_sense_is_one_line(
    market: Cli, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = market("backtest", "--ticker", "AAPL", *arguments)
    assert result.code == code
    assert words in result.err.splitlines()[-1]
    assert not (market.home / "outputs").exists() or not list((market.home / "outputs").rglob("*backtest*"))


def test_the_forecasts_of_two_tickers_do_not_fit_in_one_file(market: Cli) -> None:
    result = market("backtest", "--ticker", "AAPL", "--ticker", "^GSPC", "--forecasts", "x.csv")
    assert result.code == 2
    assert "--forecasts FILE holds the forecasts of one ticker; give one --ticker" in result.err


def test_a_file_that_cannot_be_written_is_named_and_the_report_of_before_stays(warm: Cli) -> None:
    call = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", "none")
    before = (warm.home / warm(*call).document["artifacts"][0]).read_bytes()
    result = warm(*call, "--seed", "8", "--forecasts", str(warm.home))
    assert result.code == 2
    assert result.err.splitlines()[-1].endswith("choose another file")
    assert (warm.home / "outputs/AAPL/backtest/latest_backtest.json").read_bytes() == before


@pytest.mark.parametrize(("library", "baseline"), [("statsforecast", "AutoETS"), ("arch", "garch")])
def test_without_a_baselines_library_the_way_out_is_said(
    warm: Cli, monkeypatch: pytest.MonkeyPatch, library: str, baseline: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    result = warm("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--baselines", baseline)
    assert result.code == 2
    assert "pip install '.[baselines]'" in result.err


def test_a_build_fails_for_what_it_was_told_to_and_says_why(warm: Cli) -> None:
    command = ("backtest", "--ticker", "AAPL", "--start", START, "--end", END, "--quiet")
    tied = warm(*command, "--fail-on", "tied")  # a random walk
    assert (tied.code, tied.document["ticker"]) == (6, "AAPL")
    assert tied.err.startswith("stockops: error: AAPL: Close is nowhere better than its best naive forecast: ties")
    assert warm(*command, "--fail-on", "worse").code == 0
    warm.setenv(STOCKOPS_FAIL_ON="critical")  # of monitoring
    assert warm(*command).code == 0


@pytest.mark.usefixtures("_with_parent")
def test_training_states_what_the_last_backtest_found(warm: Cli) -> None:
    assert warm("train-child", "--ticker", "AAPL").document["backtest"] is None
    tested = warm("backtest", "--ticker", "AAPL", "--start", START).document
    trained = warm("train-child", "--ticker", "AAPL").document
    assert trained["backtest"] == tested["summary"]
    assert warm("show", "metrics", "--ticker", "AAPL").document["backtest"] == tested["summary"]
    report = warm("analyze", "--ticker", "AAPL").document["report"]
    assert f"Tested on {tested['origins']:,} forecasts from {tested['start']} to {tested['end']}" in report


def test_a_look_back_is_told_nothing_of_a_backtest_that_knows_what_came(warm: Cli) -> None:
    assert warm("backtest", "--ticker", "AAPL", "--start", START).code == 0
    early = DAYS[-30]
    assert warm("train-child", "--ticker", "AAPL", "--as-of", early).document["backtest"] is None
    assert "Tested on" not in warm("analyze", "--ticker", "AAPL", "--as-of", early).document["report"]
    assert warm("backtest", "--ticker", "AAPL", "--start", START, "--as-of", early).document["end"] == early
    assert warm("train-child", "--ticker", "AAPL", "--as-of", early).document["backtest"]["end"] == early


@pytest.mark.usefixtures("_with_parent")
def test_a_model_that_lost_in_its_backtest_goes_into_production_with_a_warning(warm: Cli) -> None:
    warm.setenv(STOCKOPS_TRACKING="on")
    report = warm.home / warm("backtest", "--ticker", "AAPL", "--start", START).document["artifacts"][0]
    document = json.loads(report.read_text())
    for skill, warned in ((-0.02, True), (0.01, False)):
        document["summary"]["close_skill"] = skill
        report.write_text(json.dumps(document))
        result = warm("train-child", "--ticker", "AAPL")
        assert result.code == 0
        assert result.document["run_id"]
        text = "stockops-child-AAPL goes into production although persistence was better in the backtest of"
        assert (f"{text} {START} to {DAYS[-1]}: skill -2.00%" in result.err) is warned
