"""Many tickers on this machine (port Executor), in worker processes; a killed worker's tickers are retried."""

import gc
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar

from loky import ProcessPoolExecutor, cpu_count

from stockops import GC_THRESHOLD
from stockops.errors import StockopsError, TryAgainError
from stockops.threads import MULTI_PROCESS

T = TypeVar("T")

_IDLE_SECONDS = 60
_LOOK_SECONDS = 0.25  # between checks that the parent is alive
_QUIET_TRACKER = "ignore:resource_tracker"  # it cleans up after killed workers, and warns when the call is over


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Port Executor. jobs: maximum number of worker processes."""

    jobs: int

    @property
    def max_parallel(self) -> int:
        """How many tickers run at once."""
        return self.jobs

    def map(self, work: Callable[[str], T], tickers: Sequence[str]) -> Iterator[tuple[str, T | StockopsError]]:
        """Run tickers as processes become free.

        When a worker dies, there is no telling which ticker in flight was to blame: each is retried alone, and the rest
        run on new workers. A ticker whose worker dies again yields TryAgainError.
        """
        waiting = deque(tickers)
        while waiting:
            for suspect in (yield from _pool(self.jobs, work, waiting)):
                if (yield from _pool(1, work, deque([suspect]))):
                    yield (
                        suspect,
                        TryAgainError(
                            f"{suspect}: its worker was killed, twice", "free some memory or give fewer --jobs"
                        ),
                    )


def cores() -> int:
    """Return how many cores this process may use, within any container limit."""
    return int(cpu_count())


def _pool(jobs: int, work: Callable[[str], T], waiting: deque[str]) -> Generator[tuple[str, T], None, list[str]]:
    """Yield results until no tickers remain; return those in flight when a worker died."""
    workers = min(jobs, len(waiting))
    os.environ.setdefault("PYTHONWARNINGS", _QUIET_TRACKER)
    executor = ProcessPoolExecutor(
        workers, timeout=_IDLE_SECONDS, initializer=_begin, initargs=(os.getpid(),), env=MULTI_PROCESS
    )
    under_way: dict[Future[T], str] = {}
    lost: list[str] = []
    try:
        while (waiting or under_way) and not lost:
            while waiting and len(under_way) < 2 * jobs:  # one running and one queued per process: memory stays flat
                ticker = waiting.popleft()
                try:
                    under_way[executor.submit(work, ticker)] = ticker
                except BrokenProcessPool:  # a worker died while the caller handled a result
                    lost.append(ticker)
                    break
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                ticker = under_way.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(ticker)
                else:
                    yield ticker, result
    finally:
        executor.shutdown(kill_workers=True)
    return lost + list(under_way.values())


def _begin(parent: int) -> None:
    """Ignore Ctrl-C, which the parent handles by ending its workers, and exit if the parent dies first."""
    gc.set_threshold(GC_THRESHOLD)
    for number in (signal.SIGINT, signal.SIGHUP):  # both reach every process of a terminal
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """Exit soon after the parent does: a killed parent cannot end its workers. Safe, since writes are atomic."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
