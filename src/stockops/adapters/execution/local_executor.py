"""Many tickers on this machine (port Executor): worker processes, of which one that is killed costs no result."""

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

from stockops.errors import StockopsError, TryAgainError
from stockops.threads import MULTI_PROCESS

T = TypeVar("T")

_IDLE_SECONDS = 60
_LOOK_SECONDS = 0.25  # between two looks for the parent


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Port Executor. jobs: processes at once."""

    jobs: int

    @property
    def max_parallel(self) -> int:
        """How many tickers are worked on at once."""
        return self.jobs

    def map(self, work: Callable[[str], T], tickers: Sequence[str]) -> Iterator[tuple[str, T | StockopsError]]:
        """Work on tickers as processes become free.

        When a worker dies, nobody knows which of those under way was too much for it: each of them is worked on
        again, alone, and the rest by fresh workers.
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
    """Return how many cores this process may use, a container's limit counted."""
    return int(cpu_count())


def _pool(jobs: int, work: Callable[[str], T], waiting: deque[str]) -> Generator[tuple[str, T], None, list[str]]:
    """Work until nobody waits; return those that were under way when a worker died."""
    workers = min(jobs, len(waiting))
    executor = ProcessPoolExecutor(
        workers, timeout=_IDLE_SECONDS, initializer=_begin, initargs=(os.getpid(),), env=MULTI_PROCESS
    )
    under_way: dict[Future[T], str] = {}
    lost: list[str] = []
    try:
        while (waiting or under_way) and not lost:
            while waiting and len(under_way) < 2 * jobs:  # one to do and one at hand for each: memory stays flat
                ticker = waiting.popleft()
                try:
                    under_way[executor.submit(work, ticker)] = ticker
                except BrokenProcessPool:  # a worker has died while a result was being shown
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
    """Leave Ctrl-C to the process that was called, which ends its workers, and end with it if it cannot."""
    for number in (signal.SIGINT, signal.SIGHUP):  # both reach all processes of a terminal
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process soon after its parent has: one that was killed tells nobody. What is written is whole."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
