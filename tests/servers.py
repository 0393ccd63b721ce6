"""Real servers for tests: on a free loopback port, with data in the test's folder, stopped by process id."""

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

# httpx.get would read the certificate authorities for every request. Each request has a connection of its own.
http = httpx.Client(verify=False, limits=httpx.Limits(max_keepalive_connections=0))


def free_port() -> int:
    """Return a port on which nothing listens at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def needed(program: str, package: str) -> str:
    """Return the path of a server's program; if it is missing, skip the test, or fail it in CI."""
    path = shutil.which(program)
    if path is None:
        message = f"{program} is not installed (Debian: {package})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition holds; fail on timeout."""
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Return whether something accepts connections on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A server process that a test can kill or hang."""

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
        """Kill it and its child processes."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop it, even if it is already dead or hanging."""
        self.resume()
        self.kill()

    def pause(self) -> None:
        """Make it hang: the kernel accepts connections, but nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, which)


class RedisServer(Server):
    """A Redis without persistence; more: additional command-line options."""

    def __init__(self, folder: Path, *more: str) -> None:
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *more]
        super().__init__([needed("redis-server", "redis-server"), *options], port, folder)
        self.url = f"redis://127.0.0.1:{port}/0"

    def fill(self) -> None:
        """Fill its memory: it still answers, but rejects writes."""
        client = redis.Redis.from_url(self.url)
        client.set("much", b"x" * 3_000_000)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")


class MlflowServer(Server):
    """An MLflow tracking server; it takes several seconds to start. tables: an empty database, which is copied."""

    def __init__(self, folder: Path, tables: Path) -> None:
        port = free_port()
        shutil.copy(tables, folder / "m.db")
        store = ["--backend-store-uri", f"sqlite:///{folder}/m.db", "--artifacts-destination", f"{folder}/artifacts"]
        where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        alone = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # saves ten processes that no test needs
        command = [sys.executable, "-m", "mlflow", "server", *store, *where]
        super().__init__(command, port, folder, seconds=90, env=alone)
        self.url = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        wait_until(lambda: http.get(f"{self.url}/health").status_code == 200, 30, "MLflow answering")


class PushgatewayServer(Server):
    """A pushgateway that forgets everything when it ends; web: a configuration file with the allowed users."""

    def __init__(self, folder: Path, web: Path | None = None) -> None:
        port = free_port()
        program = needed("prometheus-pushgateway", "prometheus-pushgateway")
        guard = [f"--web.config.file={web}"] if web else []
        # Debian's default is a persistence file shared by the whole machine; tests need none.
        where = [f"--web.listen-address=127.0.0.1:{port}", "--persistence.file=", "--log.level=warn"]
        super().__init__([program, *where, *guard], port, folder)
        self.url = f"http://127.0.0.1:{port}"


class PrometheusServer(Server):
    """A Prometheus with its own configuration and database."""

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
        wait_until(lambda: http.get(f"{self.url}/-/ready").status_code == 200, 30, "Prometheus answering")

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the current values of an expression by their labels; fail with the error from Prometheus."""
        answer = http.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{answer.get('error')} in {expression}"
        result = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return {(): float(result[1])}
        return {tuple(sorted(point["metric"].items())): float(point["value"][1]) for point in result}
