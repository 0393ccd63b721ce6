"""Whole commands with Feast and MLflow switched on, and with each of them failing."""

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stockops.cli import main
from tests.integration import forked
from tests.integration.cli import Cli
from tests.loopback_http import serving
from tests.servers import MlflowServer, RedisServer, free_port

TRAIN = ("train-child", "--ticker", "AAPL")
PREDICT = ("predict-child", "--ticker", "AAPL", "--no-cache")


def runs(home: Path, name: str) -> list[Run]:
    """Return the runs of that name in a home's own store."""
    client = MlflowClient(tracking_uri=f"sqlite:///{home}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("stockops")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], max_results=100)
    return [run for run in found if run.info.run_name == name]


@pytest.fixture
def tracked(trained: Cli) -> Cli:
    trained.setenv(STOCKOPS_TRACKING="")
    return trained


@pytest.fixture
def served(trained: Cli) -> Cli:
    trained.setenv(STOCKOPS_FEATURE_STORE="")
    return trained


def test_a_training_is_a_run_whose_model_is_in_production(tracked: Cli) -> None:
    document = tracked(*TRAIN).document
    assert document["degraded"] == []
    [run] = runs(tracked.home, "Child_Training_AAPL")
    assert run.info.run_id == document["run_id"]
    assert run.data.params["context_len"] == "60"
    assert run.data.params["epochs"] == "1"
    assert run.data.metrics["persistence_RMSE"] == document["metrics"]["persistence"]["RMSE"]
    assert run.data.metrics["validation_skill_RMSE"] == document["metrics"]["validation"]["skill"]["RMSE"]
    client = MlflowClient(tracking_uri=f"sqlite:///{tracked.home}/mlruns/mlflow.db")
    version = client.get_model_version_by_alias("stockops-child-AAPL", "production")
    assert version.tags["model_version"] == document["model_version"]
    folder = Path(str(version.source).removeprefix("file://"))
    served = tracked.home / "outputs/AAPL/AAPL_child_model.pt"
    assert (folder / version.tags["weights"]).read_bytes() == served.read_bytes()
    assert json.loads((folder / version.tags["card"]).read_text())["model_version"] == document["model_version"]
    assert json.loads(version.tags["signature"])["inputs"][0]["shape"] == [-1, 60, 7]


def test_a_model_kept_apart_is_recorded_and_not_registered(tracked: Cli) -> None:
    assert tracked("predict-child", "--ticker", "AAPL", "--as-of", "2006-03-31").code == 0
    assert len(runs(tracked.home, "Child_Training_AAPL")) == 1
    client = MlflowClient(tracking_uri=f"sqlite:///{tracked.home}/mlruns/mlflow.db")
    assert client.search_registered_models() == []


def test_a_dead_tracker_costs_the_run_id_and_one_warning(tracked: Cli) -> None:
    tracked.setenv(MLFLOW_TRACKING_URI=f"http://anna:sesame@127.0.0.1:{free_port()}")
    result = tracked("train-child", "--ticker", "AAPL", "--ticker", "MSFT")
    assert result.code == 0
    for row in result.rows:
        assert row["run_id"] is None
        assert row["degraded"] == ["mlflow"]
    assert result.err.count("mlflow") == 1
    assert "sesame" not in result.err + result.out


def test_a_server_is_used_and_its_death_between_two_trainings_is_survived(
    tracked: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    tracked.setenv(MLFLOW_TRACKING_URI=server.url)
    run_id = tracked(*TRAIN).document["run_id"]
    assert MlflowClient(tracking_uri=server.url).get_run(run_id).data.tags["ticker"] == "AAPL"
    server.stop()
    assert tracked(*TRAIN).document["run_id"] is None


class _Recorder(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]] = []  # noqa: RUF012  one a test

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        self.send_error(404)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[str]:
    _Recorder.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Recorder)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


def test_dagshub_is_reached_with_its_token_in_a_header(tracked: Cli, recorder: str) -> None:
    names = {"DAGSHUB_USER_NAME": "anna", "DAGSHUB_REPO_NAME": "stocks", "DAGSHUB_TOKEN": "opensesame"}
    tracked.setenv(STOCKOPS_DAGSHUB_URL=recorder, **names)
    result = tracked(*TRAIN)
    assert result.document["degraded"] == ["mlflow"]  # it answers 404 to everything
    assert {path.split("/")[1:3] == ["anna", "stocks.mlflow"] for path, _ in _Recorder.seen} == {True}
    assert {authorization for _, authorization in _Recorder.seen} == {"Basic YW5uYTpvcGVuc2VzYW1l"}
    assert "opensesame" not in result.err + result.out


def test_no_other_server_is_shown_dagshubs_token(tracked: Cli, recorder: str) -> None:
    names = {"DAGSHUB_USER_NAME": "anna", "DAGSHUB_REPO_NAME": "stocks", "DAGSHUB_TOKEN": "opensesame"}
    tracked.setenv(MLFLOW_TRACKING_URI=recorder, **names)
    assert tracked(*TRAIN).code == 0
    assert _Recorder.seen
    assert {authorization for _, authorization in _Recorder.seen} == {None}


