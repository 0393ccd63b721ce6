"""`train-parent` and `train-child`."""

from stockops.commands import views
from stockops.commands.options import EPOCHS, SPLIT, STRATEGY, TICKER, TICKERS_FILE, command
from stockops.commands.run import Run
from stockops.commands.wiring import trainer


@command(EPOCHS, SPLIT)
def train_parent(run: Run) -> None:
    """Train the market's model on the S&P 500 (^GSPC)."""
    run.show(trainer(run).parent().document(), views.trained)


@command(TICKER, TICKERS_FILE, STRATEGY, EPOCHS, SPLIT)
def train_child(run: Run) -> None:
    """Train a ticker's model from the parent, which is trained first when it is missing."""
    with_parent = trainer(run)
    run.each(lambda ticker: with_parent.child(ticker).document(), views.trained)
