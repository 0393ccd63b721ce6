"""`train-parent` and `train-child`."""

from stockops.commands import views
from stockops.commands.batch import Document, Spread, Work
from stockops.commands.options import BACKGROUND, EPOCHS, MANY, SKIP_FRESH, SPLIT, STRATEGY, command
from stockops.commands.run import Run
from stockops.commands.wiring import tasks, trainer
from stockops.records import MARKET, PARENT, ModelRef


@command(EPOCHS, SPLIT, BACKGROUND)
def train_parent(run: Run) -> None:
    """Train the market's model on the S&P 500 (^GSPC)."""
    if run.settings.background:
        run.one(lambda: tasks(run).start("train-parent", MARKET, PARENT.task), views.started)
    else:
        run.one(lambda: trainer(run).train(PARENT).document(), views.trained)


@command(*MANY, SKIP_FRESH, STRATEGY, EPOCHS, SPLIT, BACKGROUND)
def train_child(run: Run) -> None:
    """Train a ticker's model from the parent, which is trained first when it is missing."""
    if run.settings.background:
        starter = tasks(run)
        run.each(lambda ticker: starter.start("train-child", ticker, ticker), views.started)
    else:
        run.many(_children, views.trained, spread=Spread(first=lambda: trainer(run).heal(PARENT)))


def _children(run: Run) -> Work:
    given, skip = trainer(run), run.settings.skip_fresh

    def train(ticker: str) -> Document:
        ref = ModelRef("child", ticker)
        fresh = given.fresh(ref) if skip else None
        return fresh.document("fresh") if fresh else given.train(ref).document()

    return train
