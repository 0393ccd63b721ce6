"""`show` and `outputs`: look at what is there; nothing is computed."""

import inspect
from typing import Annotated

import typer

from stockops.commands import views
from stockops.commands.options import LOCAL, TICKER, command
from stockops.commands.run import Run
from stockops.records import Report

_REPORT = inspect.Parameter(
    "report",
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    annotation=Annotated[Report, typer.Argument(show_default=False)],
)


@command(_REPORT, TICKER, common=LOCAL)
def show(run: Run) -> None:
    """Print the latest report of a ticker (^GSPC is the parent's)."""
    run.show(run.services.artifacts.report(run.given["report"], run.one_ticker), views.report)


@command(TICKER, common=LOCAL)
def outputs(run: Run) -> None:
    """List the artifacts under outputs/ by category, with size and age."""
    ticker = run.one_ticker if run.settings.ticker else None
    run.show(run.services.artifacts.listing(ticker, run.services.clock.now), views.outputs)
