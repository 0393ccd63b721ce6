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
    """A part that failed with an expected error."""

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
    """Drift of stationary series. corrected_p_values: by question, corrected for multiple testing."""

    health: Text
    kolmogorov_smirnov: Mapping[str, TwoSampleTest]
    volatility: VolatilityRatio
    corrected_p_values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The sessions of one of the windows compared."""

    first: Day
    last: Day
    rows: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """Data drift of levels and of returns; reports of earlier releases may lack the returns."""

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
    """A drift report without a verdict: too few rows to compare."""

    schema: Literal[1] = SCHEMA
    ticker: str
    status: Literal["skipped"] = "skipped"
    reason: str
    as_of: Day
    timestamp: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The three checks of a report's wording."""

    relevance: bool
    trustworthiness: bool
    has_recommendation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingShare:
    """The share of a report's claims that its facts support, and the unsupported ones."""

    share: Share
    claims: Count
    unmatched: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationMetrics:
    """The quality of a report. overall_score: share of the three checks passed."""

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
    """The evaluation of an analyst's report. output_preview_text: how the report begins."""

    schema: Literal[1] = SCHEMA
    ticker: str
    metrics: EvaluationMetrics
    output_preview_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastErrors:
    """Errors of forecasts, in percent of the origin's close. coverage: level in percent -> share inside."""

    forecasts: Count
    mae_percent: float
    persistence_mae_percent: float
    mase: float | None
    skill: float | None
    bias_percent: float
    coverage: Mapping[str, Share]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanErrors(ForecastErrors):
    """The same for a span of sessions, and for each horizon in it."""

    horizons: Mapping[str, ForecastErrors]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceResult:
    """Scores of past forecasts. sessions: by span. matured, pending: forecasts whose session has come, or not yet."""

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
    """No scores: too few forecasts have matured."""

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
    """What `monitor-*` prints. health: the worst of its parts', None if none could be judged."""

    schema: Literal[1] = SCHEMA
    ticker: str
    health: str | None
    data: PriceData | None
    model_age_sessions: Count | None
    drift: Drift
    agent_eval: Evaluation
    performance: Performance
    degraded: tuple[str, ...]
