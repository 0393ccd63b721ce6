import json
import pickle
from pathlib import Path

import pytest
import torch

from tests.integration.cli import AS_OF, Cli

PNG = b"\x89PNG\r\n\x1a\n"


def test_training_a_child_also_trains_its_parent_and_writes_every_artifact(cli: Cli) -> None:
    cli.setenv(STOCKOPS_PLOTS="on")
    result = cli("train-child", "--ticker", "aapl")
    assert result.code == 0
    document = result.document
    assert (document["schema"], document["status"], document["ticker"]) == (1, "completed", "AAPL")
    assert document["strategy"] == "freeze"
    assert document["data"] == {
        "source": "sample", "rows": 471, "first": "2004-08-19", "last": AS_OF,
        "behind": 0, "untraded": 0, "currency": "USD", "calendar": "XNYS", "repairs": [],
    }  # fmt: skip
    assert document["run_id"] is None
    assert document["degraded"] == []
    card = json.loads((cli.home / "outputs/parent/^GSPC_parent_model.json").read_text())
    assert document["parent"] == {"ticker": "^GSPC", "version": card["model_version"], "last": AS_OF}
    parent = {f"outputs/parent/^GSPC_{name}" for name in artifact_names("parent")}
    child = {f"outputs/AAPL/AAPL_{name}" for name in artifact_names("child")}
    assert cli.files() == parent | child
    assert set(document["artifacts"]) == child


def artifact_names(kind: str) -> set[str]:
    names = {"metrics.json", "predictions.png", "residuals.png"}
    return names | {f"{kind}_{name}" for name in ("model.pt", "model.json", "scaler.pkl")}


def test_metrics_include_those_of_persistence_and_the_skill(trained: Cli) -> None:
    metrics = json.loads((trained.home / "outputs/AAPL/AAPL_metrics.json").read_text())
    for block in (metrics, metrics["next_day"], metrics["validation"]):
        for error in ("MSE", "RMSE"):
            skill = 1 - block[error] / block["persistence"][error]
            assert block["skill"][error] == pytest.approx(skill)
        assert 0.5 < block["R2"] <= 1
        assert 0.5 < block["persistence"]["R2"] <= 1
    shown = trained("show", "metrics", "--ticker", "AAPL")
    assert shown.document == metrics


def test_the_card_records_how_the_model_was_trained(trained: Cli) -> None:
    card = json.loads((trained.home / "outputs/AAPL/AAPL_child_model.json").read_text())
    assert card["features"] == ["Open", "High", "Low", "Close", "Volume", "RSI14", "MACD"]
    assert card["config"] == {
        "context": 60, "horizon": 5, "features": 7, "hidden": 128, "layers": 3, "dropout": 0.2
    }  # fmt: skip
    assert card["fit"]["learning_rate"] == 1e-3
    assert card["fit"]["batch_size"] == 32
    assert [epoch["epoch"] for epoch in card["history"]] == [0, 1]
    assert card["history"][0]["loss"] is None
    assert card["best_epoch"] == min(card["history"], key=lambda epoch: epoch["validation_loss"])["epoch"]
    assert set(card["libraries"]) == {"stockops", "torch", "numpy", "pandas", "scikit-learn"}


def test_a_frozen_child_has_its_parents_body_and_a_pickled_scaler(trained: Cli) -> None:
    states = [
        torch.load(trained.home / "outputs" / path, weights_only=True)
        for path in ("parent/^GSPC_parent_model.pt", "AAPL/AAPL_child_model.pt")
    ]
    for name in states[0]:
        if name.startswith("body."):
            assert torch.equal(states[0][name], states[1][name]), name
    with (trained.home / "outputs/AAPL/AAPL_child_scaler.pkl").open("rb") as file:
        scaler = pickle.load(file)  # noqa: S301  as a notebook would; stockops itself never does
    assert torch.equal(torch.as_tensor(scaler.mean_), states[1]["scaler_mean"])
    assert torch.equal(torch.as_tensor(scaler.scale_), states[1]["scaler_scale"])


def test_a_forecast_has_every_field_and_saves_its_document_and_plot(trained: Cli) -> None:
    trained.setenv(STOCKOPS_PLOTS="on")
    result = trained("predict-child", "--ticker", "AAPL")
    assert result.code == 0
    document = result.document
    assert set(document) == {
        "schema", "ticker", "source", "last_date", "last_close", "currency", "data", "model_version", "trained_to",
        "model_age_sessions", "model_source", "strategy", "ranges_from", "cached", "next_business_days", "predictions",
        "risk", "history", "features", "degraded",
    }  # fmt: skip
    assert document["last_date"] == document["trained_to"] == AS_OF
    # 3 July is a session (a half day), 4 July is not
    assert document["next_business_days"] == ["2006-07-03", "2006-07-05", "2006-07-06", "2006-07-07", "2006-07-10"]
    assert [bar["date"] for bar in document["predictions"]["week"]] == document["next_business_days"]
    assert document["predictions"]["next_day"] == document["predictions"]["week"][0]
    assert len(document["history"]) == 30
    assert document["history"][-1]["date"] == AS_OF
    assert document["features"] == {"source": "computed"}
    close, last = document["predictions"]["next_day"]["close"], document["history"][-1]["close"]
    assert close == pytest.approx(last, rel=0.05)
    assert json.loads((trained.home / "outputs/AAPL/AAPL_forecast.json").read_text()) == document
    assert (trained.home / "outputs/AAPL/AAPL_forecast.png").read_bytes().startswith(PNG)
    assert trained("show", "forecast", "--ticker", "AAPL").document == document


