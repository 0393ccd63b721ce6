"""A training that looks back leaves today's model alone; an old model, or one of other prices, is said to be one."""

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


def stored(cli: Cli) -> dict[str, bytes]:
    """Every file of the models that serve today."""
    folders = (cli.home / "outputs" / name for name in ("AAPL", "parent"))
    return {path.name: path.read_bytes() for folder in folders for path in folder.glob("*_*")}


def forecast(cli: Cli, *options: str) -> dict[str, Any]:
    called = cli("predict-child", "--ticker", "AAPL", *options)
    assert called.code == 0, called.err
    return called.document


def test_a_training_that_looks_back_goes_apart_and_says_so(trained: Cli) -> None:
    before = stored(trained)
    called = trained("train-child", "--ticker", "AAPL", "--as-of", EARLIER)
    assert called.code == 0, called.err
    assert called.document["location"] == f"outputs/as_of/{EARLIER}/AAPL"
    assert called.document["data"]["last"] == EARLIER
    assert all(path.startswith(f"outputs/as_of/{EARLIER}/AAPL/") for path in called.document["artifacts"])
    assert f"{CHILD} was trained on later sessions and stays" in called.err
    assert stored(trained) == before
    assert forecast(trained)["trained_to"] == AS_OF
    assert forecast(trained, "--as-of", EARLIER)["model_version"] == called.document["model_version"]


def test_a_parent_that_looks_back_goes_apart(trained: Cli) -> None:
    before = stored(trained)
    called = trained("train-parent", "--as-of", EARLIER)
    assert called.document["location"] == f"outputs/as_of/{EARLIER}/parent"
    assert stored(trained) == before
    listed = trained("outputs", "--ticker", "^GSPC").document
    assert {*listed["outputs"]} == {"^GSPC"}
    assert {*listed["as_of"][EARLIER]} == {"^GSPC"}


def test_a_list_keeps_each_model_where_it_belongs(trained: Cli) -> None:
    before = stored(trained)
    called = trained("train-child", "--ticker", "AAPL", "--ticker", "MSFT", "--as-of", EARLIER, "--jobs", "2")
    assert called.code == 0, called.err
    assert {row["ticker"]: row["location"] for row in called.rows} == {
        "AAPL": f"outputs/as_of/{EARLIER}/AAPL",
        "MSFT": "outputs/MSFT",  # no model of later sessions to spare
    }
    assert stored(trained) == before


def test_in_the_background_too(trained: Cli) -> None:
    before = stored(trained)
    assert trained("train-child", "--ticker", "AAPL", "--as-of", EARLIER, "--background").code == 0
    task = trained("status", "AAPL", "--wait").document
    assert task["result"]["location"] == f"outputs/as_of/{EARLIER}/AAPL"
    assert stored(trained) == before


def test_replace_says_otherwise(trained: Cli) -> None:
    called = trained("train-child", "--ticker", "AAPL", "--as-of", EARLIER, "--replace")
    assert called.document["location"] == "outputs/AAPL"
    assert f"{CHILD} was trained on later sessions: it is replaced by a model that ends on {EARLIER}" in called.err
    assert (trained.home / PARENT).is_file()
    assert forecast(trained)["trained_to"] == EARLIER


def test_what_is_trained_on_the_way_replaces_nothing_whatever_is_set(trained: Cli) -> None:
    before = stored(trained)
    trained.setenv(STOCKOPS_REPLACE="1")
    assert forecast(trained, "--as-of", EARLIER)["trained_to"] == EARLIER
    assert stored(trained)[Path(CHILD).name] == before[Path(CHILD).name]
    assert stored(trained)[Path(PARENT).name] == before[Path(PARENT).name]


def test_a_model_of_the_day_itself_is_no_look_back(trained: Cli) -> None:
    assert trained("train-child", "--ticker", "AAPL").document["location"] == "outputs/AAPL"


@pytest.mark.parametrize(
    ("day", "words", "degraded"),
    [("2006-07-14", False, []), ("2006-08-31", True, []), ("2006-12-29", True, ["stale model"])],
)
def test_an_old_model_is_said(trained: Cli, day: str, words: bool, degraded: list[str]) -> None:
    called = trained("predict-child", "--ticker", "AAPL", "--as-of", day)
    unseen = called.document["model_age_sessions"]
    assert called.document["degraded"] == degraded
    assert (f"has not seen the last {unseen} sessions" in called.err) == words
    assert (unseen > 63) == bool(degraded)


def test_how_old_is_too_old_is_a_setting_that_a_kept_forecast_minds(trained: Cli) -> None:
    day = ("--as-of", "2006-08-31")
    assert forecast(trained, *day)["degraded"] == []
    trained.setenv(STOCKOPS_MODEL_MAX_AGE="10")
    first, again = forecast(trained, *day), forecast(trained, *day)
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["degraded"] == again["degraded"] == ["stale model"]


@pytest.fixture
def csv(trained: Cli) -> tuple[str, ...]:
    """Options that read files which go on where the samples end."""
    folder = trained.home / "prices"
    folder.mkdir()
    for symbol in ("AAPL", "KO", "^GSPC"):
        (folder / f"{symbol}.csv").write_text(to_csv(history(last=date(2006, 7, 14))))
    return "--source", "csv", "--data-dir", str(folder), "--as-of", "2006-07-14"


def test_a_model_of_another_source_serves_with_a_warning(trained: Cli, csv: tuple[str, ...]) -> None:
    called = trained("predict-child", "--ticker", "AAPL", *csv)
    assert called.code == 0, called.err
    assert called.document["degraded"] == ["model of another source"]
    assert called.document["model_source"] == "sample"
    assert "was trained on prices from sample and forecasts prices from csv" in called.err


def test_a_child_of_a_parent_of_another_source_says_so(trained: Cli, csv: tuple[str, ...]) -> None:
    called = trained("train-child", "--ticker", "KO", *csv)
    assert called.document["degraded"] == ["model of another source"]
    assert "its parent was trained on prices from sample" in called.err


def test_doctor_lists_what_is_stale_or_strange(trained: Cli) -> None:
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
    called = trained("train-child", "--ticker", "^GSPC")
    assert called.document["location"] == "outputs/parent"
    assert called.document["model_version"] == parent["model_version"]
    assert trained("train-child", "--ticker", "^GSPC", "--skip-fresh").document["status"] == "fresh"
    assert not (trained.home / "outputs" / "^GSPC").exists()


@pytest.mark.parametrize("days", [1, 5, 8])
def test_a_forecast_has_one_shape(trained: Cli, days: int) -> None:
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
