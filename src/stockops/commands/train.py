"""`train-parent` and `train-child`."""

from stockops.commands import views
from stockops.commands.batch import Document, Spread, Work
from stockops.commands.options import BACKGROUND, EPOCHS, MANY, REPLACE, SKIP_FRESH, SPLIT, STRATEGY, UNIVERSE, command
from stockops.commands.run import Run
from stockops.commands.wiring import tasks, trainer
from stockops.records import PARENT, ModelRef


@command(UNIVERSE, EPOCHS, SPLIT, REPLACE, BACKGROUND)
def train_parent(run: Run) -> None:
    """Train the market's model on the S&P 500 (^GSPC), and on a universe of tickers where one is given."""
    if run.settings.background:
        run.one(lambda: tasks(run).train(PARENT), views.started)
    else:
        run.one(lambda: trainer(run).train(PARENT).document(), views.trained)


@command(*MANY, SKIP_FRESH, STRATEGY, EPOCHS, SPLIT, REPLACE, BACKGROUND)
def train_child(run: Run) -> None:
    """Train tickers' models from the parent, which is trained first when it is missing; ^GSPC is the parent itself."""
    if run.settings.background:
        run.each(
            _starts(run), lambda found: views.trained(found) if found["status"] == "fresh" else views.started(found)
        )
    else:
        run.many(_children, views.trained, spread=Spread(first=lambda: trainer(run).heal(PARENT)))


def _children(run: Run) -> Work:
    return _but_fresh(run, lambda ticker: trainer(run).train(ModelRef.of(ticker)).document())


def _starts(run: Run) -> Work:
    starter = tasks(run)
    return _but_fresh(run, lambda ticker: starter.train(ModelRef.of(ticker)))


def _but_fresh(run: Run, work: Work) -> Work:
    """Leave the models that are whole and current, if that was asked for."""
    if not run.settings.skip_fresh:
        return work

    def left_or_made(ticker: str) -> Document:
        fresh = trainer(run).fresh(ModelRef.of(ticker))
        return fresh.document("fresh") if fresh else work(ticker)

    return left_or_made
