"""Is a stored model what a training would make now? So a list of tickers goes on where it was left."""

from dataclasses import asdict, dataclass
from typing import Any

from stockops.errors import ModelDamagedError, StockopsError
from stockops.forecasting import train_config
from stockops.pipelines import model_resolver as stored
from stockops.pipelines.model_resolver import ResolvedModel
from stockops.pipelines.prices import PriceHistory
from stockops.ports import ModelStore
from stockops.records import PARENT, ModelRef, TrainOptions


@dataclass(frozen=True, slots=True)
class Fresh:
    """A model that a training would only make again, and what its prices are."""

    model: ResolvedModel
    data: dict[str, Any]


def fresh(ref: ModelRef, *, history: PriceHistory, models: ModelStore, options: TrainOptions) -> Fresh | None:
    """Return a model that is whole and was made from these bars, this parent and these options; None for any other.

    A vendor is not asked where the model has seen the last completed session, which the clock tells.
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
    same: dict[str, Any] = {
        "strategy": options.strategy if child else None,
        "split": options.split,
        "seed": options.seed,
        "fit": asdict(
            train_config.of(
                train_config.CHILD[options.strategy] if child else train_config.parent(of_many=bool(options.universe)),
                options,
            )
        ),
        "parent": parent.checkpoint.summary if child else None,
    }
    if card["strategy"] == "parent":  # made of too few sessions to have been trained in any way
        same |= {"strategy": "parent", "fit": {}}
    if any(card[name] != value for name, value in same.items()) or card["data"]["source"] != feed.name:
        return None
    if (
        feed.live
        and card["data"]["last"] == history.last_day(ref.ticker).isoformat()
        and (child or not options.universe)
    ):
        return Fresh(found, {**card["data"], "behind": 0})
    prices = history.daily(ref.ticker)
    same_bars = card.get("bars") == prices.digest and (child or _same_panel(card, history, options))
    return Fresh(found, prices.document) if same_bars else None


def _same_panel(card: dict[str, Any], history: PriceHistory, options: TrainOptions) -> bool:
    """Tell whether a parent learnt from this universe, as its histories are now."""
    members = {member["ticker"]: member["bars"] for member in card.get("panel", ())[1:]}
    if tuple(members) != options.universe:
        return False
    try:
        return all(history.beside(ticker).digest == bars for ticker, bars in members.items())
    except StockopsError:  # what becomes of one that cannot be had, a training says
        return False
