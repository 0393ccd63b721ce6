"""Many tickers on a Ray cluster (port Engine), whose nodes share the home; Ray's owner.

Ray repeats what was under way on a node that is lost. Workers read secrets from their own environment or the home's
`.env`: they travel neither with a task nor in the cluster's description of it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from stockops.errors import ServiceError, StockopsError, TryAgainError, UsageError

T = TypeVar("T")

_RETRIES = 3
_AHEAD = 2  # tickers at hand for each that is worked on; more would only fill memory
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # as everywhere: sums in the same order give the same bytes


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Port Engine. address: of the cluster's head, "" for a cluster on this machine that ends with the call.

    threads: that a ticker takes, which are cores to Ray.
    """

    address: str
    threads: int
    at_once: None = None

    def each(self, work: Callable[[str], T], tickers: Sequence[str]) -> Iterator[tuple[str, T | StockopsError]]:
        """Work on tickers as cores of the cluster become free."""
        ray = self._connected()
        try:
            unit = ray.remote(num_cpus=self.threads, max_retries=_RETRIES)(_unit)
            told = ray.put(work)
            most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)) // self.threads)
            waiting = list(reversed(tickers))
            under_way: dict[Any, str] = {}
            while waiting or under_way:
                while waiting and len(under_way) < most:
                    ticker = waiting.pop()
                    under_way[unit.remote(told, ticker)] = ticker
                [done], _ = ray.wait(list(under_way), num_returns=1)
                ticker = under_way.pop(done)
                try:
                    yield ticker, ray.get(done)
                except ray.exceptions.RayError as exc:
                    yield ticker, _lost(ticker, exc)
        finally:
            ray.shutdown()

    def _connected(self) -> Any:
        try:
            import ray
        except ImportError:
            raise UsageError("--engine ray needs Ray", "install it: pip install 'stockops[ray]'") from None
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(
                address=self.address or "local",
                include_dashboard=None if self.address else False,
                log_to_driver=False,
                configure_logging=False,
                runtime_env={"env_vars": _ENVIRONMENT},
            )
        except (ConnectionError, RuntimeError, ValueError) as exc:
            place = self.address or "this machine"
            message = f"no Ray cluster at {place}: {str(exc).splitlines()[0][:200]}"
            raise ServiceError(message, "start one (ray start --head), or leave --engine local", service="ray") from exc
        return ray


def _unit(work: Callable[[str], T], ticker: str) -> T:
    return work(ticker)


def _lost(ticker: str, exc: Exception) -> TryAgainError:
    why = str(exc).splitlines()[0][:200] if str(exc) else type(exc).__name__
    return TryAgainError(f"{ticker}: its Ray worker was lost {_RETRIES + 1} times: {why}", "see the cluster's log")