def test_a_forecast_takes_its_features_from_the_store_and_is_the_same_without(served: Cli) -> None:
    computed = served(*PREDICT).document
    assert computed["features"] == {"source": "computed"}  # nothing there yet
    assert served(*TRAIN).document["degraded"] == []
    stored = served(*PREDICT).document
    assert stored["features"] == {"source": "feast"}
    assert stored["predictions"] == computed["predictions"]
    other_day = served(*PREDICT, "--as-of", "2006-07-07").document
    assert other_day["features"] == {"source": "computed"}
    assert other_day["degraded"] == []


def test_features_are_got_as_the_offline_files_have_them(served: Cli) -> None:
    missing = served("features", "get", "--ticker", "AAPL")
    assert missing.code == 3
    assert "run: stockops features materialize --ticker AAPL" in missing.err
    served(*TRAIN)
    got = served("features", "get", "--ticker", "AAPL").document
    last = pd.read_parquet(served.home / "feature_store/data/features.parquet/AAPL.parquet").iloc[-1]
    assert got["features"] == {name: float(last[name]) for name in got["features"]}
    assert len(got["features"]) == 7
    assert pd.Timestamp(got["event_time"]) == last["event_timestamp"] == pd.Timestamp("2006-06-30 20:00", tz="UTC")


def test_features_are_computed_anew_on_demand_without_a_training(served: Cli) -> None:
    assert served("features", "apply").document["applied"] is True
    assert served("features", "apply").document["applied"] is False
    done = served("features", "materialize", "--ticker", "AAPL", "--ticker", "FB", "--ticker", "MSFT")
    assert done.code == 3  # FB was listed later; the others have their features
    assert [row.get("written") for row in done.rows] == [True, None, True]
    assert served("features", "materialize").document["materialized"] == ["AAPL", "MSFT"]
    looked_back = served("features", "materialize", "--ticker", "AAPL", "--as-of", "2006-03-31").document
    assert (looked_back["last"], looked_back["written"]) == ("2006-03-31", False)
    assert served("features", "get", "--ticker", "MSFT").document["ticker"] == "MSFT"
    assert served(*PREDICT).document["features"] == {"source": "feast"}


def test_skew_is_said_and_not_used_and_not_kept(served: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.builders import bars, to_csv

    data, table = tmp_path_factory.mktemp("data"), bars(400)
    for name in ("AAPL", "^GSPC"):
        (data / f"{name}.csv").write_text(to_csv(table))
    served.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(data), STOCKOPS_AS_OF="")
    served(*TRAIN)
    skewed = table.copy()
    skewed.loc[table.index[-1], "Volume"] = float(table["Volume"].iloc[-1]) * 1.01
    (data / "AAPL.csv").write_text(to_csv(skewed))
    for _ in range(2):
        result = served("predict-child", "--ticker", "AAPL")
        assert result.document["features"] == {"source": "computed", "skew": ["Volume"]}
        assert result.document["cached"] is False
        assert "training-serving skew: the feature store has Volume" in result.err
    assert served("features", "materialize", "--ticker", "AAPL").code == 0
    assert served("predict-child", "--ticker", "AAPL").document["features"] == {"source": "feast"}


def test_a_broken_feature_store_costs_its_features_alone(served: Cli) -> None:
    before = served(*TRAIN).document["model_version"]
    for name in ("registry.db", "online_store.db"):
        (served.home / "feature_store/data" / name).write_bytes(b"\xff" * 300)
    forecast = served("predict-child", "--ticker", "AAPL")
    assert forecast.document["degraded"] == ["feast"]
    assert forecast.document["features"] == {"source": "computed"}
    assert served("predict-child", "--ticker", "AAPL").document["cached"] is False
    assert served(*TRAIN).document["model_version"] == before
    assert served("features", "get", "--ticker", "AAPL").code == 5


def test_redis_down_is_named_alone_though_features_are_kept_there_too(served: Cli, tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    server.start()
    served.setenv(REDIS_URL=server.url)
    assert served(*TRAIN).document["degraded"] == []
    first = served("predict-child", "--ticker", "AAPL").document
    assert first["features"] == {"source": "feast"}
    server.stop()
    down = served("predict-child", "--ticker", "AAPL")
    assert down.document == first | {"features": {"source": "computed"}, "degraded": ["redis"]}
    assert down.err.count("redis") == 1


def _train(ticker: str, out: Path) -> None:
    with out.open("w") as results, redirect_stdout(results):
        code = main(["train-child", "--ticker", ticker])
    sys.exit(code)


def test_trainings_at_once_on_a_fresh_home_harm_nothing(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    cli.setenv(STOCKOPS_FEATURE_STORE="", STOCKOPS_TRACKING="")
    tickers = ("AAPL", "MSFT")
    results = [tmp_path_factory.mktemp("results") / "out" for _ in range(4)]
    started = [forked.start(_train, ticker, out) for ticker, out in zip(tickers * 2, results, strict=True)]
    for process in started:
        process.join(300)
    assert [process.exitcode for process in started] == [0] * 4
    documents = [json.loads(out.read_text()) for out in results]
    assert [document["degraded"] for document in documents] == [[]] * 4
    assert len(runs(cli.home, "Parent_Training")) == 1
    for ticker in tickers:
        assert len(runs(cli.home, f"Child_Training_{ticker}")) == 2
        [version] = {document["model_version"] for document in documents if document["ticker"] == ticker}
        forecast = cli("predict-child", "--ticker", ticker).document
        assert forecast["model_version"] == version
        assert forecast["features"] == {"source": "feast"}
    assert cli("doctor").code == 0
