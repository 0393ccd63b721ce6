"""Where MLflow's records are, a server or a database such as our own SQLite file, and whether it responds.

Nothing here imports MLflow: a dead server is detected within seconds, before the 1.5 seconds of that import.
"""

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from stockops.adapters.mlflow import schema
from stockops.adapters.network import addresses
from stockops.adapters.storage import regular_files, sqlite_pages
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.errors import ServiceError
from stockops.wording import one_line

_PROBE_SECONDS = 3.0
_AWAY = "move {} away; runs are lost, models are not"
_NO_ADDRESS = "not an address it takes"
_EXAMPLE = "http://HOST:PORT or sqlite:///PATH, or nothing"
_SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql")


def unserved(place: str, reason: str, hint: str) -> ServiceError:
    """Return the error for a tracker that failed; `place` must be safe to show."""
    detail = addresses.without_credentials(one_line(reason, 300))
    return ServiceError(f"mlflow at {place} does not serve: {detail}", hint, service="mlflow")


@dataclass(frozen=True, slots=True)
class TrackingServer:
    """Where runs are recorded.

    uri: in MLflow's form. shown: the same for display, without secrets. database: the SQLite file, if it is one.
    artifacts: where the files of runs go unless a server decides that. in_home: the database is a file in the home and
    moves with it.
    """

    uri: str
    shown: str
    database: Path | None
    artifacts: Path
    in_home: bool

    @classmethod
    def of(cls, uri: str, home: Path) -> "TrackingServer":
        """Return the location for a tracking URI, "" being a SQLite file under `mlruns/`; ServiceError if invalid."""
        folder = home / "mlruns"
        given, uri = uri, uri or f"sqlite:///{(folder / 'mlflow.db').absolute()}"
        scheme = uri.split(":")[0].split("+")[0]
        if scheme not in _SCHEMES or "://" not in uri:
            raise unserved(addresses.shown(uri, scheme=True), _NO_ADDRESS, addresses.cure(uri, _EXAMPLE))
        database = Path(uri.removeprefix("sqlite:///")) if scheme == "sqlite" else None
        if database is not None and {"?", "%"} & set(str(database)):
            raise unserved(uri, "a path with ? or % in it is no address", "choose another home")
        if database is None and not addresses.is_plain(uri):
            raise unserved(addresses.UNSHOWN, _NO_ADDRESS, addresses.cure(uri, _EXAMPLE))
        shown = uri if database else addresses.shown(uri, scheme=True)
        in_home = not given or (database is not None and database.resolve().is_relative_to(home.resolve()))
        return cls(uri, shown, database, (folder / "artifacts").absolute(), in_home)

    @property
    def is_server(self) -> bool:
        """Whether it is reached over HTTP."""
        return self.uri.startswith("http")

    def probe(self, environment: Mapping[str, str]) -> None:
        """Raise ServiceError if nothing answers or the schema does not fit; other database faults show on opening."""
        if self.is_server:
            self._ask("/", environment)
        elif self.database is not None:
            try:
                if regular_files.check(self.database):
                    self._check_schema(self.database)
            except NotAFileError as exc:
                raise unserved(self.shown, f"it {exc}", _AWAY.format(self.database.name)) from None
            except sqlite3.Error:
                return

    def check(self, environment: Mapping[str, str]) -> str:
        """Return version and location without importing MLflow."""
        if self.database is not None:
            return f"{version('mlflow')}, {self._check_database(self.database)}"
        if not self.is_server:
            return f"{version('mlflow')}, {self.uri.split(':')[0]} database"
        status, text = self._ask("/version", environment)
        if status in (401, 403):
            raise unserved(self.shown, f"it wants other credentials (status {status})", "set MLFLOW_TRACKING_USERNAME")
        return f"{text if status == 200 and len(text) < 20 else f'status {status}'} at {self.shown}"

    def _ask(self, path: str, environment: Mapping[str, str]) -> tuple[int, str]:
        import httpx

        from stockops.adapters.network import bounded_http

        user, password = environment.get("MLFLOW_TRACKING_USERNAME"), environment.get("MLFLOW_TRACKING_PASSWORD")
        auth = (user, password) if user and password else None
        try:
            with bounded_http.client(self.uri, _PROBE_SECONDS, credentials=auth) as client:
                answer = client.get(path)
        except httpx.TimeoutException:
            raise unserved(self.shown, f"no answer in {_PROBE_SECONDS:.0f} s", "is it overloaded?") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise unserved(self.shown, str(exc), "start it, or unset MLFLOW_TRACKING_URI") from None
        return answer.status_code, answer.text.strip()

    def _check_database(self, path: Path) -> str:
        try:
            if not regular_files.check(path):
                return f"{self.shown}, made by the first training"
            self._check_schema(path)
            sqlite_pages.check(path)
        except (sqlite3.Error, NotAFileError) as exc:
            raise unserved(self.shown, str(exc), _AWAY.format(path.name)) from None
        return self.shown

    def _check_schema(self, path: Path) -> None:
        """Raise ServiceError if the installed MLflow does not accept the database's schema."""
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            revision = str(*(database.execute("SELECT version_num FROM alembic_version").fetchone() or ()))
        ours = f"than MLflow {version('mlflow')} takes (schema {revision})"
        match schema.age(revision) if revision else "current":
            case "newer":
                raise unserved(
                    self.shown, f"its tables are of a newer release {ours}", "install the MLflow that wrote it"
                )
            case "older":
                raise unserved(self.shown, f"its tables are older {ours}", f"run: mlflow db upgrade {self.shown}")
