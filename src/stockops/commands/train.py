"""`train-parent` and `train-child`."""

from typing import TYPE_CHECKING

from stockops.app.context import Context
from stockops.app.factories import tasks, trainer
from stockops.console.batch import ExecutionPlan, TickerHandler
from stockops.console.command_context import CommandContext
from stockops.console.options import BACKGROUND, EPOCHS, MANY, REPLACE, SKIP_FRESH, SPLIT, STRATEGY, UNIVERSE, command
from stockops.console.views import training as training_view
from stockops.records import PARENT, ModelRef

if TYPE_CHECKING:
    from stockops.documents.training import TrainedModel
    from stockops.documents.training_started import TrainingStarted


@command(UNIVERSE, EPOCHS, SPLIT, REPLACE, BACKGROUND)
def train_parent(context: CommandContext) -> None:
    """Train the parent model on the S&P 500 (^GSPC), or on it and a universe of tickers."""
    if context.settings.background:
        context.run_one(lambda: tasks(context).train(PARENT), training_view.trained)
    else:
        context.run_one(lambda: trainer(context).train(PARENT), training_view.trained)


@command(*MANY, SKIP_FRESH, STRATEGY, EPOCHS, SPLIT, REPLACE, BACKGROUND)
def train_child(context: CommandContext) -> None:
    """Train child models from the parent, which is trained first if missing; ^GSPC is the parent itself."""
    if context.settings.background:
        context.run_serial(_start_task(context), training_view.trained)
    else:
        context.run_batch(
            _children, training_view.trained, plan=ExecutionPlan(prepare=lambda: trainer(context).heal(PARENT))
        )


def _children(context: Context) -> "TickerHandler[TrainedModel | TrainingStarted]":
    return _skip_fresh(context, lambda ticker: trainer(context).train(ModelRef.of(ticker)))


def _start_task(context: Context) -> "TickerHandler[TrainedModel | TrainingStarted]":
    starter = tasks(context)
    return _skip_fresh(context, lambda ticker: starter.train(ModelRef.of(ticker)))


def _skip_fresh(
    context: Context, handle: "TickerHandler[TrainedModel | TrainingStarted]"
) -> "TickerHandler[TrainedModel | TrainingStarted]":
    """Skip models already trained on the current bars, parent and options, if requested."""
    if not context.settings.skip_fresh:
        return handle

    return lambda ticker: trainer(context).fresh(ModelRef.of(ticker)) or handle(ticker)
