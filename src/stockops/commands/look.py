"""`show` and `outputs`: look at what is there; nothing is computed."""

import inspect
from typing import TYPE_CHECKING, Annotated

import typer

from stockops.commands import views
from stockops.commands.batch import Document
from stockops.commands.options import LOCAL, ONE_TICKER, command
from stockops.commands.run import Run, View
from stockops.records import Report

if TYPE_CHECKING:
    from rich.console import RenderableType

_REPORT = inspect.Parameter(
    "report",
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    annotation=Annotated[Report, typer.Argument(show_default=False)],
)


@command(_REPORT, ONE_TICKER, common=LOCAL)
def show(run: Run) -> None:
    """Print the latest report of a ticker (^GSPC is the parent's)."""
    kind: Report = run.given["report"]
    run.show(run.services.artifacts.report(kind, run.one_ticker), _as_shown(kind))


def _as_shown(kind: Report) -> View:
    """Return how the command that wrote a report shows it; one that an older release wrote is shown as it is."""
    from stockops.commands import backtest_view

    ways: dict[Report, View] = {
        "metrics": views.metrics,
        "forecast": views.predicted,
        "analysis": views.analysis,
        "drift": views.drift,
        "eval": views.evaluation,
        "performance": views.performance,
        "backtest": backtest_view.backtested,
    }

    def show(document: Document) -> "RenderableType":
        try:
            return ways[kind](document)
        except (KeyError, TypeError, IndexError, ValueError):
            return views.report(document)

    return show


@command(ONE_TICKER, common=LOCAL)
def outputs(run: Run) -> None:
    """List the artifacts under outputs/ by category, with size and age."""
    ticker = run.one_ticker if run.settings.ticker else None
    run.show(run.services.artifacts.listing(ticker, run.services.clock.now), views.outputs)
