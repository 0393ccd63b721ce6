"""A look back leaves the current models alone; stale models and those of another source are reported."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.builders import to_csv
from tests.integration.cli import AS_OF, Cli
from tests.price_builders import history

EARLIER = "2006-03-31"
CHILD = "outputs/AAPL/AAPL_child_model.pt"
PARENT = "outputs/parent/^GSPC_parent_model.pt"


def current_models(cli: Cli) -> dict[str, bytes]:
    """Return every file of the models that serve today."""
    folders = (cli.home / "outputs" / name for name in ("AAPL", "parent"))
    return {path.name: path.read_bytes() for folder in folders for path in folder.glob("*_*")}


def forecast(cli: Cli, *options: str) -> dict[str, Any]:
    result = cli("predict-child", "--ticker", "AAPL", *options)
    assert result.code == 0, result.err
    return result.document


def test_a_child_trained_for_a_look_back_is_stored_apart(trained: Cli) -> None:
    before = current_models(trained)
    result = trained("train-child", "--ticker", "AAPL", "--as-of", EARLIER)
    assert result.code == 0, result.err
    assert result.document["location"] == f"outputs/as_of/{EARLIER}/AAPL"
    assert result.document["data"]["last"] == EARLIER
    assert all(path.startswith(f"outputs/as_of/{EARLIER}/AAPL/") for path in result.document["artifacts"])
    assert f"{CHILD} was trained on later sessions and stays" in result.err
    assert current_models(trained) == before
    assert forecast(trained)["trained_to"] == AS_OF
    assert forecast(trained, "--as-of", EARLIER)["model_version"] == result.document["model_version"]


def test_a_parent_trained_for_a_look_back_is_stored_apart(trained: Cli) -> None:
    before = current_models(trained)
    result = trained("train-parent", "--as-of", EARLIER)
    assert result.document["location"] == f"outputs/as_of/{EARLIER}/parent"
    assert current_models(trained) == before
    listed = trained("outputs", "--ticker", "^GSPC").document
    assert {*listed["outputs"]} == {"^GSPC"}
    assert {*listed["as_of"][EARLIER]} == {"^GSPC"}


def test_each_model_of_a_batch_is_stored_in_its_own_location(trained: Cli) -> None:
    before = current_models(trained)
    result = trained("train-child", "--ticker", "AAPL", "--ticker", "MSFT", "--as-of", EARLIER, "--jobs", "2")
    assert result.code == 0, result.err
    assert {row["ticker"]: row["location"] for row in result.rows} == {
        "AAPL": f"outputs/as_of/{EARLIER}/AAPL",
        "MSFT": "outputs/MSFT",  # there is no model of later sessions to protect
    }
    assert current_models(trained) == before


def test_a_look_back_in_the_background_is_stored_apart(trained: Cli) -> None:
    before = current_models(trained)
    assert trained("train-child", "--ticker", "AAPL", "--as-of", EARLIER, "--background").code == 0
    task = trained("status", "AAPL", "--wait").document
    assert task["result"]["location"] == f"outputs/as_of/{EARLIER}/AAPL"
    assert current_models(trained) == before


def test_replace_overwrites_a_model_of_later_sessions(trained: Cli) -> None:
    result = trained("train-child", "--ticker", "AAPL", "--as-of", EARLIER, "--replace")
    assert result.document["location"] == "outputs/AAPL"
    assert f"{CHILD} was trained on later sessions: it is replaced by a model that ends on {EARLIER}" in result.err
    assert (trained.home / PARENT).is_file()
    assert forecast(trained)["trained_to"] == EARLIER


def test_healing_replaces_no_model_even_with_the_replace_setting(trained: Cli) -> None:
    before = current_models(trained)
    trained.setenv(STOCKOPS_REPLACE="1")
    assert forecast(trained, "--as-of", EARLIER)["trained_to"] == EARLIER
    assert current_models(trained)[Path(CHILD).name] == before[Path(CHILD).name]
    assert current_models(trained)[Path(PARENT).name] == before[Path(PARENT).name]


def test_training_as_of_the_last_day_of_the_model_is_not_a_look_back(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "AAPL").document["location"] == "outputs/AAPL"


@pytest.mark.parametrize(
    ("day", "warned", "degraded"),
    [("2006-07-14", False, []), ("2006-08-31", True, []), ("2006-12-29", True, ["stale model"])],
)
def test_an_old_model_is_reported_and_a_stale_one_degrades_the_forecast(
    trained: Cli, day: str, warned: bool, degraded: list[str]
) -> None:
    result = trained("predict-child", "--ticker", "AAPL", "--as-of", day)
    unseen = result.document["model_age_sessions"]
    assert result.document["degraded"] == degraded
    assert (f"has not seen the last {unseen} sessions" in result.err) == warned
    assert (unseen > 63) == bool(degraded)


def test_a_cached_forecast_follows_the_maximum_age_setting(trained: Cli) -> None:
    day = ("--as-of", "2006-08-31")
    assert forecast(trained, *day)["degraded"] == []
    trained.setenv(STOCKOPS_MODEL_MAX_AGE="10")
    first, again = forecast(trained, *day), forecast(trained, *day)
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["degraded"] == again["degraded"] == ["stale model"]


@pytest.fixture
def csv_options(trained: Cli) -> tuple[str, ...]:
    """Options to read price files that end two weeks after the samples."""
    folder = trained.home / "prices"
    folder.mkdir()
    for symbol in ("AAPL", "KO", "^GSPC"):
        (folder / f"{symbol}.csv").write_text(to_csv(history(last=date(2006, 7, 14))))
    return "--source", "csv", "--data-dir", str(folder), "--as-of", "2006-07-14"


def test_a_model_of_another_source_serves_with_a_warning(trained: Cli, csv_options: tuple[str, ...]) -> None:
    result = trained("predict-child", "--ticker", "AAPL", *csv_options)
    assert result.code == 0, result.err
    assert result.document["degraded"] == ["model of another source"]
    assert result.document["model_source"] == "sample"
    assert "was trained on prices from sample and forecasts prices from csv" in result.err


def test_a_child_of_a_parent_of_another_source_is_reported_as_degraded(
    trained: Cli, csv_options: tuple[str, ...]
) -> None:
    result = trained("train-child", "--ticker", "KO", *csv_options)
    assert result.document["degraded"] == ["model of another source"]
    assert "its parent was trained on prices from sample" in result.err


def test_doctor_lists_stale_models(trained: Cli) -> None:
    def ages() -> dict[str, str]:
        checks = trained("doctor").document["checks"]
        return next(
            {name: check[name] for name in ("state", "detail", "hint")}
            for check in checks
            if check["name"] == "model ages"
        )

    assert ages()["detail"] == "at most 0 sessions old"
    trained.setenv(STOCKOPS_AS_OF="2006-12-29")
    found = ages()
    assert found["state"] == "down"
    assert found["detail"] == "stale: ^GSPC (126 sessions), AAPL (126 sessions)"
    assert found["hint"] == "train anew: stockops train-parent && stockops train-child --ticker AAPL"


def test_the_index_has_one_model(trained: Cli) -> None:
    parent = trained("predict-parent").document
    assert trained("predict-child", "--ticker", "^GSPC").document["predictions"] == parent["predictions"]
    rows = trained("predict-child", "--ticker", "AAPL", "--ticker", "^GSPC").rows
    assert {row["ticker"]: row["model_version"] for row in rows}["^GSPC"] == parent["model_version"]
    result = trained("train-child", "--ticker", "^GSPC")
    assert result.document["location"] == "outputs/parent"
    assert result.document["model_version"] == parent["model_version"]
    assert trained("train-child", "--ticker", "^GSPC", "--skip-fresh").document["status"] == "fresh"
    assert not (trained.home / "outputs" / "^GSPC").exists()


@pytest.mark.parametrize("days", [1, 5, 8])
def test_a_forecast_has_the_same_shape_for_any_number_of_days(trained: Cli, days: int) -> None:
    found = forecast(trained, "--days", str(days))
    predictions = found["predictions"]
    assert [bar["horizon"] for bar in predictions["days"]] == list(range(1, days + 1))
    assert [bar["horizon"] for bar in predictions["week"]] == [1, 2, 3, 4, 5]
    assert predictions["next_day"] == predictions["week"][0] == predictions["days"][0]
    assert [bar["extrapolated"] for bar in predictions["days"]] == [horizon > 5 for horizon in range(1, days + 1)]
    assert found["last_close"] == found["history"][-1]["close"]
    assert found["currency"] == "USD"
    for bar in predictions["days"]:
        assert bar["change"] == pytest.approx(bar["close"] / found["last_close"] - 1, abs=1e-6)
