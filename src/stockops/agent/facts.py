"""Everything that an analysis may mention: the forecast, its background, the model's track record, the news.

Numbers are derived here once, so that the report, the prompt and the grounding check use the same ones.
"""

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stockops.agent.claims import AllowedClaims
from stockops.agent.news import News
from stockops.documents.backtest import BacktestSummary
from stockops.documents.forecast import PredictionResult, SessionForecast, SpanRisk
from stockops.documents.monitoring import DriftResult
from stockops.documents.training import MetricsResult
from stockops.records import WORTH_A_WORD

if TYPE_CHECKING:
    from stockops.market.context import Context

_CLEAR = 0.5  # of half the 80 % range; a smaller forecast change is not a clear direction
_SESSIONS_A_YEAR = 252
_SPANS = {"1 day": 1, "5 days": 5, "21 days": 21}  # of returns; a forecast comes with 30 past closes
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Day:
    """One forecast session; change_percent and the percent ranges are relative to the last close."""

    date: str
    close: float
    change_percent: float
    close_80: Bounds
    close_95: Bounds
    percent_80: Bounds
    percent_95: Bounds


@dataclass(frozen=True, slots=True)
class SpanLosses:
    """Value at risk and expected shortfall over `days` sessions, percent of the last close; see `forecasting.risk`."""

    days: int
    var_95_percent: float
    var_99_percent: float
    es_95_percent: float


@dataclass(frozen=True, slots=True)
class HeldOutSkill:
    """The model's skill on windows held out of training, in percent against the persistence baseline."""

    windows: int
    skill_percent: float


