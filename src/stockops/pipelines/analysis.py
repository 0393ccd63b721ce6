"""The `analyze` use case: forecast -> cached report, or facts -> prose -> report -> cache; thread, artifacts."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from stockops import strict_json
from stockops.agent import facts, prompt, rendering
from stockops.agent.facts import Facts
from stockops.agent.news import News, select
from stockops.agent.prompt import Turn
from stockops.backtesting import summary
from stockops.documents.analysis import AnalysisResult, CacheUse
from stockops.documents.backtest import BacktestSummary
from stockops.documents.encoding import encoded
from stockops.documents.forecast import PredictionResult
from stockops.documents.monitoring import DriftResult
from stockops.documents.reading import parsed
from stockops.documents.training import MetricsResult
from stockops.documents.training_started import TrainingStarted
from stockops.errors import StockopsError
from stockops.optional_services import OptionalServices
from stockops.pipelines import latest_backtest
from stockops.pipelines.conversation import Conversation
from stockops.pipelines.prediction_service import Answer, PredictionService
from stockops.pipelines.report_cache import AnalysisReport, ReportCache
from stockops.pipelines.report_writer import ReportWriter
from stockops.ports import ModelStore, NewsFeed
from stockops.records import LIVE_SOURCES, MARKET, Clock, ModelRef

if TYPE_CHECKING:
    from stockops.market.context import Context
    from stockops.pipelines.prices import Prices

log = logging.getLogger("stockops.analyze")

T = TypeVar("T")

_NEWS = timedelta(days=7)
_PAST = timedelta(days=7)  # a forecast from further back is a look back


@dataclass(frozen=True, slots=True)
class _Record:
    """What is known of a forecast's model: its location, its metrics, the backtest that may be quoted."""

    place: ModelRef
    metrics: MetricsResult | None
    backtest: BacktestSummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    """Explains forecasts.

    history: the prices that this call may see. reports: None for no cache. conversation: None for a single question.
    news: opened only when needed, not on a hit; returns None if disabled.
    """

    forecasts: PredictionService
    history: Callable[[str], "Prices"]
    models: ModelStore
    writers: ReportWriter
    reports: ReportCache | None
    conversation: Conversation | None
    news: Callable[[], NewsFeed | None]
    optional: OptionalServices
    clock: Clock

    def analyze(self, ticker: str, question: str | None = None) -> AnalysisResult | TrainingStarted:
        """Explain the forecast of a ticker, or return the training it has to wait for."""
        forecast = self.forecast(ticker)
        if isinstance(forecast, TrainingStarted):
            return forecast
        record = self._record(forecast)
        earlier = self.conversation.turns() if self.conversation else []
        # An answer in a conversation depends on the earlier turns, so the cache is neither read nor written.
        reports = None if earlier else self.reports
        key = reports.key(forecast, question, self._inputs(forecast, record)) if reports else None
        report = reports.get(key) if reports and key else None
        cache: CacheUse = "off" if reports is None else "miss" if report is None else "hit"
        if report is None:
            report, _ = self._write(forecast, record, question, earlier)
            if reports and key and self._complete(forecast, report):
                reports.put(key, report)
        if self.conversation and report.provider != rendering.OFFLINE:
            turn = Turn(prompt.asked(ticker, question), report.prose)
            self.conversation.add(ticker, turn, self.clock.now)
        result = self._result(forecast, report, question, cache)
        self.optional.save(lambda: self._save(record.place, result))
        return replace(result, degraded=tuple(sorted({*result.degraded, *self.optional.degraded})))

    def forecast(self, ticker: str) -> Answer:
        """Return the forecast to explain: the parent's for the market, else the child's."""
        return self.forecasts.child(ticker)

    def write(self, forecast: PredictionResult) -> tuple[AnalysisReport, Facts]:
        """Return a fresh report, and the facts it was written from; nothing is cached or saved."""
        return self._write(forecast, self._record(forecast))

    def _write(
        self,
        forecast: PredictionResult,
        record: _Record,
        question: str | None = None,
        earlier: Sequence[Turn] = (),
    ) -> tuple[AnalysisReport, Facts]:
        known = facts.gather(
            forecast,
            metrics=record.metrics,
            drift=self._drift(replace(record.place, as_of=None), forecast.last_date),
            news=self._news(forecast),
            backtest=record.backtest,
            context=self._context(forecast),
            untested=summary.untested(forecast.ticker),
            looks_back=self._end(forecast) < self.clock.now - _PAST,
        )
        answer, writer = self.writers.write(known, question, earlier)
        report = AnalysisReport(
            report=rendering.markdown(known, answer, writer=writer, question=question),
            recommendation=answer.recommendation,
            confidence=answer.confidence,
            provider=writer.provider,
            model=writer.model,
            news=tuple(item.as_headline for item in known.news.items),
            prose=answer.report,
        )
        return report, known

    def _context(self, forecast: PredictionResult) -> "Context":
        """Return where the price stands; without the market, with a warning, if its prices are unavailable."""
        from stockops.market import context

        day = forecast.last_date
        bars = self.history(forecast.ticker).bars.loc[:day]
        market = None
        if forecast.ticker != MARKET:
            try:
                market = self.history(MARKET).bars.loc[:day]
            except StockopsError as exc:
                log.warning("the report does without a comparison with %s: %s", MARKET, exc)
        return context.of(bars, market)

    def _inputs(self, forecast: PredictionResult, record: _Record) -> list[object]:
        """Return what a report is made from besides its forecast: the backtest, and digests of the price files."""
        files = [self.forecasts.history(ticker) for ticker in (forecast.ticker, MARKET)]
        return [record.backtest, *files]

    def _complete(self, forecast: PredictionResult, report: AnalysisReport) -> bool:
        """Return whether no outage or feature skew affected a report."""
        return report.provider != rendering.OFFLINE and not forecast.features.skew and not self.optional.missed

    def _news(self, forecast: PredictionResult) -> News:
        """Return the news of the week before the forecast, and nothing later."""
        feed, ticker = self.news(), forecast.ticker
        if feed is None:
            return News(missing="news is switched off")
        last = self._end(forecast)
        if not feed.reaches(last, self.clock.now):
            return News(missing=f"no source at hand reaches back to {forecast.last_date}")
        found = self.optional.attempt(feed, lambda: feed.items(ticker, last - _NEWS, last))
        if found is None:
            return News(missing="its source does not serve")
        return News(select(found, last - _NEWS, last))

    def _end(self, forecast: PredictionResult) -> datetime:
        """Return the last moment that this call may know of: now, or the end of the day it looks back to."""
        options = self.forecasts.options
        if options.as_of is None and options.source in LIVE_SOURCES:
            return self.clock.now
        day = options.as_of or datetime.fromisoformat(forecast.last_date).date()
        return min(self.clock.now, datetime.combine(day, time.max, ZoneInfo("UTC")))

    def _record(self, forecast: PredictionResult) -> _Record:
        """Return what is known of a forecast's model, nothing of it later than the forecast."""
        place, metrics = self._metrics(forecast)
        backtest = latest_backtest.of(
            place,
            models=self.models,
            strategy=metrics.strategy if metrics else None,
            of_many=metrics.of_many if metrics else False,
            source=forecast.source,
            last=forecast.last_date,
        )
        return _Record(place, metrics, backtest)

    def _metrics(self, forecast: PredictionResult) -> tuple[ModelRef, MetricsResult | None]:
        """Return the location of a forecast's model, and its metrics; None if missing or of another version."""
        ref = ModelRef.of(forecast.ticker)
        for place in ref.places(self.forecasts.options.as_of):
            metrics = self._read(place, "metrics.json", MetricsResult)
            if metrics and metrics.model_version == forecast.model_version:
                return place, metrics
        return ref, None

    def _drift(self, place: ModelRef, last_date: str) -> DriftResult | None:
        """Return the latest drift report, unless it is later than the forecast."""
        drift = self._read(place, "drift/latest_drift.json", DriftResult)
        return drift if drift and drift.as_of <= last_date else None

    def _read(self, place: ModelRef, what: str, record: type[T]) -> T | None:
        """Return a JSON artifact, or None if it is missing or damaged: the report then does without."""
        try:
            return parsed(strict_json.read(self.models.read(place, what) or b"null"), record)
        except ValueError:
            return None

    def _result(
        self, forecast: PredictionResult, report: AnalysisReport, question: str | None, cache: CacheUse
    ) -> AnalysisResult:
        return AnalysisResult(
            ticker=forecast.ticker,
            thread_id=self.conversation.thread_id if self.conversation else None,
            question=question,
            report=report.report,
            recommendation=report.recommendation,
            confidence=report.confidence,
            provider=report.provider,
            model=report.model,
            cache=cache,
            last_date=forecast.last_date,
            last_price=forecast.history[-1].close,
            model_version=forecast.model_version,
            model_age_sessions=forecast.model_age_sessions,
            predictions=forecast.predictions,
            risk=forecast.risk,
            news=report.news,
            data=forecast.data,
            degraded=tuple(sorted({*forecast.degraded, *self.optional.degraded})),
        )

    def _save(self, place: ModelRef, result: AnalysisResult) -> None:
        files = {"analysis/latest_report.md": result.report.encode(), "analysis/latest_report.json": encoded(result)}
        self.models.write(place, files)
