"""The model card: ticker, training data, method, library versions and training results."""

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
    """One of the histories that a parent was trained on; bars: their digest."""

    ticker: str
    source: str
    rows: Count
    first: Day
    last: Day
    repairs: tuple[Repair, ...] | None = absent()
    bars: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A checkpoint's description of itself.

    model_version: the content hash, None until the checkpoint is created. method: version of the meaning of its
    weights. bars: digest of the training bars. strategy: how it was trained, None for a parent, "parent" for a child
    that is a copy of its parent. parent: None for a parent. panel: the histories, if there was more than one. fit:
    training parameters, empty without a training. history: the loss of every epoch. shrinkage: by price, then horizon.
    ranges_from: the ticker whose residuals calibrated the ranges.
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
