"""Commands with Feast and MLflow switched on, and during outages of each."""

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
from tests.integration.cli import Cli, copy_tables
from tests.loopback_http import serving
from tests.servers import MlflowServer, RedisServer, free_port

TRAIN = ("train-child", "--ticker", "AAPL")
PREDICT = ("predict-child", "--ticker", "AAPL", "--no-cache")


def runs(home: Path, name: str) -> list[Run]:
    """Return the runs with a name in a home's own MLflow store."""
    client = MlflowClient(tracking_uri=f"sqlite:///{home}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("stockops")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], max_results=100)
    return [run for run in found if run.info.run_name == name]


@pytest.fixture
def mlflow_cli(trained: Cli, mlflow_tables: Path) -> Cli:
    copy_tables(mlflow_tables, trained.home)
    trained.setenv(STOCKOPS_TRACKING="")
    return trained


@pytest.fixture
def feast_cli(trained: Cli) -> Cli:
    trained.setenv(STOCKOPS_FEATURE_STORE="")
    return trained


def test_training_records_a_run_and_registers_its_model_as_production(mlflow_cli: Cli) -> None:
    document = mlflow_cli(*TRAIN).document
    assert document["degraded"] == []
    [run] = runs(mlflow_cli.home, "Child_Training_AAPL")
    assert run.info.run_id == document["run_id"]
    assert run.data.params["context_len"] == "60"
    assert run.data.params["epochs"] == "1"
    assert run.data.metrics["persistence_RMSE"] == document["metrics"]["persistence"]["RMSE"]
    assert run.data.metrics["validation_skill_RMSE"] == document["metrics"]["validation"]["skill"]["RMSE"]
    client = MlflowClient(tracking_uri=f"sqlite:///{mlflow_cli.home}/mlruns/mlflow.db")
    version = client.get_model_version_by_alias("stockops-child-AAPL", "production")
    assert version.tags["model_version"] == document["model_version"]
    folder = Path(str(version.source).removeprefix("file://"))
    served_weights = mlflow_cli.home / "outputs/AAPL/AAPL_child_model.pt"
    assert (folder / version.tags["weights"]).read_bytes() == served_weights.read_bytes()
    assert json.loads((folder / version.tags["card"]).read_text())["model_version"] == document["model_version"]
    assert json.loads(version.tags["signature"])["inputs"][0]["shape"] == [-1, 60, 7]


def test_a_model_stored_apart_is_recorded_but_not_registered(mlflow_cli: Cli) -> None:
    assert mlflow_cli("predict-child", "--ticker", "AAPL", "--as-of", "2006-03-31").code == 0
    assert len(runs(mlflow_cli.home, "Child_Training_AAPL")) == 1
    client = MlflowClient(tracking_uri=f"sqlite:///{mlflow_cli.home}/mlruns/mlflow.db")
    assert client.search_registered_models() == []


def test_a_tracker_outage_leaves_no_run_id_and_is_reported_once(mlflow_cli: Cli) -> None:
    mlflow_cli.setenv(MLFLOW_TRACKING_URI=f"http://anna:sesame@127.0.0.1:{free_port()}")
    result = mlflow_cli("train-child", "--ticker", "AAPL", "--ticker", "MSFT")
    assert result.code == 0
    for row in result.rows:
        assert row["run_id"] is None
        assert row["degraded"] == ["mlflow"]
    assert result.err.count("mlflow") == 1
    assert "sesame" not in result.err + result.out


def test_runs_are_recorded_on_a_server_and_training_survives_its_death(
    mlflow_cli: Cli, mlflow_tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"), mlflow_tables)
    server.start()
    mlflow_cli.setenv(MLFLOW_TRACKING_URI=server.url)
    run_id = mlflow_cli(*TRAIN).document["run_id"]
    assert MlflowClient(tracking_uri=server.url).get_run(run_id).data.tags["ticker"] == "AAPL"
    server.stop()
    assert mlflow_cli(*TRAIN).document["run_id"] is None


class _Recorder(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]] = []  # noqa: RUF012  replaced for each test

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


def test_the_dagshub_token_is_sent_in_a_header_and_never_printed(mlflow_cli: Cli, recorder: str) -> None:
    names = {"DAGSHUB_USER_NAME": "anna", "DAGSHUB_REPO_NAME": "stocks", "DAGSHUB_TOKEN": "opensesame"}
    mlflow_cli.setenv(STOCKOPS_DAGSHUB_URL=recorder, **names)
    result = mlflow_cli(*TRAIN)
    assert result.document["degraded"] == ["mlflow"]  # it answers 404 to everything
    assert {path.split("/")[1:3] == ["anna", "stocks.mlflow"] for path, _ in _Recorder.seen} == {True}
    assert {authorization for _, authorization in _Recorder.seen} == {"Basic YW5uYTpvcGVuc2VzYW1l"}
    assert "opensesame" not in result.err + result.out


def test_no_other_server_gets_the_dagshub_token(mlflow_cli: Cli, recorder: str) -> None:
    names = {"DAGSHUB_USER_NAME": "anna", "DAGSHUB_REPO_NAME": "stocks", "DAGSHUB_TOKEN": "opensesame"}
    mlflow_cli.setenv(MLFLOW_TRACKING_URI=recorder, **names)
    assert mlflow_cli(*TRAIN).code == 0
    assert _Recorder.seen
    assert {authorization for _, authorization in _Recorder.seen} == {None}


def test_a_forecast_is_the_same_with_stored_and_with_computed_features(feast_cli: Cli) -> None:
    computed = feast_cli(*PREDICT).document
    assert computed["features"] == {"source": "computed"}  # nothing stored yet
    assert feast_cli(*TRAIN).document["degraded"] == []
    stored = feast_cli(*PREDICT).document
    assert stored["features"] == {"source": "feast"}
    assert stored["predictions"] == computed["predictions"]
    other_day = feast_cli(*PREDICT, "--as-of", "2006-07-07").document
    assert other_day["features"] == {"source": "computed"}
    assert other_day["degraded"] == []


def test_features_get_returns_the_last_row_of_the_offline_file(feast_cli: Cli) -> None:
    missing = feast_cli("features", "get", "--ticker", "AAPL")
    assert missing.code == 3
    assert "run: stockops features materialize --ticker AAPL" in missing.err
    feast_cli(*TRAIN)
    online = feast_cli("features", "get", "--ticker", "AAPL").document
    last = pd.read_parquet(feast_cli.home / "feature_store/data/features.parquet/AAPL.parquet").iloc[-1]
    assert online["features"] == {name: float(last[name]) for name in online["features"]}
    assert len(online["features"]) == 7
    assert pd.Timestamp(online["event_time"]) == last["event_timestamp"] == pd.Timestamp("2006-06-30 20:00", tz="UTC")


def test_features_materialize_computes_features_without_training(feast_cli: Cli) -> None:
    assert feast_cli("features", "apply").document["applied"] is True
    assert feast_cli("features", "apply").document["applied"] is False
    result = feast_cli("features", "materialize", "--ticker", "AAPL", "--ticker", "FB", "--ticker", "MSFT")
    assert result.code == 3  # FB was listed later; the others are written
    assert [row.get("written") for row in result.rows] == [True, None, True]
    assert feast_cli("features", "materialize").document["materialized"] == ["AAPL", "MSFT"]
    look_back = feast_cli("features", "materialize", "--ticker", "AAPL", "--as-of", "2006-03-31").document
    assert (look_back["last"], look_back["written"]) == ("2006-03-31", False)
    assert feast_cli("features", "get", "--ticker", "MSFT").document["ticker"] == "MSFT"
    assert feast_cli(*PREDICT).document["features"] == {"source": "feast"}


def test_skewed_features_are_reported_and_neither_used_nor_cached(
    feast_cli: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests.builders import bars, to_csv

    data, table = tmp_path_factory.mktemp("data"), bars(400)
    for name in ("AAPL", "^GSPC"):
        (data / f"{name}.csv").write_text(to_csv(table))
    feast_cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(data), STOCKOPS_AS_OF="")
    feast_cli(*TRAIN)
    skewed = table.copy()
    skewed.loc[table.index[-1], "Volume"] = float(table["Volume"].iloc[-1]) * 1.01
    (data / "AAPL.csv").write_text(to_csv(skewed))
    for _ in range(2):
        result = feast_cli("predict-child", "--ticker", "AAPL")
        assert result.document["features"] == {"source": "computed", "skew": ["Volume"]}
        assert result.document["cached"] is False
        assert "training-serving skew: the feature store has Volume" in result.err
    assert feast_cli("features", "materialize", "--ticker", "AAPL").code == 0
    assert feast_cli("predict-child", "--ticker", "AAPL").document["features"] == {"source": "feast"}


def test_a_damaged_feature_store_only_causes_features_to_be_computed(feast_cli: Cli) -> None:
    version = feast_cli(*TRAIN).document["model_version"]
    for name in ("registry.db", "online_store.db"):
        (feast_cli.home / "feature_store/data" / name).write_bytes(b"\xff" * 300)
    forecast = feast_cli("predict-child", "--ticker", "AAPL")
    assert forecast.document["degraded"] == ["feast"]
    assert forecast.document["features"] == {"source": "computed"}
    assert feast_cli("predict-child", "--ticker", "AAPL").document["cached"] is False
    assert feast_cli(*TRAIN).document["model_version"] == version
    assert feast_cli("features", "get", "--ticker", "AAPL").code == 5


def test_a_redis_outage_is_reported_as_redis_and_not_also_as_feast(feast_cli: Cli, tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    server.start()
    feast_cli.setenv(REDIS_URL=server.url)
    assert feast_cli(*TRAIN).document["degraded"] == []
    first = feast_cli("predict-child", "--ticker", "AAPL").document
    assert first["features"] == {"source": "feast"}
    server.stop()
    during_outage = feast_cli("predict-child", "--ticker", "AAPL")
    assert during_outage.document == first | {"features": {"source": "computed"}, "degraded": ["redis"]}
    assert during_outage.err.count("redis") == 1


def _train(ticker: str, out: Path) -> None:
    with out.open("w") as stdout, redirect_stdout(stdout):
        code = main(["train-child", "--ticker", ticker])
    sys.exit(code)


def test_concurrent_trainings_in_an_empty_home_all_succeed(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    cli.setenv(STOCKOPS_FEATURE_STORE="", STOCKOPS_TRACKING="")
    tickers = ("AAPL", "MSFT")
    outputs = [tmp_path_factory.mktemp("results") / "out" for _ in range(4)]
    processes = [forked.start(_train, ticker, out) for ticker, out in zip(tickers * 2, outputs, strict=True)]
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * 4
    documents = [json.loads(out.read_text()) for out in outputs]
    assert [document["degraded"] for document in documents] == [[]] * 4
    assert len(runs(cli.home, "Parent_Training")) == 1
    for ticker in tickers:
        assert len(runs(cli.home, f"Child_Training_{ticker}")) == 2
        [version] = {document["model_version"] for document in documents if document["ticker"] == ticker}
        forecast = cli("predict-child", "--ticker", ticker).document
        assert forecast["model_version"] == version
        assert forecast["features"] == {"source": "feast"}
    assert cli("doctor").code == 0
