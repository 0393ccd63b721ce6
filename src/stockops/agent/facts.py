"""All that an analysis may speak of: the forecast, what lies behind it, how good the model was, the news.

Numbers are derived here once, so that the report, the prompt and the check of its numbers speak of the same.
"""

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stockops.agent.claims import Known
from stockops.agent.news import News

_SESSIONS_A_YEAR = 252
_SPANS = {"1 day": 1, "5 days": 5, "21 days": 21}  # of returns; a forecast brings 30 closes


@dataclass(frozen=True, slots=True)
class Day:
    """One forecast session; change_percent is the close against the last one."""

    date: str
    close: float
    change_percent: float
    close_80: tuple[float, float]
    close_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How the model did on windows held out of training, in percent better than «tomorrow = today»."""

    windows: int
    skill_percent: float


@dataclass(frozen=True, slots=True)
class Tested:
    """How forecasts did on sessions that no model had seen, from a backtest; skills against naive forecasts.

    close_percent: skill on Close by sessions ahead; next_day_percent: on the other channels, one day ahead. finding:
    what the tests of Close say beyond chance, `better`, `worse` or `tied`. coverage_percent: of closes in their range,
    by its level.
    """

    start: str
    end: str
    forecasts: int
    finding: str
    close_percent: Mapping[str, float]
    next_day_percent: Mapping[str, float]
    coverage_percent: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a ticker after one session's close.

    returns_percent: by span. volatility_percent: of daily log returns, annualised; None where too few closes
    are known. unit: of prices, None where nobody says. stale: what is said of prices that are not of today, "" if they
    are. looks_back: the last session is so long ago that a language model may know what came after.
    """

    ticker: str
    unit: str | None
    last_date: str
    last_price: float
    days: tuple[Day, ...]
    closes: tuple[tuple[str, float], ...]
    returns_percent: Mapping[str, float]
    volatility_percent: float | None
    record: TrackRecord | None
    backtest: Tested | None
    drift: Mapping[str, Any] | None
    news: News
    stale: str = ""
    looks_back: bool = False

    @property
    def outlook_percent(self) -> float:
        """The forecast change of the close over the path."""
        return self.days[-1].change_percent

    @property
    def half_width_percent(self) -> float:
        """Half the 80 % range of the last day, in percent of the last price: what a change has to stand against."""
        low, high = self.days[-1].close_80
        return 50 * (high - low) / self.last_price

    @property
    def known(self) -> Known:
        """What a text about them may state."""
        days = {self.last_date, *(day.date for day in self.days), *(day for day, _ in self.closes)}
        published = {f"{item.published:%Y-%m-%d}" for item in self.news.items}
        tested = {self.backtest.start, self.backtest.end} if self.backtest else set()
        return Known(
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
            yield from (day.close, day.change_percent, *day.close_80, *day.close_95)
        yield from self.returns_percent.values()
        yield from (self.outlook_percent, self.half_width_percent, 80.0, 95.0)
        if self.volatility_percent is not None:
            yield self.volatility_percent
        if self.record is not None:
            yield self.record.skill_percent
        if self.backtest is not None:
            found = self.backtest
            for figures in (found.close_percent, found.next_day_percent, found.coverage_percent):
                yield from figures.values()
        if self.drift is not None:
            yield from (float(self.drift[name]) for name in ("drift_score", "volatility_index") if name in self.drift)


def gather(
    forecast: Mapping[str, Any],
    *,
    metrics: Mapping[str, Any] | None,
    drift: Mapping[str, Any] | None,
    news: News,
    backtest: Mapping[str, Any] | None = None,
    looks_back: bool = False,
) -> Facts:
    """Return the facts in a document of `predict-child`, one of metrics, a drift report and the news.

    backtest: the summary of one.
    """
    closes = tuple((row["date"], float(row["close"])) for row in forecast["history"])
    last = closes[-1][1]
    # A price that nobody paid has not moved, which says nothing of how it moves.
    traded = [close for _, close in closes] if forecast["data"]["untraded"] <= 1 else []
    return Facts(
        ticker=forecast["ticker"],
        unit=forecast["data"]["currency"],
        last_date=forecast["last_date"],
        last_price=last,
        days=tuple(_day(bar, last) for bar in forecast["predictions"]["week"]),
        closes=closes,
        returns_percent=_returns(traded),
        volatility_percent=_volatility(traded),
        record=_record(metrics),
        backtest=_tested(backtest),
        drift=drift,
        news=news,
        stale=_stale(forecast["data"]),
        looks_back=looks_back,
    )


def _stale(data: Mapping[str, Any]) -> str:
    """Return what a reader has to know first of prices that end too early, or that nobody has paid lately."""
    parts = []
    if data["behind"] > 1:
        parts.append(f"These prices end on {data['last']}: {data['behind']} sessions are missing since.")
    if data["untraded"] > 1:
        parts.append(f"There was no trade in the last {data['untraded']} sessions.")
    return " ".join(parts)


def _day(bar: Mapping[str, Any], last: float) -> Day:
    (low_80, high_80), (low_95, high_95) = bar["close_80"], bar["close_95"]
    change = 100 * (bar["close"] / last - 1)
    return Day(bar["date"], bar["close"], change, (low_80, high_80), (low_95, high_95))


def _returns(closes: Sequence[float]) -> dict[str, float]:
    spans = {name: count for name, count in _SPANS.items() if len(closes) > count}
    return {name: 100 * (closes[-1] / closes[-1 - count] - 1) for name, count in spans.items()}


def _volatility(closes: Sequence[float]) -> float | None:
    steps = [math.log(after / before) for before, after in itertools.pairwise(closes)]
    return 100 * statistics.stdev(steps) * math.sqrt(_SESSIONS_A_YEAR) if len(steps) > 1 else None


def _record(metrics: Mapping[str, Any] | None) -> TrackRecord | None:
    """Return the held-out half of a metrics document; None where it states no skill."""
    held_out = (metrics or {}).get("validation") or {}
    skill = (held_out.get("skill") or {}).get("RMSE")
    return None if skill is None else TrackRecord(int(held_out["windows"]), 100 * skill)


def _tested(summary: Mapping[str, Any] | None) -> Tested | None:
    """Return what a summary of a backtest says; None where it is not what `backtest` writes."""
    try:
        return None if summary is None else _of_summary(summary)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _of_summary(summary: Mapping[str, Any]) -> Tested:
    findings = set(summary["close_findings"].values())
    skill = summary["skill"]
    return Tested(
        start=str(summary["start"]),
        end=str(summary["end"]),
        forecasts=int(summary["origins"]),
        finding="worse" if "worse" in findings else "better" if "better" in findings else "tied",
        close_percent={days: 100 * float(share) for days, share in skill["Close"].items() if share is not None},
        next_day_percent={
            name: 100 * float(found["1"]) for name, found in skill.items() if name != "Close" and found["1"] is not None
        },
        coverage_percent={level: 100 * float(share) for level, share in summary["coverage"].items()},
    )
