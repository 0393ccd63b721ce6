"""`monitor-*`: drift, report evaluation and past performance of a ticker, each independent of the others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockops.adapters.market_data.sample_feed import SampleFeed
from stockops.market.adjustment import adjust
from tests.integration.cli import Cli
from tests.loopback_llm import Llm, analysis, llama_cpp

MONITOR = ("monitor-ticker", "--ticker", "AAPL")


def reports(cli: Cli, name: str) -> list[Path]:
    return sorted((cli.home / "outputs" / "AAPL").glob(name))


@pytest.fixture
def crash(cli: Cli, tmp_path: Path) -> Cli:
    """A CLI on a price file that is calm until 2020-02-20 and then volatile to its end on 2020-03-20."""
    rng = np.random.default_rng(3)
    index = pd.bdate_range("2018-06-01", "2020-03-20")
    index = index[~index.isin(pd.DatetimeIndex(_holidays()))]
    volatility = np.where(index >= pd.Timestamp("2020-02-20"), 0.06, 0.01)
    close = 100 * np.exp(np.cumsum(rng.standard_normal(len(index)) * volatility))
    spread = 1 + 0.2 * volatility
    volume = np.exp(rng.normal(15, 0.3, len(index))) * (volatility * 100)
    table = pd.DataFrame(
        {"Open": close, "High": close * spread, "Low": close / spread, "Close": close, "Volume": volume}
    )
    folder = tmp_path / "prices"
    folder.mkdir()
    for symbol in ("AAPL", "^GSPC"):
        table.set_index(index.rename("Date")).to_csv(folder / f"{symbol}.csv")
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(folder), STOCKOPS_AS_OF="")
    return cli


def _holidays() -> list[str]:
    return [
        "2018-07-04", "2018-09-03", "2018-11-22", "2018-12-05", "2018-12-25", "2019-01-01", "2019-01-21", "2019-02-18",
        "2019-04-19", "2019-05-27", "2019-07-04", "2019-09-02", "2019-11-28", "2019-12-25", "2020-01-01", "2020-01-20",
        "2020-02-17",
    ]  # fmt: skip


def test_a_crash_is_critical_and_a_quiet_summer_is_not(crash: Cli) -> None:
    crashed = crash(*MONITOR, "--as-of", "2020-03-20", "--fail-on", "critical", "--quiet")
    assert (crashed.code, crashed.document["health"]) == (6, "critical")
    ratio = crashed.document["drift"]["returns"]["volatility"]["ratio"]
    assert crashed.err == f"stockops: error: AAPL: drift critical: returns, volatility ratio {ratio:.2f}\n"
    assert crashed.document["drift"]["health"] == "Critical (Drift Detected)"
    calm = crash(*MONITOR, "--as-of", "2019-08-01", "--fail-on", "critical")
    assert calm.code == 0
    assert calm.document["drift"]["health"] != "Critical (Drift Detected)"
    crash.setenv(STOCKOPS_PLOTS="on")
    assert crash(*MONITOR, "--as-of", "2020-03-20").code == 0  # without --fail-on
    levels = crash(*MONITOR, "--as-of", "2020-03-20", "--fail-on", "degraded", "--drift-on", "levels")
    assert (levels.code, levels.document["health"]) == (6, "critical")
    assert "AAPL: drift critical: levels, score " in levels.err
    names = {path.name for path in (crash.home / "outputs" / "AAPL" / "drift").iterdir()}
    assert names == {"latest_drift.json", "latest_drift.png", "drift_2020-03-20.json", "drift_2019-08-01.json"}


def test_the_three_parts_are_printed_saved_and_shown(trained: Cli) -> None:
    trained.setenv(STOCKOPS_PLOTS="on")
    result = trained(*MONITOR)
    document = result.document
    assert result.code == 0, result.err
    assert set(document) == {
        "schema", "ticker", "health", "data", "model_age_sessions", "drift", "agent_eval", "performance", "degraded",
    }  # fmt: skip
    assert document["model_age_sessions"] == 0
    assert document["performance"]["status"] == "skipped"
    for name, part in (("drift", "drift"), ("eval", "agent_eval"), ("performance", "performance")):
        assert trained("show", name, "--ticker", "AAPL").document == document[part]
    assert {"ticker", "metrics", "output_preview_text"} <= set(document["agent_eval"])
    metrics = document["agent_eval"]["metrics"]
    checks = {"relevance": True, "trustworthiness": True, "has_recommendation": True}
    assert (metrics["checks"], metrics["overall_score"], metrics["status"]) == (checks, 1.0, "Trustworthy")
    assert metrics["grounding"]["unmatched"] == []
    assert (metrics["provider"], metrics["stance_agrees"]) == ("offline", True)
    assert metrics["duration_seconds"] > 0
    assert len(reports(trained, "agent_eval/eval_*.json")) == 1
    [plot] = reports(trained, "drift/latest_drift.png")
    assert plot.read_bytes().startswith(b"\x89PNG")
    listed = trained("outputs", "--ticker", "AAPL").document["outputs"]["AAPL"]
    assert {"drift", "eval", "performance"} <= set(listed)


def test_the_chat_model_is_asked_again_and_its_report_evaluated(trained: Cli) -> None:
    with llama_cpp(Llm(says=[analysis("Surely 999.99 soon.", "BEARISH", "High")])) as llm:
        trained.setenv(LLAMA_CPP_BASE_URL=llm.url)
        trained("analyze", "--ticker", "AAPL")
        metrics = trained(*MONITOR).document["agent_eval"]["metrics"]
        assert len(llm.chats) == 2  # the cached report is not reused
    assert metrics["provider"] == "llama.cpp"
    assert (metrics["recommendation"], metrics["stance_agrees"]) == ("BEARISH", False)
    assert metrics["grounding"]["unmatched"] == []  # the sentence was removed from the report


def test_a_failing_part_does_not_stop_the_others(trained: Cli) -> None:
    result = trained("monitor-ticker", "--ticker", "MSFT", "--on-missing", "fail")
    document = result.document
    assert result.code == 4
    assert document["agent_eval"]["error"]["kind"] == "model"
    assert document["drift"]["health"] in ("Healthy", "Degraded (Warning)", "Critical (Drift Detected)")
    (trained.home / "outputs" / "ledger.db").write_text("no database " * 1000)
    broken = trained(*MONITOR)
    assert broken.code == 5
    assert broken.document["performance"]["error"]["kind"] == "service"
    assert "health" in broken.document["drift"]


def test_missing_prices_fail_every_part(trained: Cli) -> None:
    result = trained("monitor-ticker", "--ticker", "NOPE")
    assert result.code == 3
    assert {result.document[part]["error"]["kind"] for part in ("drift", "agent_eval", "performance")} == {"data"}


def test_the_parent_and_several_tickers_are_monitored(trained: Cli) -> None:
    parent = trained("monitor-parent")
    assert (parent.code, parent.document["ticker"]) == (0, "^GSPC")
    assert (trained.home / "outputs" / "parent" / "drift" / "latest_drift.json").exists()
    assert trained("show", "drift", "--ticker", "^GSPC").document == parent.document["drift"]
    several = trained("monitor-ticker", "--ticker", "NOPE", "--ticker", "AAPL")
    assert (several.code, [row["ticker"] for row in several.rows]) == (3, ["NOPE", "AAPL"])


def test_past_forecasts_are_scored_against_actual_values(trained: Cli) -> None:
    """Twenty forecasts, a session apart; the expected scores are calculated from the file, independently."""
    table = SampleFeed().bars("AAPL", pd.Timestamp("2004-08-19").date(), pd.Timestamp("2007-12-31").date()).table
    bars = adjust(table).bars
    sessions = [stamp.date() for stamp in bars.index if stamp > pd.Timestamp("2006-06-30")][:26]
    documents: dict[str, dict[str, Any]] = {}
    for day in sessions[:20]:
        documents[str(day)] = trained("predict-child", "--ticker", "AAPL", "--as-of", str(day)).document
    found = trained(*MONITOR, "--as-of", str(sessions[-1])).document["performance"]
    days = [str(stamp.date()) for stamp in pd.DatetimeIndex(bars.index)]
    closes = dict(zip(days, bars["Close"], strict=True))
    forecast, actual, inside = [], [], []
    for origin, document in documents.items():
        last = document["history"][-1]["close"]
        for bar in document["predictions"]["week"]:
            forecast.append(bar["close"] / last - 1)
            actual.append(closes[bar["date"]] / closes[origin] - 1)
            low, high = (bound / last - 1 for bound in bar["close_80"])
            inside.append(low <= actual[-1] <= high)
    scores = found["sessions"]["60"]
    assert scores["forecasts"] == len(forecast) == 100
    assert scores["mae_percent"] == pytest.approx(100 * np.mean(np.abs(np.subtract(forecast, actual))), rel=1e-5)
    assert scores["persistence_mae_percent"] == pytest.approx(100 * np.mean(np.abs(actual)), rel=1e-5)
    assert scores["coverage"]["80"] == pytest.approx(np.mean(inside))
    assert found["health"] in ("Healthy", "Degraded", "Critical")
    exposed = trained("metrics").out
    assert 'stockops_skill{ticker="AAPL",window="60"}' in exposed
    assert 'stockops_coverage{level="80",ticker="AAPL"}' in exposed
    assert 'stockops_mase{horizon="5",ticker="AAPL"}' in exposed
    assert 'stockops_drift_health{ticker="AAPL"}' in exposed
    assert 'stockops_agent_score{ticker="AAPL"} 1.0' in exposed


def test_a_damaged_ledger_degrades_a_forecast_but_does_not_stop_it(trained: Cli) -> None:
    (trained.home / "outputs" / "ledger.db").write_text("no database " * 1000)
    result = trained("predict-child", "--ticker", "AAPL")
    assert (result.code, result.document["degraded"]) == (0, ["ledger"])


@pytest.mark.parametrize("option", [("--fail-on", "awful"), ("--drift-on", "prices")])
def test_an_invalid_choice_is_a_usage_error(trained: Cli, option: tuple[str, str]) -> None:
    assert trained(*MONITOR, *option).code == 2


def test_documents_are_json_without_nan(trained: Cli) -> None:
    trained(*MONITOR)
    written = list((trained.home / "outputs" / "AAPL").rglob("*.json"))
    assert len(written) >= 8
    for path in written:
        json.loads(path.read_text(), parse_constant=pytest.fail)
