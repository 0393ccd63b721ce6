"""The document of `analyze`."""

from dataclasses import dataclass
from typing import Literal

from stockops.documents.fields import Count, Day, Price
from stockops.documents.forecast import Predictions, Risks
from stockops.documents.prices import PriceData
from stockops.records import SCHEMA, Confidence, Recommendation

CacheUse = Literal["off", "miss", "hit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One headline that a report is based on."""

    headline: str
    source: str
    url: str
    published: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisResult:
    """What `analyze` prints. report: Markdown. provider, model: who wrote it. cache: whether it came from the cache."""

    schema: Literal[1] = SCHEMA
    ticker: str
    thread_id: str | None
    question: str | None
    report: str
    recommendation: Recommendation
    confidence: Confidence
    provider: str
    model: str
    cache: CacheUse
    last_date: Day
    last_price: Price
    model_version: str
    model_age_sessions: Count
    predictions: Predictions
    risk: Risks
    news: tuple[Headline, ...]
    data: PriceData
    degraded: tuple[str, ...]
