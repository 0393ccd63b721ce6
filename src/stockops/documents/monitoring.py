"""The document of `monitor-*` and of each of its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stockops.documents.failures import Problem
from stockops.documents.fields import Count, Day, Moment, Share, Text, absent
from stockops.documents.prices import PriceData
from stockops.records import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSkipped:
    """A part that could not be judged, and why."""

    status: Literal["skipped"] = "skipped"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFailed:
    """A part that met an expected failure."""

    status: Literal["failed"] = "failed"
    error: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureShift:
    """One feature in both windows; shift_score: difference of means in standard deviations of the reference."""

    ref_mean: float
    curr_mean: float
    shift_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSampleTest:
    """A two-sample test."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityRatio:
    """Volatility of returns, current over reference, with its 95 % interval."""

    ratio: float
    interval_95: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnsDrift:
    """What stationary series say; corrected_p_values: by question, corrected for asking several at once."""

    health: Text
    kolmogorov_smirnov: Mapping[str, TwoSampleTest]
    volatility: VolatilityRatio
    corrected_p_values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The sessions that were compared."""

    first: Day
    last: Day
    rows: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """Did the data move? Levels, and beside them returns, which reports of earlier releases may lack."""

    schema: Literal[1] = SCHEMA
    ticker: str
    status: Literal["completed"] = "completed"
    health: Text
    drift_score: float
    volatility_index: float
    feature_metrics: Mapping[str, FeatureShift]
    returns: ReturnsDrift | None = absent()
    reference: Window
    current: Window
    as_of: Day
    timestamp: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSkipped:
    """Too few rows to compare."""

    schema: Literal[1] = SCHEMA
    ticker: str
    status: Literal["skipped"] = "skipped"
    reason: str
    as_of: Day
    timestamp: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The three checks of a report's words."""

    relevance: bool
    trustworthiness: bool
    has_recommendation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingShare:
    """How many claims of a report stand in its facts, and which do not."""

    share: Share
    claims: Count
    unmatched: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationMetrics:
    """What a report is worth; overall_score: share of the three checks that are passed."""

    checks: Checks
    overall_score: Share
    status: str
    grounding: GroundingShare | None
    stance_agrees: bool | None
    provider: str
    recommendation: str
    confidence: str
    duration_seconds: float
    timestamp: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """Is the analyst worth reading? output_preview_text: how the report begins."""

    schema: Literal[1] = SCHEMA
    ticker: str
    metrics: EvaluationMetrics
    output_preview_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastErrors:
    """How forecasts did, in percent of the origin's close; coverage: level in percent -> share inside."""

    forecasts: Count
    mae_percent: float
    persistence_mae_percent: float
    mase: float | None
    skill: float | None
    bias_percent: float
    coverage: Mapping[str, Share]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanErrors(ForecastErrors):
    """The same of a span of sessions, and of each horizon in it."""

    horizons: Mapping[str, ForecastErrors]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceResult:
    """Did past forecasts come true? sessions: by span. matured, pending: forecasts whose day has come, or not yet."""

    schema: Literal[1] = SCHEMA
    ticker: str
    status: Literal["completed"] = "completed"
    health: Text
    sessions: Mapping[str, SpanErrors]
    last_date: Day
    matured: Count
    pending: Count
    timestamp: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceSkipped:
    """Too few forecasts have come of age."""

    schema: Literal[1] = SCHEMA
    ticker: str
    status: Literal["skipped"] = "skipped"
    reason: str
    last_date: Day
    matured: Count
    pending: Count
    timestamp: Moment


Drift = DriftResult | DriftSkipped | PartFailed
Evaluation = EvaluationResult | PartSkipped | PartFailed
Performance = PerformanceResult | PerformanceSkipped | PartFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringResult:
    """What `monitor-*` prints. health: the worst of its parts', None where none could be judged."""

    schema: Literal[1] = SCHEMA
    ticker: str
    health: str | None
    data: PriceData | None
    model_age_sessions: Count | None
    drift: Drift
    agent_eval: Evaluation
    performance: Performance
    degraded: tuple[str, ...]
