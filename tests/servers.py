"""Real servers for tests: started on a free loopback port, stopped by their process id, data in a test's folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
import redis


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def needed(program: str, package: str) -> str:
    """Return the path of a server's program; without it the test is skipped at home and fails in CI."""
    path = shutil.which(program)
    if path is None:
        message = f"{program} is not installed (Debian: {package})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds; fail when it does not in time."""
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Tell whether something accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A server process that can die or hang when a test wants it to."""

    def __init__(
        self, arguments: list[str], port: int, folder: Path, seconds: float = 30, env: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self._arguments = arguments
        self._folder = folder
        self._seconds = seconds
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments, stdout=log, stderr=log, start_new_session=True, env=self._env
            )
        wait_until(lambda: listens(self.port), self._seconds, " ".join(self._arguments))

    def kill(self) -> None:
        """End it at once, its children too."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it; it may be dead or hanging already."""
        self.resume()
        self.kill()

    def pause(self) -> None:
        """Let it hang: connections are accepted by the kernel, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, which)


class RedisServer(Server):
    """A Redis without persistence; `more` are options of its own."""

    def __init__(self, folder: Path, *more: str) -> None:
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *more]
        super().__init__([needed("redis-server", "redis-server"), *options], port, folder)
        self.url = f"redis://127.0.0.1:{port}/0"

    def fill(self) -> None:
        """Leave it with more than it has room for: it still answers, and takes nothing."""
        client = redis.Redis.from_url(self.url)
        client.set("much", b"x" * 3_000_000)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")


class MlflowServer(Server):
    """An MLflow tracking server on a SQLite file of its own; it takes some seconds to start."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        store = ["--backend-store-uri", f"sqlite:///{folder}/m.db", "--artifacts-destination", f"{folder}/artifacts"]
        where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        alone = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # ten more processes that nobody here gives a job
        command = [sys.executable, "-m", "mlflow", "server", *store, *where]
        super().__init__(command, port, folder, seconds=90, env=alone)
        self.url = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        wait_until(lambda: httpx.get(f"{self.url}/health").status_code == 200, 30, "MLflow answering")


class PushgatewayServer(Server):
    """A pushgateway that forgets everything when it ends; `web` is a file that says who may use it."""

    def __init__(self, folder: Path, web: Path | None = None) -> None:
        port = free_port()
        program = needed("prometheus-pushgateway", "prometheus-pushgateway")
        guard = [f"--web.config.file={web}"] if web else []
        # Debian's has a persistence file that is the machine's; a test's pushgateway keeps nothing.
        where = [f"--web.listen-address=127.0.0.1:{port}", "--persistence.file=", "--log.level=warn"]
        super().__init__([program, *where, *guard], port, folder)
        self.url = f"http://127.0.0.1:{port}"


class PrometheusServer(Server):
    """A Prometheus on a configuration and a database of its own."""

    def __init__(self, folder: Path, configuration: str) -> None:
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(configuration)
        where = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder}/tsdb"]
        options = [f"--config.file={folder}/prometheus.yml", "--log.level=warn", *where]
        super().__init__([needed("prometheus", "prometheus"), *options], port, folder)
        self.url = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start it and wait until it answers queries."""
        super().start()
        wait_until(lambda: httpx.get(f"{self.url}/-/ready").status_code == 200, 30, "Prometheus answering")

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return what an expression is now, by its labels; fails with Prometheus's own words."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{answer.get('error')} in {expression}"
        result = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return {(): float(result[1])}
        return {tuple(sorted(point["metric"].items())): float(point["value"][1]) for point in result}
