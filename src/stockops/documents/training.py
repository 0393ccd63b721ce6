"""The documents of `train-*` and of a model's metrics; MSE, RMSE and R2 as `forecasting.scores` defines them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stockops.documents.backtest import BacktestSummary
from stockops.documents.fields import Count, Day, absent
from stockops.documents.prices import DataSpan, PriceData
from stockops.records import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorScores:
    """The errors of one forecast."""

    MSE: float
    RMSE: float
    R2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillScores:
    """1 - error / persistence's; None if the history never moved."""

    MSE: float | None
    RMSE: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores(ErrorScores):
    """The errors of a model, and of persistence over the same windows."""

    persistence: ErrorScores
    skill: SkillScores


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScore:
    """RMSE of channels with the same unit, that of persistence, and the skill."""

    RMSE: float
    persistence: float
    skill: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonScores:
    """The scores at one horizon, Close apart."""

    Close: GroupScore
    Open_High_Low: GroupScore
    Volume: GroupScore


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutScores(Scores):
    """The scores on windows held out of a training. horizons: by days ahead."""

    windows: Count
    horizons: Mapping[str, HorizonScores] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScores:
    """The scores of a training, all windows first; none for a child that is its parent."""

    MSE: float | None = absent()
    RMSE: float | None = absent()
    R2: float | None = absent()
    persistence: ErrorScores | None = absent()
    skill: SkillScores | None = absent()
    windows: Count | None = absent()
    next_day: Scores | None = absent()
    validation: HeldOutScores | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentSummary:
    """The parent of a child. panel: the number of histories it learned from, if more than one."""

    ticker: str
    version: str
    last: Day
    panel: Count | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenData(DataSpan):
    """The prices of a model that has seen the last session, so no vendor was asked."""

    behind: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """What `train-*` prints; `fresh`: the model was already current and left as it is.

    location: the folder of the model, relative to the home. backtest: the latest of this ticker with the same method,
    or None.
    """

    schema: Literal[1] = SCHEMA
    status: Literal["completed", "fresh"] = "completed"
    ticker: str
    run_id: str | None
    strategy: str | None
    parent: ParentSummary | None
    model_version: str
    location: str
    data: PriceData | SeenData
    best_epoch: Count
    ranges_from: str
    metrics: ModelScores
    backtest: BacktestSummary | None
    artifacts: tuple[str, ...]
    duration_seconds: float
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsResult:
    """The metrics file of a model, as written by its training."""

    schema: Literal[1] = SCHEMA
    ticker: str
    model_version: str
    strategy: str | None
    of_many: bool = False  # absent in files of earlier releases
    data: DataSpan
    MSE: float | None = absent()
    RMSE: float | None = absent()
    R2: float | None = absent()
    persistence: ErrorScores | None = absent()
    skill: SkillScores | None = absent()
    windows: Count | None = absent()
    next_day: Scores | None = absent()
    validation: HeldOutScores | None = absent()
    backtest: BacktestSummary | None = None
