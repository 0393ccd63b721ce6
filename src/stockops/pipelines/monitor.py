"""The `monitor-*` use case: data drift, an evaluation of the analyst's report, and scores of past forecasts.

Each part is computed, written and shown on its own: a failure in one does not affect the others.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from stockops.agent.evaluation import evaluate
from stockops.documents.encoding import encoded
from stockops.documents.failures import Problem
from stockops.documents.forecast import PredictionResult
from stockops.documents.monitoring import (
    DriftResult,
    DriftSkipped,
    EvaluationMetrics,
    EvaluationResult,
    MonitoringResult,
    PartFailed,
    PartSkipped,
    PerformanceResult,
    PerformanceSkipped,
)
from stockops.documents.prices import PriceData
from stockops.documents.training_started import TrainingStarted
from stockops.errors import ExitCode, StockopsError
from stockops.market import features
from stockops.monitoring import drift, judgement, ledger
from stockops.monitoring.judgement import Judgement
from stockops.optional_services import OptionalServices
from stockops.pipelines.analysis import Analyst
from stockops.pipelines.prediction_service import Answer
from stockops.pipelines.prices import Prices
from stockops.ports import ForecastLedger, ModelStore, Plotter
from stockops.records import PARENT, Clock, DriftOn, Level, ModelRef

log = logging.getLogger("stockops.monitor")

T = TypeVar("T")

_PREVIEW = 500  # characters of a report quoted in its evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """Monitors a ticker: drift, report quality, past forecasts.

    history: the prices that this call may see; called once per ticker. drift_on: which drift verdict counts.
    """

    history: Callable[[str], Prices]
    analyst: Analyst
    ledger: ForecastLedger
    models: ModelStore
    plots: Plotter | None
    optional: OptionalServices
    clock: Clock
    drift_on: DriftOn
    now: Callable[[], datetime]

    def parent(self) -> MonitoringResult:
        """Monitor the market and the parent's forecasts of it."""
        return self._monitor(PARENT)

    def child(self, ticker: str) -> MonitoringResult:
        """Monitor a ticker and its child's forecasts."""
        return self._monitor(ModelRef.of(ticker))

    def _monitor(self, ref: ModelRef) -> MonitoringResult:
        prices = _once(lambda: self.history(ref.ticker))
        forecast = _once(lambda: self.analyst.forecast(ref.ticker))
        drift = _part(lambda: self._drift(ref, prices()))
        evaluation = _part(lambda: self._evaluation(ref, forecast))
        performance = _part(lambda: self._performance(ref, prices()))
        _log_failures(ref.ticker, {"drift": drift, "agent evaluation": evaluation, "performance": performance})
        explained = _forecast_of(forecast)
        return MonitoringResult(
            ticker=ref.ticker,
            health=judgement.worst(judgement.judgements(drift, performance, self.drift_on)),
            data=_data(prices),
            model_age_sessions=explained.model_age_sessions if explained else None,
            drift=drift,
            agent_eval=evaluation,
            performance=performance,
            degraded=tuple(sorted({*(explained.degraded if explained else ()), *self.optional.degraded})),
        )

    def _drift(self, ref: ModelRef, prices: Prices) -> DriftResult | DriftSkipped:
        """Compare the last month with the five before it; write the report, also under its date, and its plot."""
        table = features.add(prices.bars)
        day = self.clock.as_of or prices.last
        found = drift.report(table, day)
        result = found.result(ref.ticker, self.now())
        files = dict.fromkeys(("drift/latest_drift.json", f"drift/drift_{day}.json"), encoded(result))
        if self.plots and not found.skipped:
            files["drift/latest_drift.png"] = self.plots.drift(ref.ticker, found, table)
        self.optional.save(lambda: self.models.write(ref, files))
        return result

    def _evaluation(self, ref: ModelRef, to_explain: Callable[[], Answer]) -> EvaluationResult | PartSkipped:
        """Generate a fresh report and evaluate it."""
        started = time.monotonic()
        forecast = to_explain()
        if isinstance(forecast, TrainingStarted):
            return PartSkipped(reason="its model is being trained in the background")
        report, facts = self.analyst.write(forecast)
        found = evaluate(report.report, ref.ticker, facts, report.recommendation)
        metrics = EvaluationMetrics(
            checks=found.checks,
            overall_score=found.overall_score,
            status=found.status,
            grounding=found.grounding_share,
            stance_agrees=found.stance_agrees,
            provider=report.provider,
            recommendation=report.recommendation,
            confidence=report.confidence,
            duration_seconds=round(time.monotonic() - started, 3),
            timestamp=self.now().isoformat(),
        )
        result = EvaluationResult(ticker=ref.ticker, metrics=metrics, output_preview_text=report.report[:_PREVIEW])
        stamp = int(self.now().timestamp())
        files = dict.fromkeys(("agent_eval/latest_eval.json", f"agent_eval/eval_{stamp}.json"), encoded(result))
        self.optional.save(lambda: self.models.write(ref, files))
        return result

    def _performance(self, ref: ModelRef, prices: Prices) -> PerformanceResult | PerformanceSkipped:
        """Score the forecasts whose target session has come."""
        entries = self.ledger.rows(ref.ticker, ref.kind, prices.source)
        result = ledger.score(entries, prices.bars).result(ref.ticker, self.now())
        self.optional.save(lambda: self.models.write(ref, {"performance/latest_performance.json": encoded(result)}))
        return result


