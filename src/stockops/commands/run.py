"""One call of a command: its settings and services, how its result reaches stdout, and what is measured of it."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from stockops.commands import failures, measuring, terminal, views
from stockops.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.services import Services
    from stockops.settings import Settings

log = logging.getLogger("stockops")

_NOT_FOR_WORKERS = {"ticker", "tickers_file", "background", "wait", "json_output"}

Document = dict[str, Any]
View = Callable[[Document], "RenderableType"]
Verdict = Callable[[Document], ExitCode]


def _fine(_: Document) -> ExitCode:
    return ExitCode.OK


class Run:
    """What a command works with."""

    def __init__(self, name: str, settings: "Settings", services: "Services", given: dict[str, Any]) -> None:
        self.name = name  # of the command, as it is typed
        self.settings = settings
        self.services = services
        self.given = given  # what the command line said, arguments that are no settings among it

    @classmethod
    def start(cls, name: str, flags: dict[str, Any]) -> "Run":
        """Read the settings, set up logging, and hand out services that open on first use."""
        terminal.say(verbose=bool(flags.get("verbose")), quiet=bool(flags.get("quiet")))
        from stockops.services import Services
        from stockops.settings import load

        settings = load(flags)
        terminal.say(verbose=settings.verbose, quiet=settings.quiet, as_json=settings.json_output)
        return cls(name, settings, Services(settings), flags)

    @property
    def tickers(self) -> tuple[str, ...]:
        """The symbols asked for, checked, without repeats, in order; UsageError when there are none."""
        from stockops.market.symbols import parse

        named = [*self.settings.ticker, *self._tickers_from_file()]
        if not named:
            raise UsageError("no ticker", "give --ticker T or --tickers-file FILE")
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

        names = set(self.given) & set(Settings.model_fields) - _NOT_FOR_WORKERS
        said = {variable(name): getattr(self.settings, name) for name in names}
        given = {name: str(int(value) if value is True else value) for name, value in said.items()}
        return given | {variable("on_missing"): "train"}

    def show(self, document: Document, view: View) -> None:
        """Print a result: a table on a terminal, else one line of JSON."""
        terminal.show(document, view)

    def one(self, work: Callable[[], Document], view: View, verdict: Verdict = _fine) -> None:
        """Do the work and show its result; a model still in training leaves with 75, else the verdict decides."""
        with self.measured():
            code = self._done(work(), view, verdict)
        if code:
            raise typer.Exit(code)

    def each(self, work: Callable[[str], Document], view: View, verdict: Verdict = _fine) -> None:
        """Do the work for every ticker and show each result as it comes.

        One ticker alone fails like any command. Of several, a failure has its own row and does not stop the
        others; the exit code is the highest.
        """
        tickers = self.tickers
        if len(tickers) == 1:
            self.one(lambda: work(tickers[0]), view, verdict)
            return
        worst = ExitCode.OK
        with self.measured():
            for ticker in tickers:
                self.services.effort.begin()
                try:
                    worst = max(worst, self._done(work(ticker), view, verdict))
                except Exception as exc:  # noqa: BLE001  one ticker's bug must not cost the others their results
                    failure = failures.describe(exc)
                    terminal.fail(failure)
                    terminal.show({**failure.document, "status": "failed", "ticker": ticker}, None)
                    worst = max(worst, failure.code)
        if worst:
            raise typer.Exit(worst)

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
        if path is None:
            return []
        try:
            text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise UsageError(f"--tickers-file {path} cannot be read: {exc}") from exc
        lines = (line.split("#")[0].strip() for line in text.splitlines())
        return [line for line in lines if line]
