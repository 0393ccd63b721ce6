"""The story of `predict-*`: cache -> model -> cache; a missing model is trained now, in the background, or not.

Nothing heavy is imported here: a hit is answered before the predictor is made.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from stockops import __version__
from stockops.best_effort import BestEffort
from stockops.errors import ModelMissingError
from stockops.monitoring import catalogue
from stockops.pipelines import latest_backtest, model_candidates
from stockops.pipelines.metrics_recorder import MetricsRecorder
from stockops.pipelines.prediction_cache import PredictionCache, PredictionCacheKey
from stockops.ports import ModelStore
from stockops.records import MARKET, PARENT, Document, Job, ModelRef, PriceOptions, Source

if TYPE_CHECKING:
    from stockops.pipelines.predict import PredictionResult, Predictor
    from stockops.pipelines.tasks import Tasks


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What decides a forecast beside its ticker, its model and its history."""

    source: Source
    as_of: date | None
    days: int
    max_age: int
    prices: PriceOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionService:
    """Answers with forecasts.

    cache: None for none. history: digest of the file that a ticker's prices come from, "" for a vendor's.
    predictor: made on the first miss. tasks: where a missing model is left to a worker, else None.
    """

    cache: PredictionCache | None
    models: ModelStore
    history: Callable[[str], str]
    predictor: Callable[[], "Predictor"]
    tasks: "Tasks | None"
    effort: BestEffort
    meter: MetricsRecorder
    options: ServeOptions

    def parent(self) -> Document:
        """Forecast the market with the parent."""
        return self._measured("parent", lambda: self._forecast(PARENT))

    def child(self, ticker: str) -> Document:
        """Forecast a ticker with its child; answer from the cache what was asked before. The index has the parent."""
        if ticker == MARKET:
            return self.parent()
        return self._measured("child", lambda: self._answer(ModelRef("child", ticker)))

    def cached(self, ticker: str) -> Document | None:
        """Answer from the cache, None where it does not."""
        cache = self.cache
        if cache is None or ticker == MARKET:
            return None
        started = time.monotonic()
        hit = cache.answer(self._question(ModelRef("child", ticker)))
        return hit and self._counted("child", hit, started)

    def _measured(self, kind: str, work: Callable[[], Document]) -> Document:
        """Count a forecast that was given, and how long it took."""
        started = time.monotonic()
        document = work()
        return document if document.get("status") == "training" else self._counted(kind, document, started)

    def _counted(self, kind: str, document: Document, started: float) -> Document:
        seconds = time.monotonic() - started
        self.meter.add(
            catalogue.count("prediction_total", type=kind),
            catalogue.observe("prediction_latency_seconds", seconds, type=kind),
        )
        return {**document, "degraded": sorted({*document["degraded"], *self.effort.degraded})}

    def _answer(self, ref: ModelRef) -> Document:
        if self.cache is None:
            return self._forecast(ref)
        question = self._question(ref)
        hit = self.cache.answer(question)
        return hit if hit is not None else self._forecast(ref, question)

    def _question(self, ref: ModelRef) -> PredictionCacheKey:
        options = self.options
        return PredictionCacheKey(
            ticker=ref.ticker,
            model=model_candidates.digest(model_candidates.read(ref, self.models, options.as_of)),
            source=options.source,
            history=self._histories(ref.ticker),
            backtest=latest_backtest.digest(ref, self.models),
            as_of=options.as_of,
            days=options.days,
            max_age=options.max_age,
            prices=options.prices,
            release=__version__,
        )

    def _forecast(self, ref: ModelRef, question: PredictionCacheKey | None = None) -> Document:
        try:
            predicted = self.predictor().predict(ref)
        except ModelMissingError:
            if self.tasks is None:
                raise
            job: Job = "predict-parent" if ref.kind == "parent" else "predict-child"
            return self.tasks.start(job, ref.ticker, ref.task) | {"status": "training"}
        if self.cache is not None and question is not None:
            self.cache.missed()
            self._keep(self.cache, question, predicted)
        return {**predicted.document, "degraded": self.effort.degraded}

    def _histories(self, ticker: str) -> str:
        """Return a digest of the files that a forecast is made from: the ticker's and the market's."""
        return self.history(ticker) + self.history(MARKET)

    def _keep(self, cache: PredictionCache, question: PredictionCacheKey, predicted: "PredictionResult") -> None:
        """Keep a forecast that nothing made poorer, made from the history that was asked about."""
        if predicted.complete and self._histories(question.ticker) == question.history:
            cache.keep(replace(question, model=predicted.model), predicted.document, predicted.fresh_until)
