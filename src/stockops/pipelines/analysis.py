"""The story of `analyze`: forecast -> kept report, or facts -> prose -> report -> kept, saved, remembered."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from stockops import strict_json
from stockops.agent import facts, prompt, rendering
from stockops.agent.facts import Facts
from stockops.agent.news import News, select
from stockops.agent.prompt import Turn
from stockops.backtesting import summary
from stockops.best_effort import BestEffort
from stockops.errors import StockopsError
from stockops.pipelines import latest_backtest, shapes
from stockops.pipelines.conversation import Conversation
from stockops.pipelines.prediction_service import PredictionService
from stockops.pipelines.report_cache import AnalysisReport, ReportCache
from stockops.pipelines.report_writer import ReportWriter
from stockops.ports import ModelStore, NewsFeed
from stockops.records import MARKET, SCHEMA, Clock, Document, ModelRef

if TYPE_CHECKING:
    from stockops.market.context import Context
    from stockops.pipelines.prices import Prices

log = logging.getLogger("stockops.analyze")

_NEWS = timedelta(days=7)
_PAST = timedelta(days=7)  # a forecast that starts earlier is a look back


@dataclass(frozen=True, slots=True)
class _Record:
    """What is known of the model of a forecast: where it lies, its metrics, the backtest that may be quoted of it."""

    place: ModelRef
    metrics: Document | None
    backtest: Document | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    """Explains forecasts.

    history: the prices that this call may see. kept: None for no cache. conversation: None for a question on its own.
    news: made when it is needed, a hit needs none; None where it is switched off.
    """

    forecasts: PredictionService
    history: Callable[[str], "Prices"]
    models: ModelStore
    writers: ReportWriter
    kept: ReportCache | None
    conversation: Conversation | None
    news: Callable[[], NewsFeed | None]
    effort: BestEffort
    clock: Clock

    def analyze(self, ticker: str, question: str | None = None) -> Document:
        """Return the document of `analyze`, or that of a training that has to come first."""
        forecast = self.forecast(ticker)
        if forecast.get("status") == "training":
            return forecast
        record = self._record(forecast)
        earlier = self.conversation.turns() if self.conversation else []
        # What an answer in a conversation means depends on what was said before: it is nobody else's.
        kept = None if earlier else self.kept
        wanted = kept.wanted(forecast, question, self._beside(forecast, record)) if kept else None
        report = kept.answer(wanted) if kept and wanted else None
        cache = "off" if kept is None else "miss" if report is None else "hit"
        if report is None:
            report, _ = self._write(forecast, record, question, earlier)
            if kept and wanted and self._complete(forecast, report):
                kept.keep(wanted, report)
        if self.conversation and report.provider != rendering.OFFLINE:
            turn = Turn(prompt.asked(ticker, question), report.prose)
            self.conversation.add(ticker, turn, self.clock.now)
        document = self._document(forecast, report, question, cache)
        self.effort.save(lambda: self._save(record.place, document))
        return document | {"degraded": sorted({*document["degraded"], *self.effort.degraded})}

    def forecast(self, ticker: str) -> Document:
        """Return the forecast that is to be explained: the parent's of the market, else the child's."""
        return self.forecasts.child(ticker)

    def write(self, forecast: Document) -> tuple[AnalysisReport, Facts]:
        """Return a report written anew, and the facts it was written from; nothing is kept or saved."""
        return self._write(forecast, self._record(forecast))

    def _write(
        self, forecast: Document, record: _Record, question: str | None = None, earlier: Sequence[Turn] = ()
    ) -> tuple[AnalysisReport, Facts]:
        known = facts.gather(
            forecast,
            metrics=record.metrics,
            drift=self._drift(replace(record.place, as_of=None), forecast["last_date"]),
            news=self._news(forecast),
            backtest=record.backtest,
            context=self._context(forecast),
            untested=summary.untested(forecast["ticker"]),
            looks_back=self._end(forecast) < self.clock.now - _PAST,
        )
        answer, writer = self.writers.write(known, question, earlier)
        report = AnalysisReport(
            report=rendering.markdown(known, answer, writer=writer, question=question),
            recommendation=answer.recommendation,
            confidence=answer.confidence,
            provider=writer.provider,
            model=writer.model,
            news=[item.row() for item in known.news.items],
            prose=answer.report,
        )
        return report, known

    def _context(self, forecast: Document) -> "Context":
        """Return where the price stands; without a market where its prices cannot be had, which is said."""
        from stockops.market import context

        day = forecast["last_date"]
        bars = self.history(forecast["ticker"]).bars.loc[:day]
        market = None
        if forecast["ticker"] != MARKET:
            try:
                market = self.history(MARKET).bars.loc[:day]
            except StockopsError as exc:
                log.warning("the report does without a comparison with %s: %s", MARKET, exc)
        return context.of(bars, market)

    def _beside(self, forecast: Document, record: _Record) -> list[Any]:
        """Return what a report is made from beside its forecast: the backtest, and digests of files of prices."""
        files = [self.forecasts.history(ticker) for ticker in (forecast["ticker"], MARKET)]
        return [record.backtest, *files]

    def _complete(self, forecast: Document, report: AnalysisReport) -> bool:
        """Tell whether nothing made a report poorer than it should be."""
        skewed = "skew" in forecast["features"]
        return report.provider != rendering.OFFLINE and not skewed and not self.effort.missed

    def _news(self, forecast: Document) -> News:
        """Return the week's news before the forecast, nothing that came later."""
        feed, ticker = self.news(), forecast["ticker"]
        if feed is None:
            return News(missing="news is switched off")
        last = self._end(forecast)
        if not feed.reaches(last, self.clock.now):
            return News(missing=f"no source at hand reaches back to {forecast['last_date']}")
        found = self.effort.attempt(feed, lambda: feed.items(ticker, last - _NEWS, last))
        if found is None:
            return News(missing="its source does not serve")
        return News(select(found, last - _NEWS, last))

    def _end(self, forecast: Document) -> datetime:
        """Return the moment up to which this call may know anything: now, or the end of the day it looks back to."""
        options = self.forecasts.options
        if options.as_of is None and options.source in ("yahoo", "finnhub"):
            return self.clock.now
        day = options.as_of or datetime.fromisoformat(forecast["last_date"]).date()
        return min(self.clock.now, datetime.combine(day, time.max, ZoneInfo("UTC")))

    def _record(self, forecast: Document) -> _Record:
        """Return what is known of the model of a forecast, nothing of it later than the forecast."""
        place, metrics = self._metrics(forecast)
        backtest = latest_backtest.of(
            place,
            models=self.models,
            strategy=(metrics or {}).get("strategy"),
            of_many=bool((metrics or {}).get("of_many")),
            source=forecast["source"],
            last=forecast["last_date"],
        )
        return _Record(place, metrics, backtest)

    def _metrics(self, forecast: Document) -> tuple[ModelRef, Document | None]:
        """Return where the model of a forecast lies, and its metrics; without any where they are not what they were."""
        ref = ModelRef.of(forecast["ticker"])
        for place in ref.places(self.forecasts.options.as_of):
            metrics = self._read(place, "metrics.json")
            if metrics and metrics.get("model_version") == forecast["model_version"]:
                return place, metrics if shapes.fits(metrics, shapes.Metrics) else None
        return ref, None

    def _drift(self, place: ModelRef, last_date: str) -> Document | None:
        """Return the last drift report, unless it knows more than the forecast."""
        drift = self._read(place, "drift/latest_drift.json")
        return drift if shapes.fits(drift, shapes.Drift) and drift and drift["as_of"] <= last_date else None

    def _read(self, place: ModelRef, what: str) -> Document | None:
        """Return a JSON artifact; None for one that is not there or is damaged: the report then does without."""
        try:
            document = strict_json.read(self.models.read(place, what) or b"null")
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def _document(self, forecast: Document, report: AnalysisReport, question: str | None, cache: str) -> Document:
        thread = self.conversation.thread_id if self.conversation else None
        return {
            "schema": SCHEMA,
            "ticker": forecast["ticker"],
            "thread_id": thread,
            "question": question,
            "report": report.report,
            "recommendation": report.recommendation,
            "confidence": report.confidence,
            "provider": report.provider,
            "model": report.model,
            "cache": cache,
            "last_date": forecast["last_date"],
            "last_price": forecast["history"][-1]["close"],
            "model_version": forecast["model_version"],
            "model_age_sessions": forecast["model_age_sessions"],
            "predictions": forecast["predictions"],
            "risk": forecast["risk"],
            "news": report.news,
            "data": forecast["data"],
            "degraded": sorted({*forecast["degraded"], *self.effort.degraded}),
        }

    def _save(self, place: ModelRef, document: dict[str, Any]) -> None:
        files = {
            "analysis/latest_report.md": document["report"].encode(),
            "analysis/latest_report.json": (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode(),
        }
        self.models.write(place, files)
