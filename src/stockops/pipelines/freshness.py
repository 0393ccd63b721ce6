"""Is a stored model what a training would make now? So a list of tickers goes on where it was left."""

from stockops.errors import ModelDamagedError
from stockops.forecasting import recipes
from stockops.forecasting.checkpoint import Checkpoint
from stockops.pipelines import models as stored
from stockops.pipelines.prices import daily, last_day
from stockops.ports import BarFeed, ModelStore
from stockops.records import PARENT, Clock, ModelRef, TrainOptions


def fresh(
    ref: ModelRef, *, feed: BarFeed, models: ModelStore, clock: Clock, options: TrainOptions
) -> Checkpoint | None:
    """Return a child that is whole and was made from these sessions, this parent and these options; else None.

    A live source is not asked: its last completed session is told by the clock.
    """
    try:
        found = stored.find(ref, models=models, as_of=clock.as_of)
        parent = stored.find(PARENT, models=models, as_of=clock.as_of)
    except ModelDamagedError:
        return None
    if found is None or parent is None:
        return None
    card, asked = found.checkpoint.card, options
    same = {
        "strategy": asked.strategy,
        "split": asked.split,
        "seed": asked.seed,
        "parent": parent.checkpoint.summary,
    }
    epochs = asked.epochs or recipes.CHILD[asked.strategy].epochs
    if card["fit"]["epochs"] != epochs or any(card[name] != value for name, value in same.items()):
        return None
    if feed.live:
        last = last_day(ref.ticker, feed, clock).isoformat()
        current = (card["data"]["source"], card["data"]["last"]) == (feed.name, last)
    else:
        current = card["data"] == daily(ref.ticker, feed=feed, clock=clock, max_missing=asked.max_missing).summary
    return found.checkpoint if current else None
