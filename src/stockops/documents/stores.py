"""What a home stores: the documents of `cache`, `outputs`, `features`, `metrics` and `doctor`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stockops.documents.fields import Count
from stockops.records import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedForecastRow:
    """A cached forecast. fresh_until: None means until its price file changes."""

    key: str
    ticker: str
    last_date: str
    model_version: str
    source: str
    made_at: str
    fresh_until: str | None
    seconds_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedReportRow:
    """A cached report, without its text; None for what the store does not provide."""

    ticker: object
    question: object
    session: object
    model_version: object
    provider: object
    model: object
    recommendation: object
    confidence: object
    seconds_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheList:
    """What `cache list` prints. hits, misses: of forecasts."""

    schema: Literal[1] = SCHEMA
    entries: tuple[CachedForecastRow, ...]
    reports: tuple[CachedReportRow, ...]
    hits: Count
    misses: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCleared:
    """What `cache clear` prints: whose forecasts and reports were deleted."""

    schema: Literal[1] = SCHEMA
    cleared: tuple[str, ...]
    cleared_reports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One artifact; its path is relative to the home."""

    path: str
    bytes: Count
    age_seconds: Count


Artifacts = Mapping[str, Mapping[str, tuple[OutputFile, ...]]]  # by ticker, then category


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What `outputs` prints. as_of: artifacts stored apart for looks back, by day."""

    schema: Literal[1] = SCHEMA
    outputs: Artifacts
    as_of: Mapping[str, Artifacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesApplied:
    """What `features apply` prints. applied: whether the definitions were new or had changed."""

    schema: Literal[1] = SCHEMA
    applied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesMaterialized:
    """What `features materialize` prints without a ticker: the tickers whose features are online."""

    schema: Literal[1] = SCHEMA
    materialized: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerMaterialized:
    """What `features materialize` prints for a ticker. written: false if the store has later features."""

    schema: Literal[1] = SCHEMA
    ticker: str
    last: str
    written: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestFeatures:
    """What `features get` prints."""

    schema: Literal[1] = SCHEMA
    ticker: str
    event_time: str
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsValues:
    """What `metrics --json` prints: every series."""

    schema: Literal[1] = SCHEMA
    metrics: Mapping[str, float]
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSent:
    """What `metrics` prints after pushing or writing."""

    schema: Literal[1] = SCHEMA
    bytes: Count
    pushed: bool
    textfile: str | None
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of a check. `down`: commands do without it. `broken`: they cannot."""

    name: str
    state: Literal["up", "down", "broken"]
    detail: str
    hint: str
    latency_ms: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorResult:
    """What `doctor` prints. ok: no check is `broken`."""

    schema: Literal[1] = SCHEMA
    ok: bool
    checks: tuple[CheckResult, ...]
