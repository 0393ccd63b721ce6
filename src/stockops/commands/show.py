"""`show` and `outputs`: show what is stored; nothing is computed."""

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stockops.console.command_context import CommandContext
from stockops.console.options import LOCAL, ONE_TICKER, command
from stockops.console.views import forecast as forecast_view
from stockops.console.views import monitoring as monitoring_view
from stockops.console.views import reports as reports_view
from stockops.console.views import stores as stores_view
from stockops.console.views import training as training_view
from stockops.records import Document, ReportKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

_REPORT = inspect.Parameter(
    "report",
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    annotation=Annotated[ReportKind, typer.Argument(show_default=False)],
)


@command(_REPORT, ONE_TICKER, common=LOCAL)
def show(context: CommandContext) -> None:
    """Print the latest report of a ticker (^GSPC: the parent's)."""
    kind: ReportKind = context.given["report"]
    context.show(context.services.artifacts.report(kind, context.one_ticker), _as_shown(kind))


def _as_shown(kind: ReportKind) -> "Callable[[Document], RenderableType]":
    """Return the view of the command that wrote a report; one of an older release that does not fit, as JSON."""
    from stockops.console.views import backtest as backtest_view
    from stockops.documents.analysis import AnalysisResult
    from stockops.documents.backtest import BacktestResult
    from stockops.documents.forecast import PredictionResult
    from stockops.documents.monitoring import (
        DriftResult,
        DriftSkipped,
        EvaluationResult,
        PerformanceResult,
        PerformanceSkipped,
    )
    from stockops.documents.reading import parsed
    from stockops.documents.training import MetricsResult

    ways: dict[ReportKind, tuple[Any, Callable[[Any], RenderableType]]] = {
        "metrics": (MetricsResult, training_view.metrics),
        "forecast": (PredictionResult, forecast_view.predicted),
        "analysis": (AnalysisResult, reports_view.analysis),
        "drift": (DriftResult | DriftSkipped, monitoring_view.drift),
        "eval": (EvaluationResult, monitoring_view.evaluation),
        "performance": (PerformanceResult | PerformanceSkipped, monitoring_view.performance),
        "backtest": (BacktestResult, backtest_view.backtested),
    }
    record, view = ways[kind]

    def show(document: Document) -> "RenderableType":
        try:
            found = parsed(document, record)
        except ValueError:
            return reports_view.report(document)
        return view(found)

    return show


@command(ONE_TICKER, common=LOCAL)
def outputs(context: CommandContext) -> None:
    """List the artifacts under outputs/ by category, with size and age."""
    ticker = context.one_ticker if context.settings.ticker else None
    context.show(context.services.artifacts.listing(ticker, context.services.clock.now), stores_view.outputs)
