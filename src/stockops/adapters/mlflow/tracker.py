"""Runs, metrics, artifacts and the model registry in MLflow (port Tracker). The owner of mlflow.

A training is recorded in one go after it ends: a dead server costs seconds at the end and nothing before, and a killed
training leaves no run that appears to go on forever.
"""

import logging
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stockops.adapters.mlflow import moved, recorder
from stockops.adapters.mlflow.tracking_server import TrackingServer, unserved
from stockops.adapters.network.bounded_requests import bounded
from stockops.adapters.storage.atomic_write import created_whole
from stockops.adapters.storage.block_import import block_import
from stockops.adapters.storage.locks import locked
from stockops.errors import TryAgainError, UsageError
from stockops.records import EpochLoss, TrainingRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

log = logging.getLogger("stockops.mlflow")

EXPERIMENT = "stockops"
_LOCK_SECONDS = 60.0
_BATCH = 1_000  # most metrics per request
_MLFLOW_DEFAULTS = {  # by default MLflow retries a dead server for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowTracker:
    """Port Tracker. uri "": a SQLite file under the home's `mlruns/`. username "": no credentials from the settings."""

    home: Path
    uri: str
    username: str
    password: str
    needs: tuple[str, ...] = ("mlflow",)

    def record(self, run: TrainingRun) -> str:
        """Record a run with its files and register its model, if any, as production; return the run id."""
        place = TrackingServer.of(self.uri, self.home)
        with self._environment(), bounded():
            place.probe(os.environ)
            with _translate_errors(place.shown), self._alone(place):
                client = _client(place)
                experiment = _experiment(client, place)
                recorder.end_abandoned(client, experiment, alone=place.in_home)
                tags = {**run.tags, **recorder.tag()}
                run_id = client.create_run(
                    experiment, start_time=_milliseconds(run.started), tags=tags, run_name=run.name
                ).info.run_id
                with _ended(client, run_id, run.ended):
                    _log(client, run_id, run)
                    if run.model is not None:
                        _register(client, run_id, run.model, run)
        return str(run_id)

    def check(self) -> str:
        """Return version and location."""
        with self._environment():
            return TrackingServer.of(self.uri, self.home).check(os.environ)

    def _alone(self, place: TrackingServer) -> AbstractContextManager[object]:
        """Lock a SQLite file: two processes creating its tables at once would corrupt it for good."""
        if place.database is None:
            return nullcontext()
        return locked(self.home / "mlruns" / ".lock", _LOCK_SECONDS, "another process is recording")

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """Set what MLflow reads only from the environment: our defaults, and the credentials for a server."""
        wanted = {name: value for name, value in _MLFLOW_DEFAULTS.items() if name not in os.environ}
        if self.username:
            wanted |= {"MLFLOW_TRACKING_USERNAME": self.username, "MLFLOW_TRACKING_PASSWORD": self.password}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextmanager
def _translate_errors(place: str) -> Iterator[None]:
    """Raise failures of MLflow, its dependencies and our own folder as ServiceError."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    hint = "see that it runs and takes records; the model is trained and written all the same"
    try:
        yield
    except ImportError as exc:  # the missing driver of a database that MLflow supports
        raise unserved(place, str(exc), "install the driver, or choose another MLFLOW_TRACKING_URI") from None
    except (MlflowException, SQLAlchemyError, sqlite3.Error, CommandError, OSError, TryAgainError, UsageError) as exc:
        raise unserved(place, str(exc) or type(exc).__name__, hint) from None


def _client(place: TrackingServer) -> "MlflowClient":
    from mlflow import MlflowClient

    for noisy in ("mlflow", "alembic"):  # they log each table they create
        logging.getLogger(noisy).setLevel(logging.ERROR)
    if place.is_server:
        # MLflow loads every request-header plugin; Feast's costs seven seconds of imports.
        with block_import("feast"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow.tracking.request_header.registry  # noqa: F401
    if place.database is not None and not place.database.exists():
        _make(place.database, place.artifacts)
    return MlflowClient(tracking_uri=place.uri, registry_uri=place.uri)


def _make(database: Path, artifacts: Path) -> None:
    """Create MLflow's database under a temporary name first, so that a killed process leaves nothing half-made."""
    from mlflow import MlflowClient

    database.parent.mkdir(parents=True, exist_ok=True)
    with created_whole(database) as new:
        MlflowClient(tracking_uri=f"sqlite:///{new}").search_experiments()
        moved.settle(new, artifacts)


def _experiment(client: "MlflowClient", place: TrackingServer) -> str:
    """Return the experiment's id, creating it if needed; if the home was moved, its addresses are updated first."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        location = None if place.is_server else place.artifacts.as_uri()
        try:
            return str(client.create_experiment(EXPERIMENT, artifact_location=location))
        except MlflowException:
            found = client.get_experiment_by_name(EXPERIMENT)  # another process created it first
            if found is None:
                raise
    elif place.database and place.in_home and moved.has_moved(found.artifact_location, place.artifacts):
        moved.follow(place.database, found.artifact_location, place.artifacts)
    return str(found.experiment_id)


@contextmanager
def _ended(client: "MlflowClient", run_id: str, ended: datetime) -> Iterator[None]:
    """End the run as finished, or as failed if it could not be fully recorded."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError):
        try:
            client.set_terminated(run_id, "FAILED", end_time=_milliseconds(ended))
        except (MlflowException, OSError) as exc:
            log.debug("run %s could not be marked as failed: %s", run_id, exc)
        raise
    client.set_terminated(run_id, "FINISHED", end_time=_milliseconds(ended))


def _log(client: "MlflowClient", run_id: str, run: TrainingRun) -> None:
    from mlflow.entities import Metric, Param

    now = _milliseconds(run.ended)
    client.log_batch(run_id, params=[Param(name, value) for name, value in run.params.items()])
    metrics = [*_curves(run.history, now), *(Metric(name, value, now, 0) for name, value in run.metrics.items())]
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
    with tempfile.TemporaryDirectory() as folder:
        for name, data in run.files.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder)


def _curves(history: Iterable[EpochLoss], now: int) -> "Iterator[Metric]":
    from mlflow.entities import Metric

    for epoch in history:
        points = {"loss": epoch.loss, "validation_loss": epoch.validation_loss, "learning_rate": epoch.learning_rate}
        yield from (Metric(name, value, now, epoch.epoch) for name, value in points.items() if value is not None)


def _register(client: "MlflowClient", run_id: str, name: str, run: TrainingRun) -> None:
    """Create a model version from the run's own artifacts and point `production` to it."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as exc:
        if exc.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = client.get_run(run_id).info.artifact_uri
    version = client.create_model_version(
        name, source, run_id=run_id, tags=dict(run.model_tags), await_creation_for=0
    ).version
    client.set_registered_model_alias(name, "production", version)
    try:
        with warnings.catch_warnings():  # stages are deprecated; set for clients that still read them
            warnings.simplefilter("ignore", FutureWarning)
            client.transition_model_version_stage(name, version, "Production", archive_existing_versions=True)
    except MlflowException as exc:
        log.debug("no stage: %s", exc)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
