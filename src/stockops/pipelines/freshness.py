"""Is a stored model what a training would make now? So a list of tickers goes on where it was left."""

from dataclasses import asdict

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
    """Return a child that is whole and was made from these bars, this parent and these options; else None.

    A vendor is not asked where the model has seen the last completed session, which the clock tells.
    """
    try:
        found = stored.find(ref, models=models, as_of=clock.as_of)
        parent = stored.find(PARENT, models=models, as_of=clock.as_of)
    except ModelDamagedError:
        return None
    if found is None or parent is None:
        return None
    card = found.checkpoint.card
    same = {
        "strategy": options.strategy,
        "split": options.split,
        "seed": options.seed,
        "fit": asdict(recipes.of(recipes.CHILD[options.strategy], options)),
        "parent": parent.checkpoint.summary,
    }
    if any(card[name] != value for name, value in same.items()) or card["data"]["source"] != feed.name:
        return None
    if feed.live and card["data"]["last"] == last_day(ref.ticker, feed, clock).isoformat():
        return found.checkpoint
    prices = daily(ref.ticker, feed=feed, clock=clock, max_missing=options.max_missing)
    return found.checkpoint if card.get("bars") == prices.digest else None
