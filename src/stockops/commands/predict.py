"""`predict-parent` and `predict-child`."""

from typing import TYPE_CHECKING

from stockops.app.context import Context
from stockops.app.factories import prediction_service
from stockops.console.batch import ExecutionPlan, TickerHandler
from stockops.console.command_context import CommandContext
from stockops.console.options import DAYS, MANY, MAX_BEHIND, NO_CACHE, ON_MISSING, command
from stockops.console.views import forecast as forecast_view

if TYPE_CHECKING:
    from stockops.pipelines.prediction_service import Answer


@command(DAYS, ON_MISSING, MAX_BEHIND)
def predict_parent(context: CommandContext) -> None:
    """Forecast the S&P 500: next session and week, with prediction intervals."""
    context.run_one(prediction_service(context).parent, forecast_view.predicted)


_MIN_PARALLEL = 16  # a forecast takes a tenth of a second, a worker a second to start


@command(*MANY, DAYS, ON_MISSING, NO_CACHE, MAX_BEHIND)
def predict_child(context: CommandContext) -> None:
    """Forecast tickers: next session and week, with prediction intervals."""
    cached = context.once(prediction_service).cached
    plan: ExecutionPlan[Answer] = ExecutionPlan(cached, threads=1, min_parallel=_MIN_PARALLEL)
    context.run_batch(_forecasts, forecast_view.predicted, plan=plan)


def _forecasts(context: Context) -> "TickerHandler[Answer]":
    return context.once(prediction_service).child
