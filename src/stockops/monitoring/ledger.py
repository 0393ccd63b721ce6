"""Scores past forecasts: each is recorded when it is made, and scored once its target session has closed.

An adjusted history changes with every dividend and split, so prices downloaded on different days cannot be compared.
Instead, changes from the origin are compared: the forecast's, on the closes at that time, with the actual ones, on the
closes of today.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from stockops.arrays import Floats
from stockops.documents.fields import field_values
from stockops.documents.monitoring import ForecastErrors, PerformanceResult, PerformanceSkipped, SpanErrors
from stockops.market.windows import HORIZON
from stockops.records import LedgerEntry

Health = Literal["Healthy", "Degraded", "Critical"]
Bounds = Callable[[LedgerEntry], tuple[float, float]]

SPANS = (20, 60)  # sessions that a score covers
MIN_FORECASTS = 20  # matured, one day ahead; with fewer, a score means nothing
LEVELS = (80, 95)
DEGRADED_MASE, _CRITICAL_MASE = 1.05, 1.25
_DEGRADED_AT, _CRITICAL_AT = 0.01, 0.0001  # p-values of a coverage at most as high as observed


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of forecasts of one horizon, or of all, in percent of the origin's close.

    mase: mean absolute error over that of the persistence baseline, None if nothing moved. bias: mean of forecast minus
    actual. coverage: level in percent -> share inside.
    """

    forecasts: int
    mae_percent: float
    persistence_mae_percent: float
    mase: float | None
    bias_percent: float
    coverage: Mapping[int, float]

    @property
    def skill(self) -> float | None:
        """1 - MASE; 0 is no better than persistence."""
        return None if self.mase is None else 1 - self.mase

    @property
    def result(self) -> ForecastErrors:
        """The errors as printed and stored."""
        return ForecastErrors(
            forecasts=self.forecasts,
            mae_percent=self.mae_percent,
            persistence_mae_percent=self.persistence_mae_percent,
            mase=self.mase,
            skill=self.skill,
            bias_percent=self.bias_percent,
            coverage={str(level): share for level, share in self.coverage.items()},
        )


@dataclass(frozen=True, slots=True)
class Performance:
    """Scores by span of sessions, then by horizon (0: all). `skipped`: why there is no verdict."""

    last: date
    matured: int
    pending: int
    spans: Mapping[int, Mapping[int, Errors]] = field(default_factory=dict)
    skipped: str = ""

    @property
    def health(self) -> Health:
        """The health over the longest span.

        Degraded: MASE above 1.05, or so few closes inside a range one day ahead that chance explains it in fewer than
        one case in a hundred. Critical: MASE above 1.25, or fewer than one case in ten thousand.
        """
        found = self.spans[max(self.spans)]
        mase = found[0].mase or 0.0
        p_value = min(_p_of_coverage(found[1], level) for level in LEVELS)
        if mase > _CRITICAL_MASE or p_value < _CRITICAL_AT:
            return "Critical"
        return "Degraded" if mase > DEGRADED_MASE or p_value < _DEGRADED_AT else "Healthy"

    def result(self, ticker: str, timestamp: datetime) -> PerformanceResult | PerformanceSkipped:
        """Return the scores of a ticker as printed and stored."""
        last, moment = self.last.isoformat(), timestamp.isoformat()
        if self.skipped:
            return PerformanceSkipped(
                ticker=ticker,
                reason=self.skipped,
                last_date=last,
                matured=self.matured,
                pending=self.pending,
                timestamp=moment,
            )
        return PerformanceResult(
            ticker=ticker,
            health=self.health,
            sessions={str(sessions): _span(found) for sessions, found in self.spans.items()},
            last_date=last,
            matured=self.matured,
            pending=self.pending,
            timestamp=moment,
        )


def _span(found: Mapping[int, Errors]) -> SpanErrors:
    horizons = {str(horizon): found[horizon].result for horizon in sorted(found) if horizon}
    return SpanErrors(**field_values(found[0].result), horizons=horizons)


def score(entries: Sequence[LedgerEntry], bars: pd.DataFrame) -> Performance:
    """Compare forecasts with the actual closes.

    bars: adjusted OHLCV as of now, index of session dates. Of several forecasts with the same origin and target, the
    last one made counts. A forecast whose origin or target has no bar in the history is left out.
    """
    last = pd.Timestamp(bars.index[-1]).date()
    final = _final(entries)
    days = [stamp.date() for stamp in pd.DatetimeIndex(bars.index)]
    closes = dict(zip(days, map(float, bars["Close"]), strict=True))
    matured = [entry for entry in final if entry.target in closes and entry.origin in closes]
    pending = sum(entry.target > last for entry in final)
    ahead = sum(entry.horizon == 1 for entry in matured)
    if ahead < MIN_FORECASTS:
        reason = f"too few forecasts have come of age: {ahead} of one day ahead, and {MIN_FORECASTS} are needed"
        return Performance(last, len(matured), pending, skipped=reason)
    spans = {span: _by_horizon([e for e in matured if e.target in days[-span:]], closes) for span in SPANS}
    spans = {span: found for span, found in spans.items() if 1 in found}
    if not spans:
        return Performance(last, len(matured), pending, skipped=f"no forecast of the last {max(SPANS)} sessions")
    return Performance(last, len(matured), pending, spans)


def _final(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Return the last forecast made for each origin and horizon, up to the horizon that the model was trained for."""
    latest: dict[tuple[date, int], LedgerEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.made_at):
        if entry.horizon <= HORIZON:
            latest[entry.origin, entry.horizon] = entry
    return list(latest.values())


def _by_horizon(entries: Sequence[LedgerEntry], closes: Mapping[date, float]) -> dict[int, Errors]:
    """Return the errors of each horizon, and of all under key 0."""
    found = {horizon: [e for e in entries if e.horizon == horizon] for horizon in range(1, HORIZON + 1)}
    scored = {horizon: _errors(part, closes) for horizon, part in found.items() if part}
    return {0: _errors(entries, closes), **scored} if scored else {}


def _errors(entries: Sequence[LedgerEntry], closes: Mapping[date, float]) -> Errors:
    came = np.array([closes[e.target] / closes[e.origin] - 1 for e in entries])
    predicted = np.array([e.close / e.origin_close - 1 for e in entries])
    error, naive = float(np.abs(predicted - came).mean()), float(np.abs(came).mean())
    return Errors(
        forecasts=len(entries),
        mae_percent=100 * error,
        persistence_mae_percent=100 * naive,
        mase=error / naive if naive > 0 else None,
        bias_percent=100 * float((predicted - came).mean()),
        coverage={
            80: _inside(came, entries, lambda e: e.close_80),
            95: _inside(came, entries, lambda e: e.close_95),
        },
    )


def _inside(
    came: Floats, entries: Sequence[LedgerEntry], bounds: Callable[[LedgerEntry], tuple[float, float]]
) -> float:
    """Return the share of changes inside their range, both relative to the origin."""
    ranges = [(low / e.origin_close - 1, high / e.origin_close - 1) for e in entries for low, high in [bounds(e)]]
    return float(np.mean([low <= change <= high for change, (low, high) in zip(came, ranges, strict=True)]))


def _p_of_coverage(errors: Errors, level: int) -> float:
    """Return the probability that at most this many fall inside a range with its nominal coverage."""
    inside = round(errors.coverage[level] * errors.forecasts)
    p_value = float(stats.binom.cdf(inside, errors.forecasts, level / 100))
    return p_value if math.isfinite(p_value) else 1.0