@dataclass(frozen=True, slots=True)
class BacktestFacts:
    """Results of a backtest on sessions that no model had seen; skill is against the best naive forecast.

    skill_percent: by channel, then by horizon, one and five sessions. finding: the significant result of the tests on
    Close, `better`, `worse` or `tied`. coverage_percent: share of closes inside their range, by level.
    """

    start: str
    end: str
    forecasts: int
    finding: str
    skill_percent: Mapping[str, Mapping[str, float]]
    coverage_percent: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a ticker after one session's close.

    returns_percent: by span. volatility_percent: of daily log returns, annualised; None with too few closes.
    expected_volatility_percent: annualised, of the next session. losses: risk over the next session and over five.
    unit: of prices, None if unknown. context: where the price stands, None if it was not traded lately or no context
    was computed. warnings: what a reader must know first. looks_back: the last session is so long ago that a language
    model may know what came after.
    """

    ticker: str
    unit: str | None
    last_date: str
    last_price: float
    days: tuple[Day, ...]
    closes: tuple[tuple[str, float], ...]
    returns_percent: Mapping[str, float]
    volatility_percent: float | None
    expected_volatility_percent: float
    losses: tuple[SpanLosses, ...]
    record: HeldOutSkill | None
    backtest: BacktestFacts | None
    drift: DriftResult | None
    news: News
    trained_to: str | None = None
    context: "Context | None" = None
    warnings: tuple[str, ...] = ()
    looks_back: bool = False

    @property
    def outlook_percent(self) -> float:
        """Forecast change of the close over the path."""
        return self.days[-1].change_percent

    @property
    def half_width_percent(self) -> float:
        """Half the 80 % range of the last day, in percent of the last price: the scale a change is judged by."""
        low, high = self.days[-1].close_80
        return 50 * (high - low) / self.last_price

    @property
    def sees_direction(self) -> bool:
        """Whether the forecast change is large enough to be a direction."""
        return abs(self.outlook_percent) >= _CLEAR * self.half_width_percent

    @property
    def known(self) -> AllowedClaims:
        """What a text about these facts may state."""
        days = {self.last_date, *(day.date for day in self.days), *(day for day, _ in self.closes)}
        published = {f"{item.published:%Y-%m-%d}" for item in self.news.items}
        tested = {self.backtest.start, self.backtest.end} if self.backtest else set()
        tested |= {self.trained_to} if self.trained_to else set()
        return AllowedClaims(
            numbers=tuple(self.numbers()),
            dates=frozenset(days | published | tested),
            quoted=self.news.quoted,
            price=self.last_price,
            counts=frozenset(self._counts()),
        )

    def _counts(self) -> Iterator[int]:
        yield from (len(self.closes), len(self.days))
        if self.record is not None:
            yield self.record.windows
        if self.backtest is not None:
            yield self.backtest.forecasts

    def numbers(self) -> Iterator[float]:
        """Yield every price and percentage that a text may state."""
        yield self.last_price
        yield from (close for _, close in self.closes)
        for day in self.days:
            yield from (day.close, day.change_percent)
            yield from (*day.close_80, *day.close_95, *day.percent_80, *day.percent_95)
        yield from self.returns_percent.values()
        yield from (self.outlook_percent, self.half_width_percent, 80.0, 95.0)
        if self.volatility_percent is not None:
            yield self.volatility_percent
        yield self.expected_volatility_percent
        for found in self.losses:
            yield from (found.var_95_percent, found.var_99_percent, found.es_95_percent)
        if self.record is not None:
            yield self.record.skill_percent
        if self.backtest is not None:
            for figures in (*self.backtest.skill_percent.values(), self.backtest.coverage_percent):
                yield from figures.values()
        if self.drift is not None:
            yield from _of_drift(self.drift)
        if self.context is not None:
            yield from _of_context(self.context, self.last_price)


def _of_drift(drift: DriftResult) -> Iterator[float]:
    yield from (drift.drift_score, drift.volatility_index)
    if drift.returns:
        yield drift.returns.volatility.ratio


def _of_context(context: "Context", last: float) -> Iterator[float]:
    """Yield the figures of a context, and the distance of the last close from its levels in percent."""
    yield from (*context.returns_percent.values(), *context.market_percent.values())
    levels = [level for level in (context.high, context.low, *context.averages.values()) if level is not None]
    yield from levels
    yield from (100 * (last / level - 1) for level in levels)
    measured = (context.rsi, context.volume_ratio, context.beta, context.correlation)
    yield from (value for value in measured if value is not None)


def gather(
    forecast: PredictionResult,
    *,
    metrics: MetricsResult | None,
    drift: DriftResult | None,
    news: News,
    backtest: BacktestSummary | None = None,
    context: "Context | None" = None,
    untested: str = "",
    looks_back: bool = False,
) -> Facts:
    """Return the facts from a forecast, the metrics of its model, a drift report, the news and a backtest.

    untested: the warning to give if there is no backtest.
    """
    closes = tuple((past.date, past.close) for past in forecast.history)
    last = closes[-1][1]
    # An untraded price stands still, which says nothing about how it moves when traded.
    traded = [close for _, close in closes] if forecast.data.untraded <= 1 else []
    return Facts(
        ticker=forecast.ticker,
        unit=forecast.data.currency,
        last_date=forecast.last_date,
        last_price=last,
        days=tuple(_day(session, last) for session in forecast.predictions.week),
        closes=closes,
        returns_percent=_returns(traded),
        volatility_percent=_volatility(traded),
        expected_volatility_percent=100 * forecast.risk.next_day.volatility_year,
        losses=tuple(_losses(risk) for risk in (forecast.risk.next_day, forecast.risk.week)),
        record=_record(metrics),
        backtest=_tested(backtest) if backtest else None,
        drift=drift,
        news=news,
        trained_to=forecast.trained_to,
        context=context if traded else None,
        warnings=tuple(_warnings(forecast, "" if backtest else untested)),
        looks_back=looks_back,
    )


def _warnings(forecast: PredictionResult, untested: str) -> Iterator[str]:
    """Yield what a reader must know first: about the evidence, then the prices, then the model."""
    data, unseen = forecast.data, forecast.model_age_sessions
    if untested:
        yield f"This forecast is {untested}."
    if data.behind > 1:
        yield f"These prices end on {data.last}: {data.behind} sessions are missing since."
    if data.untraded > 1:
        yield f"There was no trade in the last {data.untraded} sessions."
    if forecast.model_source != forecast.source:
        yield f"The model was trained on prices from {forecast.model_source}, not from {forecast.source}."
    if unseen > WORTH_A_WORD:
        yield f"The model was trained to {forecast.trained_to} and has not seen the last {unseen} sessions."
    if forecast.strategy == "parent":
        yield "Its own history is too short for a model of its own: the market's forecasts it, ranges included."
    elif forecast.ranges_from != forecast.ticker:
        yield f"Its own history is short: the ranges are calibrated on {forecast.ranges_from}."


def _day(session: SessionForecast, last: float) -> Day:
    percents = (_percents(bounds, last) for bounds in (session.close_80, session.close_95))
    change = 100 * (session.close / last - 1)
    return Day(session.date, session.close, change, session.close_80, session.close_95, *percents)


def _losses(risk: SpanRisk) -> SpanLosses:
    return SpanLosses(risk.days, *(100 * share for share in (risk.var_95, risk.var_99, risk.es_95)))


def _percents(bounds: Bounds, last: float) -> Bounds:
    low, high = (100 * (bound / last - 1) for bound in bounds)
    return low, high


def _returns(closes: Sequence[float]) -> dict[str, float]:
    spans = {name: count for name, count in _SPANS.items() if len(closes) > count}
    return {name: 100 * (closes[-1] / closes[-1 - count] - 1) for name, count in spans.items()}


def _volatility(closes: Sequence[float]) -> float | None:
    steps = [math.log(after / before) for before, after in itertools.pairwise(closes)]
    return 100 * statistics.stdev(steps) * math.sqrt(_SESSIONS_A_YEAR) if len(steps) > 1 else None


def _record(metrics: MetricsResult | None) -> HeldOutSkill | None:
    """Return the skill on held-out windows from a model's metrics; None if they state none."""
    held_out = metrics.validation if metrics else None
    skill = held_out.skill.RMSE if held_out else None
    return None if held_out is None or skill is None else HeldOutSkill(held_out.windows, 100 * skill)


def _tested(summary: BacktestSummary) -> BacktestFacts:
    findings = set(summary.close_findings.values())
    return BacktestFacts(
        start=summary.start,
        end=summary.end,
        forecasts=summary.origins,
        finding="worse" if "worse" in findings else "better" if "better" in findings else "tied",
        skill_percent={
            name: {days: 100 * share for days, share in by_days.items() if share is not None}
            for name, by_days in summary.skill.items()
        },
        coverage_percent={level: 100 * share for level, share in summary.coverage.items()},
    )
