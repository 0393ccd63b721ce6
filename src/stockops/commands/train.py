"""`train-parent` and `train-child`."""

from stockops.app.context import Context
from stockops.app.factories import tasks, trainer
from stockops.console.batch import ExecutionPlan, TickerHandler
from stockops.console.command_context import CommandContext
from stockops.console.options import BACKGROUND, EPOCHS, MANY, REPLACE, SKIP_FRESH, SPLIT, STRATEGY, UNIVERSE, command
from stockops.console.views import tasks as tasks_view
from stockops.console.views import training as training_view
from stockops.records import PARENT, Document, ModelRef


@command(UNIVERSE, EPOCHS, SPLIT, REPLACE, BACKGROUND)
def train_parent(context: CommandContext) -> None:
    """Train the parent model on the S&P 500 (^GSPC), or on it and a universe of tickers."""
    if context.settings.background:
        context.run_one(lambda: tasks(context).train(PARENT), tasks_view.started)
    else:
        context.run_one(lambda: trainer(context).train(PARENT).document(), training_view.trained)


@command(*MANY, SKIP_FRESH, STRATEGY, EPOCHS, SPLIT, REPLACE, BACKGROUND)
def train_child(context: CommandContext) -> None:
    """Train child models from the parent, which is trained first if missing; ^GSPC is the parent itself."""
    if context.settings.background:
        context.run_serial(
            _start_task(context),
            lambda found: training_view.trained(found) if found["status"] == "fresh" else tasks_view.started(found),
        )
    else:
        context.run_batch(
            _children, training_view.trained, plan=ExecutionPlan(prepare=lambda: trainer(context).heal(PARENT))
        )


def _children(context: Context) -> TickerHandler:
    return _skip_fresh(context, lambda ticker: trainer(context).train(ModelRef.of(ticker)).document())


def _start_task(context: Context) -> TickerHandler:
    starter = tasks(context)
    return _skip_fresh(context, lambda ticker: starter.train(ModelRef.of(ticker)))


def _skip_fresh(context: Context, handle: TickerHandler) -> TickerHandler:
    """Skip models that are whole and already trained on the current bars, if that was asked for."""
    if not context.settings.skip_fresh:
        return handle

    def left_or_made(ticker: str) -> Document:
        fresh = trainer(context).fresh(ModelRef.of(ticker))
        return fresh.document("fresh") if fresh else handle(ticker)

    return left_or_made
