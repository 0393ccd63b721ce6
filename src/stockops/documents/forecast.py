"""The document of `predict-*`, and what stands beside it in the cache."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, MinLen

from stockops.documents.fields import Bounds, Count, Day, Moment, NotNegative, Price, Share, absent
from stockops.documents.prices import PriceData
from stockops.records import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionForecast:
    """One session: prices in the exchange's currency, volume in shares, intervals as (low, high).

    change: of the close, as a share of the last one. extrapolated: beyond the horizon that the model was trained for.
    """

    date: Day
    horizon: Annotated[int, Ge(1)]
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Count
    change: float
    close_80: Bounds
    close_95: Bounds
    high_80: Bounds
    high_95: Bounds
    low_80: Bounds
    low_95: Bounds
    extrapolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """The sessions of a forecast: the next, the next five, and as many as requested."""

    next_day: SessionForecast
    week: Annotated[tuple[SessionForecast, ...], MinLen(1)]
    days: Annotated[tuple[SessionForecast, ...], MinLen(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRisk:
    """The risk over so many sessions; losses as shares of the last close."""

    days: Annotated[int, Ge(1)]
    volatility_day: NotNegative
    volatility_year: NotNegative
    var_95: Share
    var_99: Share
    es_95: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """The risk over the next session and over five."""

    next_day: SpanRisk
    week: SpanRisk


@dataclass(frozen=True, slots=True, kw_only=True)
class PastClose:
    """The close of a past session."""

    date: Day
    close: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureOrigin:
    """Where the last session's features come from. skew: those on which the store disagrees with the prices."""

    source: str
    skew: tuple[str, ...] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionResult:
    """What `predict-*` prints: always the week, and in `predictions.days` as many sessions as requested.

    model_source: of the prices that the model was trained on. strategy: how it was trained, None for the parent.
    ranges_from: whose residuals calibrated the intervals.
    """

    schema: Literal[1] = SCHEMA
    ticker: str
    source: str
    last_date: Day
    last_close: Price
    currency: str | None
    data: PriceData
    model_version: str
    trained_to: Day
    model_age_sessions: Count
    model_source: str
    strategy: str | None
    ranges_from: str
    cached: bool
    next_business_days: tuple[Day, ...]
    predictions: Predictions
    risk: Risks
    history: Annotated[tuple[PastClose, ...], MinLen(1)]
    features: FeatureOrigin
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEnvelope:
    """What decided a cached forecast, and until when it is fresh; None: until the entry expires."""

    question: str
    made_at: Moment
    fresh_until: Moment | None
