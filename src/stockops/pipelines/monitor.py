"""The story of `monitor-*`: did the data move, is the analyst worth reading, did past forecasts come true?

Each part is made, written and shown on its own: what one of them meets does not cost the others.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from stockops.agent.evaluation import evaluate
from stockops.best_effort import BestEffort
from stockops.errors import ExitCode, StockopsError
from stockops.market import features
from stockops.monitoring import drift, judgement, ledger
from stockops.monitoring.judgement import Judgement
from stockops.pipelines.analysis import Analyst
from stockops.pipelines.prices import Prices
from stockops.ports import ForecastLedger, ModelStore, Plotter
from stockops.records import PARENT, SCHEMA, Clock, Document, DriftOn, Level, ModelRef

log = logging.getLogger("stockops.monitor")

T = TypeVar("T")

_NAMES = {"drift": "drift", "agent_eval": "agent evaluation", "performance": "performance"}
_PREVIEW = 500  # characters of a report that its evaluation quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """Looks at a ticker from three sides.

    history: the prices that this call may see; asked once a ticker. drift_on: which verdict of drift counts.
    """

    history: Callable[[str], Prices]
    analyst: Analyst
    ledger: ForecastLedger
    models: ModelStore
    plots: Plotter
    effort: BestEffort
    clock: Clock
    drift_on: DriftOn
    now: Callable[[], datetime]

    def parent(self) -> Document:
        """Look at the market and the parent's forecasts of it."""
        return self._look(PARENT)

    def child(self, ticker: str) -> Document:
        """Look at a ticker and its child's forecasts."""
        return self._look(ModelRef.of(ticker))

    def _look(self, ref: ModelRef) -> Document:
        prices = _once(lambda: self.history(ref.ticker))
        forecast = _once(lambda: self.analyst.forecast(ref.ticker))
        parts: Document = {
            "drift": _part(lambda: self._drift(ref, prices())),
            "agent_eval": _part(lambda: self._evaluation(ref, forecast)),
            "performance": _part(lambda: self._performance(ref, prices())),
        }
        _say_failures(ref.ticker, parts)
        made = _made(forecast)
        return {
            "schema": SCHEMA,
            "ticker": ref.ticker,
            "health": judgement.worst(judgement.judgements(parts, self.drift_on)),
            "data": _data(prices),
            "model_age_sessions": made.get("model_age_sessions"),
            **parts,
            "degraded": sorted({*made.get("degraded", ()), *self.effort.degraded}),
        }

    def _drift(self, ref: ModelRef, prices: Prices) -> Document:
        """Compare the last month with the five before; write the report, dated too, and its picture."""
        table = features.add(prices.bars)
        found = drift.report(table, self._day(prices))
        document = {"schema": SCHEMA, "ticker": ref.ticker, **found.document(self.now())}
        files = {"drift/latest_drift.json": _json(document), f"drift/drift_{self._day(prices)}.json": _json(document)}
        if not found.skipped:
            files["drift/latest_drift.png"] = self.plots.drift(ref.ticker, found, table)
        self.effort.save(lambda: self.models.write(ref, files))
        return document

    def _evaluation(self, ref: ModelRef, to_explain: Callable[[], Document]) -> Document:
        """Have a report written anew, and see what it is worth."""
        started = time.monotonic()
        forecast = to_explain()
        if forecast.get("status") == "training":
            return {"status": "skipped", "reason": "its model is being trained in the background"}
        report, facts = self.analyst.write(forecast)
        found = evaluate(report.report, ref.ticker, facts, report.recommendation)
        about = {"provider": report.provider, "recommendation": report.recommendation, "confidence": report.confidence}
        took = {"duration_seconds": round(time.monotonic() - started, 3), "timestamp": self.now().isoformat()}
        document = {
            "schema": SCHEMA,
            "ticker": ref.ticker,
            "metrics": {**found.document(), **about, **took},
            "output_preview_text": report.report[:_PREVIEW],
        }
        stamp = int(self.now().timestamp())
        files = {"agent_eval/latest_eval.json": _json(document), f"agent_eval/eval_{stamp}.json": _json(document)}
        self.effort.save(lambda: self.models.write(ref, files))
        return document

    def _performance(self, ref: ModelRef, prices: Prices) -> Document:
        """Compare the forecasts that have come of age with what came."""
        entries = self.ledger.rows(ref.ticker, ref.kind, prices.source)
        found = ledger.score(entries, prices.bars)
        document = {"schema": SCHEMA, "ticker": ref.ticker, **found.document(), "timestamp": self.now().isoformat()}
        files = {"performance/latest_performance.json": _json(document)}
        self.effort.save(lambda: self.models.write(ref, files))
        return document

    def _day(self, prices: Prices) -> date:
        return self.clock.as_of or prices.last


def verdict(document: Mapping[str, Any], fail_on: Level | None, drift_on: DriftOn) -> tuple[ExitCode, list[Judgement]]:
    """Return the exit code of a look, that of its worst failure or 6, and the verdicts that reach `fail_on`."""
    parts = [document[name] for name in ("drift", "agent_eval", "performance")]
    codes = [_CODES[part["error"]["kind"]] for part in parts if "error" in part]
    found = judgement.judgements(document, drift_on) if fail_on else []
    alarms = [one for one in found if fail_on and one.reaches(fail_on)]
    return max([*codes, *([ExitCode.FAIL_ON] if alarms else [])], default=ExitCode.OK), alarms


def _part(work: Callable[[], Document]) -> Document:
    """Return what a part gives, or what it met: an expected failure."""
    try:
        return work()
    except StockopsError as exc:
        return {"status": "failed", "error": {"kind": exc.kind, "message": exc.message, "hint": exc.hint}}


def _say_failures(ticker: str, parts: Mapping[str, Document]) -> None:
    """Log what parts met, each failure once however many met it."""
    met: dict[str, list[str]] = {}
    for name, part in parts.items():
        if error := part.get("error"):
            met.setdefault("; ".join(filter(None, (error["message"], error["hint"]))), []).append(_NAMES[name])
    for text, names in met.items():
        log.error("%s: no %s: %s", ticker, ", ".join(names), text)


def _data(prices: Callable[[], Prices]) -> Document | None:
    """Return what the prices are; None where there are none, which each part that needs them says."""
    try:
        return prices().document
    except StockopsError:
        return None


def _made(forecast: Callable[[], Document]) -> Document:
    """Return the forecast that was to be explained; nothing where there is none."""
    try:
        return forecast()
    except StockopsError:
        return {}


def _once(work: Callable[[], T]) -> Callable[[], T]:
    """Return a function that does the work when it is first called, and meets the same failure each time."""
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


def _json(document: Document) -> bytes:
    return (json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
