"""`train-parent` and `train-child`."""

from stockops.commands import views
from stockops.commands.options import BACKGROUND, EPOCHS, SPLIT, STRATEGY, TICKER, TICKERS_FILE, command
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


@command(TICKER, TICKERS_FILE, STRATEGY, EPOCHS, SPLIT, BACKGROUND)
def train_child(run: Run) -> None:
    """Train a ticker's model from the parent, which is trained first when it is missing."""
    if run.settings.background:
        starter = tasks(run)
        run.each(lambda ticker: starter.start("train-child", ticker, ticker), views.started)
    else:
        children = trainer(run)
        run.each(lambda ticker: children.train(ModelRef("child", ticker)).document(), views.trained)
