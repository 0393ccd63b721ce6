"""A training job: what one model learns from, and the resulting checkpoint. Touches no files."""

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace

import torch

from stockops import __version__
from stockops.documents.fields import field_values
from stockops.documents.training import ModelScores
from stockops.errors import DataError
from stockops.forecasting import checkpoint as checkpoints
from stockops.forecasting import covariates, panel, scores, train_config
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.covariates import Market
from stockops.forecasting.device import prepare
from stockops.forecasting.lstm import PriceLSTM
from stockops.forecasting.model_card import ModelCard, PanelMember
from stockops.forecasting.rolling_forecast import rolling_forecasts
from stockops.forecasting.train_config import FitConfig
from stockops.forecasting.trainer import TrainingResult, TrainingSet, train
from stockops.forecasting.training_loop import best_epoch
from stockops.forecasting.transfer import child_of
from stockops.market import features
from stockops.market.windows import FORECASTABLE, TRAINABLE
from stockops.pipelines.prices import Prices
from stockops.records import EpochLoss, ModelRef, Strategy, TrainOptions

_LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn")
_BEFORE_ALL = "1970-01-01"


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Prices, the training set, the model to train, and the training configuration.

    strategy, parent: of a child. panel: the histories of a parent that learns from many; shown: then, the training set
    of `prices` alone, for evaluation.
    """

    place: ModelRef
    prices: Prices
    table: TrainingSet
    model: PriceLSTM
    fit: FitConfig
    strategy: Strategy | None = None
    parent: Checkpoint | None = None
    panel: tuple[PanelMember, ...] | None = None
    shown: TrainingSet | None = None

    @property
    def label(self) -> str:
        """Its name in a progress bar."""
        return f"{self.place.kind} {self.place.ticker}"

    def train(self, options: TrainOptions, on_epoch: Callable[[EpochLoss], None]) -> tuple[Checkpoint, TrainingResult]:
        """Return the checkpoint of the trained model, and the training result."""
        model = self.model.to(prepare(options.device, options.threads))
        learned = train(model, self.table, self.fit, seed=options.seed, on_epoch=on_epoch, shown=self.shown)
        return checkpoints.create(model.weights(), self._card(options, learned)), learned

    def _card(self, options: TrainOptions, learned: TrainingResult) -> ModelCard:
        return ModelCard(
            kind=self.place.kind,
            ticker=self.place.ticker,
            data=self.prices.span,
            bars=self.prices.digest,
            features=features.FEATURES,
            split=options.split,
            seed=options.seed,
            libraries=_libraries(),
            strategy=self.strategy,
            parent=self.parent.summary if self.parent else None,
            panel=self.panel,
            config=self.model.config,
            fit=asdict(self.fit),
            best_epoch=best_epoch(learned.history).epoch,
            history=tuple(learned.history),
            shrinkage={price: tuple(factors) for price, factors in learned.shrinkage.items()},
            ranges_from=self.parent.card.ticker if self.parent and not learned.own_ranges else self.place.ticker,
            metrics=scores.summary(learned.evaluation),
        )


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The job for a ticker too young to train on: its parent unchanged, under the ticker's name."""

    place: ModelRef
    prices: Prices
    market: Market | None
    parent: Checkpoint

    @property
    def waits_for(self) -> int:
        """Sessions missing until it can have its own model."""
        return TRAINABLE - _rows(self.prices)

    def child(self, options: TrainOptions) -> Checkpoint:
        """Return the child: the parent's weights, with intervals adapted to the ticker's own sessions so far."""
        table = features.add(self.prices.bars)
        known = covariates.of(table, self.prices.calendar, self.market)
        card = self.parent.card
        stranger = replace(self.parent, card=replace(card, data=replace(self.prices.span, last=_BEFORE_ALL)))
        weights = {**self.parent.weights, "range_quantiles": rolling_forecasts(stranger, table, known).quantiles[-1]}
        return checkpoints.create(
            weights,
            ModelCard(
                kind=self.place.kind,
                ticker=self.place.ticker,
                data=self.prices.span,
                bars=self.prices.digest,
                features=features.FEATURES,
                split=options.split,
                seed=options.seed,
                libraries=_libraries(),
                strategy="parent",
                parent=self.parent.summary,
                config=card.config,
                fit={},
                best_epoch=0,
                history=(),
                shrinkage=card.shrinkage,
                ranges_from=card.ticker,
                metrics=ModelScores(),
            ),
        )


