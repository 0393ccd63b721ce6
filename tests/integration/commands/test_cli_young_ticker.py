"""A ticker with a short history: its parent forecasts it unchanged, and every output says so."""

from typing import Any

import numpy as np
import pytest

from tests.integration.cli import on_a_terminal
from tests.price_builders import PriceFiles, history

TICKER = "GEV"
MINIMUM, TRAINABLE = 86, 189  # sessions, the first 25 of which have no features


def write_history(files: PriceFiles, rows: int) -> None:
    files.put(history(rows, symbol=TICKER, seed=3), f"{TICKER}.csv")


def forecast(files: PriceFiles, *options: str) -> dict[str, Any]:
    result = files("predict-child", *options, ticker=TICKER)
    assert result.code == 0, result.err
    return result.document


@pytest.mark.parametrize("rows", [MINIMUM, 90, 120, TRAINABLE - 1])
def test_a_young_ticker_is_forecast_by_its_parent_with_a_warning(files: PriceFiles, rows: int) -> None:
    write_history(files, rows)
    result = files("predict-child", ticker=TICKER)
    assert result.code == 0, result.err
    document = result.document
    assert (document["strategy"], document["ranges_from"]) == ("parent", "^GSPC")
    assert (
        f"GEV: too young for a model of its own, its parent forecasts it as it is; {TRAINABLE - rows} more"
        in result.err
    )
    for bar in document["predictions"]["week"]:
        assert bar["close_95"][0] < bar["close_80"][0] < bar["close"] < bar["close_80"][1] < bar["close_95"][1]
    assert document["risk"]["week"]["var_99"] > document["risk"]["next_day"]["var_95"] > 0


def test_one_session_below_the_minimum_is_rejected(files: PriceFiles) -> None:
    write_history(files, MINIMUM - 1)
    for command in ("predict-child", "train-child"):
        result = files(command, ticker=TICKER)
        assert result.code == 3
        assert f"GEV: too few rows to forecast from: {MINIMUM - 1}, and {MINIMUM} are needed" in result.err
        assert "wait for 1 more sessions" in result.err
    assert not (files.cli.home / "outputs" / TICKER).exists()


def test_train_child_copies_the_parent_until_the_history_is_long_enough(files: PriceFiles) -> None:
    write_history(files, 100)
    young = files("train-child", ticker=TICKER)
    assert young.code == 0, young.err
    document = young.document
    assert (document["strategy"], document["best_epoch"], document["metrics"]) == ("parent", 0, {})
    assert document["artifacts"] == [
        f"outputs/GEV/GEV_{name}" for name in ("metrics.json", "child_model.pt", "child_model.json")
    ]
    again = files("train-child", "--skip-fresh", ticker=TICKER)
    assert again.document["status"] == "fresh"
    write_history(files, TRAINABLE)
    assert "GEV is old enough for a model of its own" in files("predict-child", ticker=TICKER).err
    own = files("train-child", "--skip-fresh", "--epochs", "1", ticker=TICKER)
    assert own.code == 0, own.err
    assert own.document["status"] == "completed"
    assert (own.document["strategy"], own.document["ranges_from"]) == ("freeze", "^GSPC")
    assert forecast(files)["strategy"] == "freeze"


def test_the_ranges_of_a_young_ticker_adapt_to_its_own_sessions(files: PriceFiles) -> None:
    calm = history(150, symbol=TICKER, seed=3)
    wild = calm.copy()
    jumps = 1 + 0.25 * (np.arange(150) % 2)  # far more than the volatility of the window suggests
    wild[["Open", "High", "Low", "Close"]] = calm[["Open", "High", "Low", "Close"]].mul(jumps, axis=0)
    widths = []
    for table in (calm, wild):
        files.put(table, f"{TICKER}.csv")
        document = forecast(files, "--prices", "trust", "--no-cache")
        low, high = document["predictions"]["next_day"]["close_80"]
        widths.append((high - low) / document["last_close"])
        (files.cli.home / "outputs" / TICKER / f"{TICKER}_child_model.pt").unlink()
    assert widths[1] > 2 * widths[0]


def test_report_table_and_metrics_say_that_the_parent_forecasts(files: PriceFiles) -> None:
    write_history(files, 90)
    report = files("analyze", ticker=TICKER)
    assert report.code == 0, report.err
    text = (files.cli.home / "outputs" / TICKER / "analysis" / "latest_report.md").read_text()
    assert "Its own history is too short for a model of its own: the market's forecasts it" in text

    def shown(*command: str) -> str:
        source = {"STOCKOPS_SOURCE": "csv", "STOCKOPS_DATA_DIR": str(files.folder), "COLUMNS": "200"}
        return on_a_terminal(*command, "--ticker", TICKER, home=files.cli.home, stdout=None, **source)

    assert "too young for a model of its own: ^GSPC's forecasts it" in shown("predict-child", "--quiet")
    assert "this is its parent as it is" in shown("train-child", "--quiet")
    assert "this is its parent as it is" in shown("show", "metrics")


def test_a_backtest_of_a_young_ticker_tests_the_parent_and_is_quoted(files: PriceFiles) -> None:
    write_history(files, 150)
    result = files("backtest", "--baselines", "scratch,parent", ticker=TICKER)
    assert result.code == 0, result.err
    document = result.document
    assert (document["strategy"], document["ranges_from"], document["origins"]) == ("parent", "^GSPC", 60)
    assert list(document["peers"]) == ["parent"]
    verbose = files("backtest", "--baselines", "scratch", "--verbose", ticker=TICKER)
    assert "GEV is too young for --baselines scratch" in verbose.err
    assert document["peers"]["parent"]["High"]["1"]["model_skill"] == 0.0
    shown = on_a_terminal("show", "backtest", "--ticker", TICKER, home=files.cli.home, stdout=None)
    assert "this tests its parent as it is" in shown
    assert "not tested" not in files("analyze", ticker=TICKER).document["report"]


def test_a_yearly_refit_trains_a_child_once_the_history_is_long_enough(files: PriceFiles) -> None:
    write_history(files, 480)
    files.put(history(700, symbol="^GSPC", seed=7), "^GSPC.csv")
    days = [str(day.date()) for day in history(480, symbol=TICKER, seed=3).index]
    result = files("backtest", "--start", days[90], "--refit", "yearly", "--epochs", "1", ticker=TICKER)
    assert result.code == 0, result.err
    assert (result.document["strategy"], result.document["ranges_from"]) == ("freeze", "^GSPC")
    assert result.document["trainings"] >= 3