def verdict(result: MonitoringResult, fail_on: Level | None, drift_on: DriftOn) -> tuple[ExitCode, list[Judgement]]:
    """Return the exit code, the highest of the failures' and 6 for an alarm, and the verdicts that reach `fail_on`."""
    parts = (result.drift, result.agent_eval, result.performance)
    codes = [_CODES[part.error.kind] for part in parts if isinstance(part, PartFailed)]
    found = judgement.judgements(result.drift, result.performance, drift_on) if fail_on else []
    alarms = [one for one in found if fail_on and one.reaches(fail_on)]
    return max([*codes, *([ExitCode.FAIL_ON] if alarms else [])], default=ExitCode.OK), alarms


def _part(work: Callable[[], T]) -> T | PartFailed:
    """Return the result of a part, or its expected failure."""
    try:
        return work()
    except StockopsError as exc:
        return PartFailed(error=Problem(kind=exc.kind, message=exc.message, hint=exc.hint))


def _log_failures(ticker: str, parts: Mapping[str, object]) -> None:
    """Log the failures of the parts, each failure once however many parts it hit."""
    met: dict[str, list[str]] = {}
    for name, part in parts.items():
        if isinstance(part, PartFailed):
            met.setdefault("; ".join(filter(None, (part.error.message, part.error.hint))), []).append(name)
    for text, names in met.items():
        log.error("%s: no %s: %s", ticker, ", ".join(names), text)


def _data(prices: Callable[[], Prices]) -> PriceData | None:
    """Return a description of the prices, or None without any; the parts that need them report why."""
    try:
        return prices().data
    except StockopsError:
        return None


def _forecast_of(answer: Callable[[], Answer]) -> PredictionResult | None:
    """Return the forecast to explain, or None."""
    try:
        found = answer()
    except StockopsError:
        return None
    return None if isinstance(found, TrainingStarted) else found


def _once(work: Callable[[], T]) -> Callable[[], T]:
    """Return a function that does the work on its first call, then returns or raises the same each time."""
    met: list[T | StockopsError] = []

    def again() -> T:
        if not met:
            try:
                met.append(work())
            except StockopsError as exc:
                met.append(exc)
        if isinstance(met[0], StockopsError):
            raise met[0]
        return met[0]

    return again


def _codes(family: type[StockopsError]) -> dict[str, ExitCode]:
    found = {family.kind: family.exit_code} if hasattr(family, "kind") else {}
    for member in family.__subclasses__():
        found |= _codes(member)
    return found


_CODES = _codes(StockopsError)
