"""The document of `backtest`: scores by channel and horizon, scores of the intervals, and a summary.

Keys of mappings are strings, as in JSON: days ahead (`"1"` to `"5"`), levels in percent (`"80"`, `"95"`), years,
names of channels, naive forecasts and baselines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Predicate

from stockops.documents.fields import Count, Day, Share, absent
from stockops.documents.prices import PriceData
from stockops.records import SCHEMA

Finding = Literal["better", "tied", "worse"]

_CHANNELS = {"Open", "High", "Low", "Close", "Volume"}


def _has_every_channel(skills: Mapping[str, object]) -> bool:
    return skills.keys() >= _CHANNELS


@dataclass(frozen=True, slots=True, kw_only=True)
class DieboldMariano:
    """A test of two forecasts' losses; statistic below zero: the model's are smaller."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """How often the forecast direction was right, with its 95 % interval, beside naive forecasts."""

    forecasts: Count
    accuracy: Share
    interval_95: tuple[float, float]
    naive_accuracy: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonFigures:
    """Scores of a channel's forecasts at one horizon.

    mase: scaled by the mean daily change before the test, `mase_scale`. skill: against the best naive forecast.
    """

    forecasts: Count
    mae: float
    rmse: float
    mase: float | None
    mase_scale: float
    naive_mae: Mapping[str, float]
    best_naive: str
    skill: float | None
    skill_against: Mapping[str, float | None]
    diebold_mariano: Mapping[str, DieboldMariano | None]
    direction: Direction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel by horizon; None where no forecast has matured."""

    unit: str
    horizons: Mapping[str, HorizonFigures | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeScore:
    """Scores of prediction intervals: coverage with its 95 % interval, and the mean Winkler score."""

    coverage: Share
    interval_95: tuple[float, float]
    winkler: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremeScore:
    """The same, with the number of forecasts."""

    forecasts: Count
    coverage: Share
    interval_95: tuple[float, float]
    winkler: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeComparison:
    """The model's intervals beside others. winkler_ratio: its score over theirs. best_range: the best of the others."""

    forecasts: Count
    coverage: Share
    interval_95: tuple[float, float]
    winkler: float
    naive_winkler: Mapping[str, float]
    winkler_ratio: Mapping[str, float]
    best_range: str
    peers: Mapping[str, RangeScore]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeLevel:
    """The intervals on Close at one level: coverage over all horizons, and scores at each."""

    coverage: Share
    horizons: Mapping[str, RangeComparison]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremeLevel:
    """The intervals on High or Low at one level."""

    horizons: Mapping[str, ExtremeScore]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFigures:
    """Scores of a baseline. skill: against the best naive forecast. model_skill: of the model against this baseline."""

    forecasts: Count
    mae: float
    skill: float | None
    model_skill: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceedances:
    """How often losses exceeded their value at risk, with p-values of the tests."""

    exceedances: Count
    share: Share | None
    allowed: Share
    kupiec_p: float | None
    christoffersen_p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """The mean loss beyond the value at risk, and the expected one."""

    mean_loss: float | None
    expected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFigures:
    """Predicted losses over a span of sessions, beside actual ones."""

    forecasts: Count
    var_95: Exceedances
    var_99: Exceedances
    es_95: Shortfall


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSummary:
    """What is quoted of a backtest. skill: by channel, then horizon. close_findings: by horizon, beyond chance."""

    start: Day
    end: Day
    origins: Count
    source: str
    refit: str
    skill: Annotated[Mapping[str, Mapping[str, float | None]], Predicate(_has_every_channel)]
    close_skill: float | None
    close_findings: Mapping[str, Finding]
    coverage: Mapping[str, Share]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedBacktest:
    """The fields of a report of any release that decide whether it may be quoted, and its summary."""

    ticker: str
    source: str
    end: Day
    method: int
    strategy: str | None
    panel: tuple[str, ...] = ()
    summary: BacktestSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """What `backtest` prints; the file lacks the last three fields, which only the call knows."""

    schema: Literal[1] = SCHEMA
    ticker: str
    source: str
    data: PriceData
    start: Day
    end: Day
    origins: Count
    refit: str
    trainings: Count
    method: int
    panel: tuple[str, ...]
    split: str
    seed: int
    channels: Mapping[str, Channel]
    ranges: Mapping[str, RangeLevel]
    extremes: Mapping[str, Mapping[str, ExtremeLevel]]
    coverage_by_year: Mapping[str, Mapping[str, float]]
    crps: Mapping[str, float]
    peers: Mapping[str, Mapping[str, Mapping[str, PeerFigures]]]
    summary: BacktestSummary
    strategy: str | None
    risk: Mapping[str, RiskFigures]
    ranges_from: str
    artifacts: tuple[str, ...] | None = absent()
    duration_seconds: float | None = absent()
    degraded: tuple[str, ...] | None = absent()
