"""Runs many tickers: each its own unit of work, in this process or in workers, its result yielded when done."""

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from stockops.app.context import CALLER_ONLY_SETTINGS, Context
from stockops.console import failures, terminal
from stockops.console.failures import Failure
from stockops.console.progress import ProgressBars
from stockops.errors import StockopsError, UsageError

if TYPE_CHECKING:
    from stockops.ports import Executor


class TickerRecord(Protocol):
    """The result of a command for a ticker."""

    @property
    def ticker(self) -> str:
        """The ticker that it is about."""


R = TypeVar("R", bound=TickerRecord)

TickerHandler = Callable[[str], R]
HandlerFactory = Callable[[Context], TickerHandler[R]]

log = logging.getLogger("stockops")


@dataclass(frozen=True, slots=True)
class TickerResult(Generic[R]):
    """The result of a ticker: a record or a failure, and what a worker logged."""

    record: R | None
    failure: Failure | None
    log_records: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerSpec(Generic[R]):
    """What a worker is told, once for all its tickers.

    make: returns the handler of a command, given the context. settings: those of this call, without secrets. secrets:
    the names of its secrets; the worker takes them from its own environment or the home's `.env`.
    """

    command: str
    make: HandlerFactory[R]
    settings: tuple[tuple[str, Any], ...]
    secrets: tuple[str, ...]
    home: Path

    @classmethod
    def of(cls, context: Context, make: HandlerFactory[R]) -> "WorkerSpec[R]":
        """Return the spec that makes a worker do what this call does."""
        from stockops.settings import public_settings, secrets

        given = {
            name: value for name, value in public_settings(context.settings).items() if name not in CALLER_ONLY_SETTINGS
        }
        shared = {name: value.absolute() if isinstance(value, Path) else value for name, value in given.items()}
        home = shared.pop("home")  # absolute like the others: a worker may run in another folder
        return cls(context.name, make, tuple(sorted(shared.items())), secrets(context.settings), home)


@dataclass(frozen=True, slots=True)
class ExecutionPlan(Generic[R]):
    """How the work on tickers may be distributed over workers.

    cached: returns an answer that needs no work, or None. prepare: makes what every ticker needs, before workers start
    that would wait for it. threads: used by the work, by default torch's. min_parallel: more tickers than this must be
    left for workers to be worth their start.
    """

    cached: Callable[[str], R | None] | None = None
    prepare: Callable[[], object] | None = None
    threads: int | None = None
    min_parallel: int = 1


def run_tickers(
    context: Context, make: HandlerFactory[R], tickers: Sequence[str], plan: ExecutionPlan[R] | None
) -> Generator[tuple[str, TickerResult[R]], None, None]:
    """Yield the result of each ticker when done: cached ones at once, the rest from workers or this process.

    plan: None to stay in this process.
    """
    if plan is None:
        yield from _run_serial(context, make, tickers)
        return
    left = []
    for ticker in tickers:
        answer = _attempt(context, plan.cached, ticker) if plan.cached else None
        if answer and answer.record:
            yield ticker, answer
        else:  # a failed lookup too: the work hits the same failure and reports it
            left.append(ticker)
    least = 1 if context.settings.jobs else plan.min_parallel
    engine = context.services.engine(plan.threads or context.settings.threads) if left else None
    if engine and (engine.max_parallel is None or (engine.max_parallel > 1 and len(left) > least)):
        if plan.prepare:
            with contextlib.suppress(StockopsError):  # each ticker hits the same failure and reports it in its row
                plan.prepare()
        yield from _run_parallel(engine, WorkerSpec.of(context, make), left)
    else:
        yield from _run_serial(context, make, left)


def _run_serial(
    context: Context, make: HandlerFactory[R], tickers: Sequence[str]
) -> Iterator[tuple[str, TickerResult[R]]]:
    """Work on one ticker after the other in this process, which logs directly."""
    work = make(context)
    for ticker in tickers:
        yield ticker, _attempt(context, work, ticker)


def _run_parallel(
    engine: "Executor", spec: WorkerSpec[R], tickers: Sequence[str]
) -> Iterator[tuple[str, TickerResult[R]]]:
    """Work on several tickers at once in other processes."""
    for ticker, found in engine.map(functools.partial(_run_in_worker, spec), tickers):
        if isinstance(found, StockopsError):
            yield ticker, TickerResult(None, failures.describe(found))
            continue
        for level, line in found.log_records:
            log.log(level, "%s", line)
        yield ticker, found


def _run_in_worker(spec: WorkerSpec[R], ticker: str) -> TickerResult[R]:
    """Work on a ticker in a worker; its log records are returned to the caller."""
    with terminal.capture_logs() as log_records:
        try:
            context, work = _worker_context(spec)
        except StockopsError as exc:
            found: TickerResult[R] = TickerResult(None, failures.describe(exc))
        else:
            found = _attempt(context, work, ticker)
            context.services.close()  # a worker may be killed at any time
    return TickerResult(found.record, found.failure, tuple(log_records))


@functools.cache
def _worker_context(spec: WorkerSpec[R]) -> tuple[Context, TickerHandler[R]]:
    """Return the context and handler of this worker; its services stay open from ticker to ticker."""
    from stockops.services import Services
    from stockops.settings import load, secrets, variable

    os.environ["STOCKOPS_HOME"] = str(spec.home)  # where a bug leaves its traceback
    settings = load(dict(spec.settings), spec.home)
    terminal.level(verbose=settings.verbose, quiet=settings.quiet)
    context = Context(spec.command, settings, Services(settings), dict(spec.settings), ProgressBars(shown=False))
    if missing := set(spec.secrets) - set(secrets(context.settings)):
        names = " and ".join(sorted(variable(name) for name in missing))
        raise UsageError(f"{names}: set where the call was made and not on this node", "set it there, too")
    return context, spec.make(context)


def _attempt(context: Context, work: Callable[[str], R | None], ticker: str) -> TickerResult[R]:
    context.services.optional.begin()
    try:
        return TickerResult(work(ticker), None)
    except Exception as exc:  # whatever it is, one ticker's bug must not cost the others their results
        if terminal.is_interrupted():
            raise KeyboardInterrupt from exc
        return TickerResult(None, failures.describe(exc))
