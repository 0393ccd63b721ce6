"""One call of a command: how its results reach stdout, and its metrics."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from stockops.app import telemetry
from stockops.app.context import Context
from stockops.console import batch, terminal
from stockops.console.batch import ExecutionPlan, HandlerFactory, R, TickerHandler, TickerResult
from stockops.console.progress import ProgressBars
from stockops.console.views import tasks as tasks_view
from stockops.errors import ExitCode
from stockops.records import MARKET

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.documents.training_started import TrainingStarted

T = TypeVar("T")

View = Callable[[R], "RenderableType"]
Verdict = Callable[[R], ExitCode]


def _fine(_: object) -> ExitCode:
    return ExitCode.OK


def _nothing(_: bool) -> None:
    return


class CommandContext(Context):
    """The context of a command: a request, and the terminal or pipe that its results go to."""

    progress: ProgressBars

    @classmethod
    @contextmanager
    def start(cls, name: str, flags: dict[str, Any], takes: frozenset[str]) -> "Iterator[CommandContext]":
        """Read the settings, set up logging, provide services that open on first use, and close them at the end."""
        terminal.configure_logging(verbose=bool(flags.get("verbose")), quiet=bool(flags.get("quiet")))
        from stockops.services import Services
        from stockops.settings import load

        settings = load(flags, command=name)
        terminal.configure_logging(verbose=settings.verbose, quiet=settings.quiet, as_json=settings.json_output)
        with closing(Services(settings)) as services:
            yield cls(name, settings, services, flags, ProgressBars(shown=not settings.quiet), takes)

    def show(self, document: T, view: "Callable[[T], RenderableType]") -> None:
        """Print a result: a table on a terminal, else one line of JSON."""
        terminal.show(document, view)

    def run_one(self, work: "Callable[[], R | TrainingStarted]", view: View[R], verdict: Verdict[R] = _fine) -> None:
        """Do the work on the market and show its result."""
        self._all((MARKET,), lambda _: lambda _: work(), view, verdict, None)

    def run_serial(
        self, handle: "TickerHandler[R | TrainingStarted]", view: View[R], verdict: Verdict[R] = _fine
    ) -> None:
        """Do the work for every ticker, one after the other, and show each result as it comes.

        A failure has its own row and does not stop the others; the exit code is the highest. A model still in
        training exits with 75, a result with its verdict.
        """
        self._all(self.tickers, lambda _: handle, view, verdict, None)

    def run_batch(
        self,
        make: "HandlerFactory[R | TrainingStarted]",
        view: View[R],
        verdict: Verdict[R] = _fine,
        plan: "ExecutionPlan[R | TrainingStarted] | None" = None,
    ) -> None:
        """Like `run_serial`, but several tickers at once where the machine allows.

        make: returns the handler, here or in a worker; a module-level function. A worker's child processes end with it,
        so a call that may start background tasks stays in this process.
        """
        starts_others = self.settings.on_missing == "background"
        self._all(self.tickers, make, view, verdict, None if starts_others else plan or ExecutionPlan())

    def _all(
        self,
        tickers: Sequence[str],
        make: "HandlerFactory[R | TrainingStarted]",
        view: View[R],
        verdict: Verdict[R],
        plan: "ExecutionPlan[R | TrainingStarted] | None",
    ) -> None:
        alone = len(tickers) == 1
        bar = nullcontext(_nothing) if alone else self.progress.tickers(self.name, len(tickers))
        found = closing(batch.run_tickers(self, make, tickers, None if alone else plan))
        with terminal.deduplicate_logs(), self.measured(), bar as done, found as results:
            worst = max(self._rows(results, view, verdict, done))
        if worst:
            raise typer.Exit(worst)

    def _rows(
        self,
        results: "Iterable[tuple[str, TickerResult[R | TrainingStarted]]]",
        view: View[R],
        verdict: Verdict[R],
        done: Callable[[bool], None],
    ) -> Iterator[ExitCode]:
        """Show each result, or each failure as a row, and yield its exit code."""
        for ticker, result in results:
            code = ExitCode.OK
            if result.failure:
                terminal.fail(result.failure)
                terminal.show(result.failure.row(ticker), None)
                code = result.failure.code
            elif result.record is not None:
                code = self._done(result.record, view, verdict)
            done(result.failure is None)
            yield code

    def _done(self, record: "R | TrainingStarted", view: View[R], verdict: Verdict[R]) -> ExitCode:
        """Show a result and record the success; a requested alarm counts as one."""
        from stockops.documents.training_started import TrainingStarted

        if isinstance(record, TrainingStarted):
            self.show(record, tasks_view.started)
            return ExitCode.TRY_AGAIN if record.status == "training" else ExitCode.OK
        self.show(record, view)
        code = verdict(record)
        if code in (ExitCode.OK, ExitCode.FAIL_ON):
            telemetry.metrics_recorder(self.services).succeeded(self.name, record.ticker)
        return code

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Push to the pushgateway, if configured, when the work ends, even if it failed."""
        gateway = self.services.gateway  # an invalid address fails before the work
        try:
            yield
        finally:
            if gateway is not None:
                self.services.optional.attempt(gateway, lambda: gateway.push(telemetry.page(self.services)))
