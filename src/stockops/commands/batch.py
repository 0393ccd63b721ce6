"""Many tickers: each a unit of work of its own, in this process or in others, its outcome told as it comes."""

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockops.commands import failures, terminal
from stockops.commands.failures import Failure
from stockops.errors import StockopsError, UsageError

if TYPE_CHECKING:
    from stockops.commands.run import Run
    from stockops.ports import Engine

Document = dict[str, Any]
Work = Callable[[str], Document]
Make = Callable[["Run"], Work]

log = logging.getLogger("stockops")

# Of a call's settings, what a worker of any kind is not told: it is given its ticker, and asks nobody else to work.
NOT_FOR_WORKERS = {
    "ticker", "tickers_file", "json_output", "jobs", "engine", "ray_address", "background", "wait",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a ticker: a document or a failure, and what was said on the way where that was elsewhere."""

    document: Document | None
    failure: Failure | None
    said: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is told, once for all its tickers.

    make: gives the work of a command, given the call. settings: those of this call, secrets apart. secrets: which of
    those it has; the worker takes them from its own environment, or the home's `.env`.
    """

    command: str
    make: Make
    settings: tuple[tuple[str, Any], ...]
    secrets: tuple[str, ...]
    home: Path

    @classmethod
    def of(cls, run: "Run", make: Make) -> "Order":
        """Return the order that makes a worker do what this call does."""
        from stockops.settings import open_ones, secrets

        given = {name: value for name, value in open_ones(run.settings).items() if name not in NOT_FOR_WORKERS}
        said = {name: value.absolute() if isinstance(value, Path) else value for name, value in given.items()}
        home = said.pop("home")  # absolute like the others: a worker may stand in another folder
        return cls(run.name, make, tuple(sorted(said.items())), secrets(run.settings), home)


@dataclass(frozen=True, slots=True)
class Spread:
    """How the work on tickers may be spread over workers.

    kept: gives what is answered at once, None for what is to be worked on. first: makes what every ticker needs,
    before workers start that would wait for it. threads: that the work takes, as many as torch's if not said. worth:
    more tickers than that must be left for workers to be worth their start.
    """

    kept: Callable[[str], Document | None] | None = None
    first: Callable[[], object] | None = None
    threads: int | None = None
    worth: int = 1


def outcomes(
    run: "Run", make: Make, tickers: Sequence[str], spread: Spread | None
) -> Generator[tuple[str, Outcome], None, None]:
    """Return what becomes of tickers, as they are done: what is kept at once, the rest by workers or here.

    spread: None where the work is to stay in this process.
    """
    if spread is None:
        yield from _here(run, make, tickers)
        return
    left = []
    for ticker in tickers:
        answer = _attempt(run, spread.kept, ticker) if spread.kept else None
        if answer and answer.document:
            yield ticker, answer
        else:  # one that could not be looked up, too: the work meets the same, and says so
            left.append(ticker)
    worth = 1 if run.settings.jobs else spread.worth
    engine = run.services.engine(spread.threads or run.settings.threads) if left else None
    if engine and (engine.at_once is None or (engine.at_once > 1 and len(left) > worth)):
        if spread.first:
            with contextlib.suppress(StockopsError):  # each ticker meets the same, and has a row to say so
                spread.first()
        yield from _spread(engine, Order.of(run, make), left)
    else:
        yield from _here(run, make, left)


def _here(run: "Run", make: Make, tickers: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
    """Work on one ticker after the other in this process, whose log is the user's."""
    work = make(run)
    for ticker in tickers:
        yield ticker, _attempt(run, work, ticker)


def _spread(engine: "Engine", order: Order, tickers: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
    """Work on several tickers at once in other processes."""
    for ticker, found in engine.each(functools.partial(_elsewhere, order), tickers):
        if isinstance(found, StockopsError):
            yield ticker, Outcome(None, failures.describe(found))
            continue
        for level, line in found.said:
            log.log(level, "%s", line)
        yield ticker, found


def _elsewhere(order: Order, ticker: str) -> Outcome:
    """Work on a ticker in a worker; what it says is heard where the call was made."""
    with terminal.heard() as said:
        try:
            run, work = _opened(order)
        except StockopsError as exc:
            found = Outcome(None, failures.describe(exc))
        else:
            found = _attempt(run, work, ticker)
            run.services.close()  # a worker may be ended at any time
    return Outcome(found.document, found.failure, tuple(said))


@functools.cache
def _opened(order: Order) -> "tuple[Run, Work]":
    """Return the call as it is in this worker; its services stay open from ticker to ticker."""
    from stockops.commands.run import Run
    from stockops.settings import secrets, variable

    os.environ["STOCKOPS_HOME"] = str(order.home)  # where a bug leaves its traceback
    run = Run.worker(order.command, dict(order.settings), order.home)
    if missing := set(order.secrets) - set(secrets(run.settings)):
        names = " and ".join(sorted(variable(name) for name in missing))
        raise UsageError(f"{names}: set where the call was made and not on this node", "set it there, too")
    return run, order.make(run)


def _attempt(run: "Run", work: Callable[[str], Document | None], ticker: str) -> Outcome:
    run.services.effort.begin()
    try:
        return Outcome(work(ticker), None)
    except Exception as exc:  # whatever it is, one ticker's bug must not cost the others their results
        if terminal.is_interrupted():
            raise KeyboardInterrupt from exc
        return Outcome(None, failures.describe(exc))
