"""What documents that were kept must look like to be believed: the whole of each, down to the numbers.

A digest tells that a document is as it was written (strict_json); its shape, that it was written by us.
"""

import json
from datetime import date, datetime
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic takes typing's from Python 3.12 on
)

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

_STRICT = ConfigDict(strict=True, extra="allow")


def _day(text: str) -> str:
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError("no day")
    return text


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no moment")
    return text


Day = Annotated[str, AfterValidator(_day)]
Moment = Annotated[str, AfterValidator(_moment)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Price = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Bounds = Annotated[list[Price], Field(min_length=2, max_length=2)]


@with_config(_STRICT)
class Bar(TypedDict):
    """A forecast session."""

    date: Day
    horizon: Annotated[int, Field(ge=1)]
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    change: Number
    close_80: Bounds
    close_95: Bounds
    high_80: Bounds
    high_95: Bounds
    low_80: Bounds
    low_95: Bounds
    extrapolated: bool


@with_config(_STRICT)
class RiskOver(TypedDict):
    """What may be lost over so many sessions, as shares of the last close."""

    days: Annotated[int, Field(ge=1)]
    volatility_day: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    volatility_year: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    var_95: Share
    var_99: Share
    es_95: Share


@with_config(_STRICT)
class Risks(TypedDict):
    """The risk over the next session and over five."""

    next_day: RiskOver
    week: RiskOver


@with_config(_STRICT)
class Predictions(TypedDict):
    """The sessions of a forecast."""

    next_day: Bar
    week: Annotated[list[Bar], Field(min_length=1)]
    days: Annotated[list[Bar], Field(min_length=1)]


@with_config(_STRICT)
class Close(TypedDict):
    """A session that came."""

    date: Day
    close: Price


@with_config(_STRICT)
class Data(TypedDict):
    """What the prices are."""

    source: str
    rows: Count
    first: Day
    last: Day
    behind: Count
    untraded: Count
    currency: str | None
    calendar: str
    repairs: list[Any]


@with_config(_STRICT)
class Envelope(TypedDict):
    """What decided a kept forecast, and until when it holds."""

    question: str
    made_at: Moment
    fresh_until: Moment | None


@with_config(_STRICT)
class KeptForecast(TypedDict):
    """A document of `predict-child` and its envelope."""

    schema: Literal[1]
    ticker: str
    source: str
    last_date: Day
    last_close: Price
    currency: str | None
    data: Data
    model_version: str
    trained_to: Day
    model_age_sessions: Count
    model_source: str
    strategy: str | None
    ranges_from: str
    cached: Literal[False]
    next_business_days: list[Day]
    predictions: Predictions
    risk: Risks
    history: Annotated[list[Close], Field(min_length=1)]
    features: dict[str, Any]
    degraded: list[str]
    cache: Envelope


_BySpan = dict[str, Number | None]


@with_config(_STRICT)
class Skills(TypedDict):
    """Skill of each channel by horizon."""

    Open: _BySpan
    High: _BySpan
    Low: _BySpan
    Close: _BySpan
    Volume: _BySpan


@with_config(_STRICT)
class BacktestSummary(TypedDict):
    """What is quoted of a backtest."""

    start: Day
    end: Day
    origins: Count
    source: str
    refit: str
    skill: Skills
    close_skill: Number | None
    close_findings: dict[str, Literal["better", "tied", "worse"]]
    coverage: dict[str, Share]
    text: str


@with_config(_STRICT)
class _Skill(TypedDict):
    RMSE: Number | None


@with_config(_STRICT)
class HeldOut(TypedDict):
    """The scores of windows held out of a training."""

    windows: Count
    skill: _Skill


@with_config(_STRICT)
class Metrics(TypedDict):
    """What is read of a metrics document."""

    ticker: str
    model_version: str
    strategy: str | None
    validation: NotRequired[HeldOut]  # none of a child that is its parent


@with_config(_STRICT)
class _Volatility(TypedDict):
    ratio: Number


@with_config(_STRICT)
class _Returns(TypedDict):
    health: Annotated[str, Field(min_length=1)]
    volatility: _Volatility


@with_config(_STRICT)
class Drift(TypedDict):
    """What is read of a drift report that was not skipped."""

    as_of: Day
    health: str
    drift_score: Number
    volatility_index: Number
    returns: NotRequired[_Returns]  # earlier releases judged without them


def fits(document: object, shape: Any) -> bool:
    """Tell whether a document has a shape, as strictly as JSON can."""
    try:
        made(document, shape)
    except ValueError:  # pydantic's ValidationError is one
        return False
    return True


def checked(document: Any, shape: Any) -> Any:
    """Return a document as it is; ValueError where it does not have the shape."""
    made(document, shape)
    return document


def made(document: object, shape: Any) -> Any:
    """Return what a shape makes of a document: of one for a dataclass, its object; ValueError where it does not fit."""
    return _adapter(shape).validate_json(json.dumps(document), strict=True)  # where a dataclass may come of an object


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
