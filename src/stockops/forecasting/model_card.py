"""The card of a model: whose it is, of which data, made how and by what, and what its training said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stockops.documents.fields import Count, Day, absent
from stockops.documents.prices import DataSpan, Repair
from stockops.documents.training import ModelScores, ParentSummary
from stockops.forecasting.inference import LSTMConfig
from stockops.records import METHOD, EpochLoss, Split


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelMember:
    """One of the histories that a parent learnt from; bars: their digest."""

    ticker: str
    source: str
    rows: Count
    first: Day
    last: Day
    repairs: tuple[Repair, ...] | None = absent()
    bars: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a checkpoint says of itself.

    model_version: the content hash, None until the checkpoint is created. method: what its weights mean. bars: digest
    of the bars of its training. strategy: how it was trained, None for a parent, "parent" for a child that is its
    parent. parent: None for a parent. panel: where it learnt from more than one history. fit: of the training, empty
    without one. history: the loss of every epoch. shrinkage: by price, then horizon. ranges_from: whose residuals the
    ranges were calibrated on.
    """

    model_version: str | None = absent()
    method: int = METHOD
    kind: Literal["parent", "child"]
    ticker: str
    data: DataSpan
    bars: str
    features: tuple[str, ...]
    split: Split
    seed: int
    libraries: Mapping[str, str]
    strategy: str | None
    parent: ParentSummary | None
    panel: tuple[PanelMember, ...] | None = absent()
    config: LSTMConfig
    fit: Mapping[str, int | float]
    best_epoch: Count
    history: tuple[EpochLoss, ...]
    shrinkage: Mapping[str, tuple[float, ...]]
    ranges_from: str
    metrics: ModelScores
