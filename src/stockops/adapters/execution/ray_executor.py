"""Many tickers on a Ray cluster (port Executor) whose nodes share the home; the only module that imports Ray.

Ray retries what was running on a lost node. Workers read secrets from their own environment or the home's `.env`:
secrets are sent neither with a task nor in the cluster's description of it.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from stockops.errors import ServiceError, StockopsError, TryAgainError, UsageError
from stockops.threads import SINGLE_PROCESS
from stockops.wording import one_line

T = TypeVar("T")

_RETRIES = 3
_AHEAD = 2  # tickers submitted per running one; more would only fill memory
_CONNECT_SECONDS = 3.0
_RAY_DEFAULTS = {  # by default Ray retries an unresponsive head for ten minutes
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_NUM_REDIS_GET_RETRIES": "1",
    "RAY_py_gcs_connect_timeout_s": "3",
}


@dataclass(frozen=True, slots=True)
class RayExecutor:
    """Port Executor. address: the cluster's head, "" for a cluster on this machine that ends with the call.

    threads: threads per ticker, which Ray counts as cores.
    look_seconds: seconds between checks of a cluster that finishes nothing.
    """

    address: str
    threads: int
    look_seconds: float = 30.0
    max_parallel: None = None

    def map(self, work: Callable[[str], T], tickers: Sequence[str]) -> Iterator[tuple[str, T | StockopsError]]:
        """Run tickers as cores of the cluster become free."""
        ray = self._connected()
        try:
            nodes = _cores(ray)
            if not nodes:
                raise _nobody()
            each = min(self.threads, max(nodes))  # nodes with fewer cores still run as many threads
            unit = ray.remote(num_cpus=each, max_retries=_RETRIES)(_unit)
            told = ray.put(work)
            most = _AHEAD * max(1, sum(nodes) // each)
            waiting = list(reversed(tickers))
            under_way: dict[Any, str] = {}
            while waiting or under_way:
                while waiting and len(under_way) < most:
                    ticker = waiting.pop()
                    under_way[unit.remote(told, ticker)] = ticker
                done, _ = ray.wait(list(under_way), num_returns=1, timeout=self.look_seconds)
                if not done:
                    if _cores(ray):
                        continue
                    yield from ((ticker, _nobody()) for ticker in (*under_way.values(), *reversed(waiting)))
                    return
                ticker = under_way.pop(done[0])
                try:
                    yield ticker, ray.get(done[0])
                except ray.exceptions.RayTaskError as exc:
                    yield ticker, _unable(ticker, exc)
                except ray.exceptions.RayError as exc:
                    yield ticker, _lost(ticker, exc)
        finally:
            ray.shutdown()

    def _connected(self) -> Any:
        os.environ.update({**_RAY_DEFAULTS, **os.environ})
        try:
            import ray
        except ImportError:
            raise UsageError(
                "--engine ray needs Ray", "install it: pip install '.[ray]' in a clone of stockops"
            ) from None
        place = self.address or "this machine"
        try:
            _check_reachable(self.address)
            ray.init(
                address=self.address or "local",
                include_dashboard=None if self.address else False,
                log_to_driver=False,
                configure_logging=False,
                runtime_env={"env_vars": SINGLE_PROCESS},  # a task gets the cores it requests
            )
        except (OSError, RuntimeError, ValueError) as exc:
            message = f"no Ray cluster at {place}: {_why(exc)}"
            raise ServiceError(message, "start one (ray start --head), or leave --engine local", service="ray") from exc
        ray._private.worker._worker_logs_enabled = False  # else lost nodes are printed on stdout, which is for results
        return ray


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at an address; Ray takes seconds and lines of its own log to report it."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:  # else `auto`: Ray finds one itself
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()


def _cores(ray: Any) -> list[int]:
    """Return the core count of each live node that has any."""
    cores = (int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"])
    return [count for count in cores if count]


def _unit(work: Callable[[str], T], ticker: str) -> T:
    return work(ticker)


def _nobody() -> ServiceError:
    return ServiceError("no node of the Ray cluster has a core", "add one: ray start --address …", service="ray")


def _unable(ticker: str, exc: Exception) -> ServiceError:
    """Return the error for a node that failed to start the work, which returns its own errors as results."""
    cause = getattr(exc, "cause", exc)
    message = f"{ticker}: a node of the Ray cluster cannot work: {type(cause).__name__}: {_why(cause)}"
    return ServiceError(message, "install this stockops, and its libraries, on every node", service="ray")


def _lost(ticker: str, exc: Exception) -> TryAgainError:
    message = f"{ticker}: its Ray worker was lost {_RETRIES + 1} times: {_why(exc)}"
    return TryAgainError(message, "see the cluster's log")


def _why(exc: Exception) -> str:
    """Return an error's message on one line, or its class name if it has none."""
    return one_line(exc) or type(exc).__name__