@pytest.mark.parametrize("days", [1, 5, 63])
def test_every_forecast_bar_is_valid(trained: Cli, days: int) -> None:
    document = trained("predict-child", "--ticker", "AAPL", "--days", str(days)).document
    path = document["predictions"]["days"]
    assert len(path) == days
    assert len(document["predictions"]["week"]) == 5
    for bar in [*path, *document["predictions"]["week"]]:
        assert 0 < bar["low"] <= min(bar["open"], bar["close"])
        assert max(bar["open"], bar["close"]) <= bar["high"]
        assert bar["volume"] >= 0
        assert 0 < bar["close_95"][0] <= bar["close_80"][0] <= bar["close"] <= bar["close_80"][1] <= bar["close_95"][1]


def test_the_parent_forecasts_the_index(trained: Cli) -> None:
    document = trained("predict-parent").document
    assert document["ticker"] == "^GSPC"
    assert document["predictions"]["next_day"]["close"] == pytest.approx(1270, rel=0.05)
    assert "outputs/parent/^GSPC_forecast.json" in trained.files()


def test_a_missing_model_is_healed_or_fails_as_requested(cli: Cli) -> None:
    failed = cli("predict-child", "--ticker", "AAPL", "--on-missing", "fail")
    assert failed.code == 4
    assert f"no child model for AAPL; run: stockops train-child --ticker AAPL --as-of {AS_OF}" in failed.err
    assert failed.document["error"]["kind"] == "model"
    assert cli.files() == set()
    cli.setenv(STOCKOPS_AS_OF="")
    assert "no parent model; run: stockops train-parent" in cli("predict-parent", "--on-missing", "fail").err
    cli.setenv(STOCKOPS_AS_OF=AS_OF)
    healed = cli("predict-child", "--ticker", "AAPL")
    assert healed.code == 0
    assert {"outputs/parent/^GSPC_parent_model.pt", "outputs/AAPL/AAPL_child_model.pt"} <= cli.files()
    again = cli("predict-child", "--ticker", "AAPL", "--on-missing", "fail", "--no-cache")
    assert again.document == healed.document


def test_the_same_call_gives_the_same_bytes(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    def artifacts(home: Path) -> dict[str, bytes]:
        cli.home = home
        cli.setenv(STOCKOPS_HOME=str(home), STOCKOPS_PLOTS="on")
        assert cli("train-child", "--ticker", "AAPL", "--seed", "11").code == 0
        assert cli("predict-child", "--ticker", "AAPL", "--seed", "11").code == 0
        return {name: (home / name).read_bytes() for name in cli.files()}

    first, second = (artifacts(tmp_path_factory.mktemp("home")) for _ in range(2))
    assert len(first) == 14
    assert first == second


def test_another_seed_gives_another_model_and_zero_is_a_seed(trained: Cli) -> None:
    seeds = ("7", "12", "0")
    versions = {trained("train-child", "--ticker", "AAPL", "--seed", s).document["model_version"] for s in seeds}
    assert len(versions) == 3
    card = json.loads((trained.home / "outputs/AAPL/AAPL_child_model.json").read_text())
    assert card["seed"] == 0


def test_fine_tuning_is_selected_by_option_or_environment_variable(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "AAPL", "--strategy", "fine_tune").document["strategy"] == "fine_tune"
    trained.setenv(TRANSFER_STRATEGY="fine_tune")
    assert trained("train-child", "--ticker", "AAPL").document["strategy"] == "fine_tune"


def test_a_chronological_split_holds_out_the_latest_windows(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "AAPL", "--split", "chronological").code == 0
    card = json.loads((trained.home / "outputs/AAPL/AAPL_child_model.json").read_text())
    assert card["split"] == "chronological"


def test_a_failing_ticker_stops_no_other_and_gets_its_own_row(trained: Cli) -> None:
    result = trained("train-child", "--ticker", "AAPL", "--ticker", "TSLA", "--ticker", "MSFT", "--ticker", "AAPL")
    assert result.code == 3
    assert [(row["ticker"], row["status"]) for row in result.rows] == [
        ("AAPL", "completed"), ("TSLA", "failed"), ("MSFT", "completed")
    ]  # fmt: skip
    assert result.rows[1]["error"]["kind"] == "data"
    assert "the sample data hold no TSLA" in result.err


def test_tickers_are_read_from_a_file_with_comments(trained: Cli) -> None:
    listed = trained.home / "tickers.txt"
    listed.write_text("# watch list\nAAPL\n\n  ibm  # trailing\n")
    result = trained("predict-child", "--tickers-file", str(listed))
    assert [row["ticker"] for row in result.rows] == ["AAPL", "IBM"]


def test_outputs_lists_artifacts_by_category(trained: Cli) -> None:
    trained.setenv(STOCKOPS_PLOTS="on")
    trained("predict-child", "--ticker", "AAPL")
    listed = trained("outputs").document["outputs"]
    assert set(listed) == {"^GSPC", "AAPL"}
    assert set(listed["AAPL"]) == {"models", "scalers", "metrics", "forecasts", "plots"}
    [scaler] = listed["AAPL"]["scalers"]
    assert scaler["path"] == "outputs/AAPL/AAPL_child_scaler.pkl"
    assert scaler["bytes"] == (trained.home / scaler["path"]).stat().st_size
    assert 0 <= scaler["age_seconds"] < 3600
    assert set(trained("outputs", "--ticker", "AAPL").document["outputs"]) == {"AAPL"}
    assert trained("outputs", "--ticker", "IBM").code == 3