def _libraries() -> dict[str, str]:
    return {"stockops": __version__} | {name: importlib.metadata.version(name) for name in _LIBRARIES}


def is_young(prices: Prices) -> bool:
    """Return whether a ticker has too few sessions to train on; DataError if too few to forecast from."""
    rows = _rows(prices)
    if rows < FORECASTABLE:
        raise DataError(
            f"{prices.symbol}: too few rows to forecast from: {len(prices.bars)}, and "
            f"{FORECASTABLE + features.WARM_UP} are needed",
            f"wait for {FORECASTABLE - rows} more sessions or use a longer history",
        )
    return rows < TRAINABLE


def _rows(prices: Prices) -> int:
    """Return the number of sessions that have features."""
    return len(prices.bars) - features.WARM_UP


def table(prices: Prices, market: Market | None, options: TrainOptions) -> TrainingSet:
    """Return the training set of a history beside the market; DataError if it has too few windows."""
    rows = features.add(prices.bars)
    known = covariates.of(rows, prices.calendar, market)
    return TrainingSet.of(prices.symbol, rows, known, split=options.split, seed=options.seed)


def tables(
    universe: Iterable[Prices],
    market: Market | None,
    options: TrainOptions,
    leave_out: Callable[[str, DataError], None],
) -> Iterator[tuple[Prices, TrainingSet]]:
    """Yield every history that can be trained on with its training set; pass the others to `leave_out`."""
    for prices in universe:
        try:
            windows = table(prices, market, options)
        except DataError as exc:
            leave_out(prices.symbol, exc)
            continue
        yield prices, windows


def from_scratch(place: ModelRef, prices: Prices, table: TrainingSet, options: TrainOptions) -> TrainingJob:
    """Return the job of training a model without a parent: the parent itself, or a child trained from scratch."""
    torch.manual_seed(options.seed)  # for the initial weights
    return TrainingJob(place, prices, table, PriceLSTM(), train_config.of(train_config.PARENT, options))


def from_many(
    place: ModelRef,
    prices: Prices,
    table: TrainingSet,
    others: Iterable[tuple[Prices, TrainingSet]],
    count: int,
    options: TrainOptions,
) -> TrainingJob:
    """Return the job of training a parent on the index and up to `count` others, which are read one at a time.

    DataError if no ticker of the universe can be learned from.
    """
    members = [_member(prices)]

    def tables() -> Iterator[TrainingSet]:
        yield table
        for other, its_table in others:
            members.append(_member(other))
            yield its_table

    gathered = panel.gathered(tables(), 1 + count, symbol=place.ticker, seed=options.seed)
    if len(members) == 1:
        raise DataError("no ticker of the universe can be learnt from", "see the warnings above")
    torch.manual_seed(options.seed)  # for the initial weights
    config = train_config.of(train_config.parent(of_many=True), options)
    return TrainingJob(place, prices, gathered, PriceLSTM(), config, panel=tuple(members), shown=table)


def _member(prices: Prices) -> PanelMember:
    """Return the card entry of a history that a parent learns from."""
    return PanelMember(ticker=prices.symbol, **field_values(prices.span), bars=prices.digest)


def transfer(
    place: ModelRef, prices: Prices, table: TrainingSet, parent: Checkpoint, options: TrainOptions
) -> TrainingJob:
    """Return the job of training a child from its parent."""
    child = child_of(parent, options.strategy, len(table.windows.training))
    config = train_config.of(train_config.CHILD[options.strategy], options)
    return TrainingJob(place, prices, table, child, config, strategy=options.strategy, parent=parent)
