"""Tells whether training would only reproduce a stored model, so that a list of tickers can be resumed."""

from dataclasses import asdict, dataclass, replace

from stockops.documents.fields import field_values
from stockops.documents.prices import PriceData
from stockops.documents.training import SeenData
from stockops.errors import ModelDamagedError, StockopsError
from stockops.forecasting import train_config
from stockops.forecasting.model_card import ModelCard
from stockops.pipelines import model_resolver as stored
from stockops.pipelines.model_resolver import ResolvedModel
from stockops.pipelines.prices import PriceHistory
from stockops.ports import ModelStore
from stockops.records import PARENT, ModelRef, TrainOptions


@dataclass(frozen=True, slots=True)
class Fresh:
    """A model that training would only reproduce, and its price data."""

    model: ResolvedModel
    data: PriceData | SeenData


def fresh(ref: ModelRef, *, history: PriceHistory, models: ModelStore, options: TrainOptions) -> Fresh | None:
    """Return the stored model if it is valid and was made from these bars, this parent and these options, else None.

    A vendor is not asked if the model has seen the last completed session, which the clock tells.
    """
    as_of, feed = history.clock.as_of, history.feed
    try:
        found = stored.find(ref, models=models, as_of=as_of)
        parent = stored.find(PARENT, models=models, as_of=as_of)
    except ModelDamagedError:
        return None
    if found is None or parent is None:
        return None
    card = found.checkpoint.card
    child = ref.kind == "child"
    if card != _as_made_now(card, parent, options):
        return None
    data = card.data
    if data.source != feed.name:
        return None
    if feed.live and data.last == history.last_day(ref.ticker).isoformat() and (child or not options.universe):
        return Fresh(found, SeenData(**field_values(data), behind=0))
    prices = history.daily(ref.ticker)
    same_bars = card.bars == prices.digest and (child or _same_panel(card, history, options))
    return Fresh(found, prices.data) if same_bars else None


def _as_made_now(card: ModelCard, parent: ResolvedModel, options: TrainOptions) -> ModelCard:
    """Return a card with the fields that training with these options would write."""
    card = replace(card, split=options.split, seed=options.seed)
    if card.kind == "parent":
        recipe = train_config.parent(of_many=bool(options.universe))
        return replace(card, fit=asdict(train_config.of(recipe, options)))
    card = replace(card, parent=parent.checkpoint.summary)
    if card.strategy == "parent":  # too few sessions for any training
        return card
    recipe = train_config.CHILD[options.strategy]
    return replace(card, strategy=options.strategy, fit=asdict(train_config.of(recipe, options)))


def _same_panel(card: ModelCard, history: PriceHistory, options: TrainOptions) -> bool:
    """Return whether a parent learned from this universe, with its current histories."""
    members = {member.ticker: member.bars for member in (card.panel or ())[1:]}
    if tuple(members) != options.universe:
        return False
    try:
        return all(history.auxiliary(ticker).digest == bars for ticker, bars in members.items())
    except StockopsError:  # training reports what an unavailable one costs
        return False
