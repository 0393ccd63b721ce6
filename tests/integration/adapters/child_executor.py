"""An executor that runs in a child process, as Ray's must: its driver can crash a process that starts a second one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import cloudpickle

from stockops.errors import StockopsError
from stockops.ports import Executor
from tests.places import ROOT

_END_SECONDS = 60


@dataclass(frozen=True)
class ChildExecutor:
    """Port Executor. executor: any that can be pickled; its `map` runs in a child that lives as long as the call."""

    executor: Executor

    @property
    def max_parallel(self) -> int | None:
        return self.executor.max_parallel

    def map(self, work: Callable[[str], Any], tickers: Sequence[str]) -> Iterator[tuple[str, Any | StockopsError]]:
        """Yield one outcome at a time; the child goes on when the next one is asked for."""
        command = [sys.executable, "-m", __name__]
        child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            _send(child.stdin, (self.executor, work, tuple(tickers)))
            while (outcome := cloudpickle.load(child.stdout)) is not None:
                yield outcome
                _send(child.stdin, "next")
        finally:
            child.stdin.close()  # ends a waiting child
            child.stdout.close()
            assert child.wait(_END_SECONDS) == 0


def _send(stream: IO[bytes], message: object) -> None:
    cloudpickle.dump(message, stream)
    stream.flush()


def main() -> None:
    """Run the work read from stdin and write its outcomes to stdout, to which nothing else is written."""
    outcomes_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    executor, work, tickers = cloudpickle.load(sys.stdin.buffer)
    outcomes = executor.map(work, tickers)
    for outcome in outcomes:
        _send(outcomes_out, outcome)
        try:
            cloudpickle.load(sys.stdin.buffer)
        except EOFError:
            outcomes.close()
            return
    _send(outcomes_out, None)


if __name__ == "__main__":
    main()
