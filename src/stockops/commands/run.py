"""One call of a command: its settings and services, how its result reaches stdout, and what is measured of it."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stockops.commands import batch, failures, measuring, terminal, views
from stockops.commands.batch import Document, Make, Outcome, Spread, Work
from stockops.commands.progress import Bars
from stockops.errors import ExitCode, UsageError
from stockops.records import MARKET

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.services import Services
    from stockops.settings import Settings

_MOST_TEXT = 4 << 20  # of a list of symbols on stdin

View = Callable[[Document], "RenderableType"]
Verdict = Callable[[Document], ExitCode]


def _stdin() -> str:
    text = sys.stdin.read(_MOST_TEXT + 1)
    if len(text) > _MOST_TEXT:
        raise ValueError(f"holds more than {_MOST_TEXT >> 20} MiB")
    return text


def _fine(_: Document) -> ExitCode:
    return ExitCode.OK


def _nothing(_: bool) -> None:
    return


class Run:
    """What a command works with."""

    def __init__(
        self,
        name: str,
        settings: "Settings",
        services: "Services",
        given: dict[str, Any],
        progress: Bars,
        takes: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name  # of the command, as it is typed
        self.takes = takes  # the names of its options
        self.settings = settings
        self.services = services
        self.given = given  # what the command line said, arguments that are no settings among it
        self.progress = progress

    @classmethod
    @contextmanager
    def start(cls, name: str, flags: dict[str, Any], takes: frozenset[str]) -> "Iterator[Run]":
        """Read the settings, set up logging, hand out services that open on first use, and close them in the end."""
        terminal.say(verbose=bool(flags.get("verbose")), quiet=bool(flags.get("quiet")))
        from stockops.services import Services
        from stockops.settings import load

        settings = load(flags, command=name)
        terminal.say(verbose=settings.verbose, quiet=settings.quiet, as_json=settings.json_output)
        with closing(Services(settings)) as services:
            yield cls(name, settings, services, flags, Bars(shown=not settings.quiet), takes)

    @classmethod
    def worker(cls, name: str, flags: dict[str, Any], home: Path) -> "Run":
        """Return the call as a worker of a batch knows it, which has no terminal."""
        from stockops.services import Services
        from stockops.settings import load

        settings = load(flags, home)
        terminal.level(verbose=settings.verbose, quiet=settings.quiet)
        return cls(name, settings, Services(settings), flags, Bars(shown=False))

    @cached_property
    def tickers(self) -> tuple[str, ...]:
        """The symbols asked for, checked, without repeats, in order; UsageError when there are none."""
        from stockops.market.symbols import parse

        named = [*self.settings.ticker, *self._tickers_from_file()]
        if not named:
            ways = "--ticker T or --tickers-file FILE" if "tickers_file" in self.takes else "--ticker T"
            raise UsageError("no ticker", f"give {ways}")
        return tuple(dict.fromkeys(parse(text) for text in named))

    @property
    def one_ticker(self) -> str:
        """The one symbol asked for; UsageError when there is none or several."""
        if len(self.tickers) > 1:
            raise UsageError("this command takes one --ticker")
        return self.tickers[0]

    @property
    def environment(self) -> dict[str, str]:
        """What the flags of this call say, as environment variables for a worker that is to do the same.

        Not which tickers: it is given one. And it heals what is missing itself, or it would start another.
        """
        from stockops.settings import Settings, variable

        names = set(self.given) & set(Settings.model_fields) - batch.NOT_FOR_WORKERS
        said = {variable(name): getattr(self.settings, name) for name in names}
        given = {name: str(int(value) if value is True else value) for name, value in said.items()}
        return given | {variable("on_missing"): "train"}

    def show(self, document: Document, view: View) -> None:
        """Print a result: a table on a terminal, else one line of JSON."""
        terminal.show(document, view)

    def one(self, work: Callable[[], Document], view: View, verdict: Verdict = _fine) -> None:
        """Do the work on the market and show its result."""
        self._all((MARKET,), lambda _: lambda _: work(), view, verdict, None)

    def each(self, work: Work, view: View, verdict: Verdict = _fine) -> None:
        """Do the work for every ticker, one after the other, and show each result as it comes.

        A failure has its own row and does not stop the others; the exit code is the highest. A model still in
        training leaves with 75, a result with what the verdict says.
        """
        self._all(self.tickers, lambda _: work, view, verdict, None)

    def many(
        self,
        make: Make,
        view: View,
        verdict: Verdict = _fine,
        spread: Spread | None = None,
    ) -> None:
        """Do the same, several tickers at once where the machine allows.

        make: gives the work, here or in a worker; a function of a module. A worker's own children end with it, so
        a call that starts some stays in this process.
        """
        starts_others = self.settings.on_missing == "background"
        self._all(self.tickers, make, view, verdict, None if starts_others else spread or Spread())

    def _all(self, tickers: Sequence[str], make: Make, view: View, verdict: Verdict, spread: Spread | None) -> None:
        alone = len(tickers) == 1
        bar = nullcontext(_nothing) if alone else self.progress.tickers(self.name, len(tickers))
        found = closing(batch.outcomes(self, make, tickers, None if alone else spread))
        with terminal.each_line_once(), self.measured(), bar as done, found as outcomes:
            worst = max(self._rows(outcomes, view, verdict, done))
        if worst:
            raise typer.Exit(worst)

    def _rows(
        self,
        outcomes: Iterable[tuple[str, Outcome]],
        view: View,
        verdict: Verdict,
        done: Callable[[bool], None],
    ) -> Iterator[ExitCode]:
        """Show each outcome; a failure is a row, too."""
        for ticker, outcome in outcomes:
            if outcome.failure:
                terminal.fail(outcome.failure)
                terminal.show(failures.row(outcome.failure, ticker), None)
                code = outcome.failure.code
            else:
                code = self._done(outcome.document or {}, view, verdict)
            done(outcome.failure is None)
            yield code

    def _done(self, document: Document, view: View, verdict: Verdict) -> ExitCode:
        """Show a result and note the success, which an alarm that was asked for is, too."""
        status = document.get("status")
        if status == "training":
            self.show(document, views.started)
            return ExitCode.TRY_AGAIN
        self.show(document, view)
        code = verdict(document)
        if status != "started" and code in (ExitCode.OK, ExitCode.FAIL_ON):
            measuring.meter(self.services).succeeded(self.name, document["ticker"])
        return code

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Tell the pushgateway, where there is one, when the work is over, whatever became of it."""
        gateway = self.services.gateway  # a wrong address is said before the work
        try:
            yield
        finally:
            if gateway is not None:
                self.services.effort.attempt(gateway, lambda: gateway.push(measuring.page(self.services)))

    def _tickers_from_file(self) -> list[str]:
        path = self.settings.tickers_file
        return [] if path is None else self.listed("--tickers-file", path)

    def listed(self, option: str, path: Path) -> list[str]:
        """Return the symbols of a file as they are written there; - is stdin."""
        from stockops.market.symbols import listed

        try:
            text = _stdin() if str(path) == "-" else self.services.read_text(path)
        except (OSError, ValueError) as exc:
            raise UsageError(f"{option} {path} {exc}", "write one symbol a line") from exc
        return listed(text)
