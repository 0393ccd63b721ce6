"""The `predict-*` use case: cache -> model -> cache. A missing model is trained now, in the background, or not.

Imports nothing heavy: a hit is answered before the predictor is created.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from stockops import __version__
from stockops.documents.forecast import PredictionResult
from stockops.documents.training_started import TrainingStarted
from stockops.errors import ModelMissingError
from stockops.monitoring import catalogue
from stockops.optional_services import OptionalServices
from stockops.pipelines import latest_backtest, model_candidates
from stockops.pipelines.metrics_recorder import MetricsRecorder
from stockops.pipelines.model_candidates import Candidates
from stockops.pipelines.prediction_cache import PredictionCache, PredictionCacheKey
from stockops.ports import ModelStore
from stockops.records import MARKET, PARENT, Job, ModelRef, PriceOptions, Source

if TYPE_CHECKING:
    from stockops.pipelines.predict import FreshPrediction, Predictor
    from stockops.pipelines.tasks import Tasks

Answer = PredictionResult | TrainingStarted  # the forecast, or the training it has to wait for


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What decides a forecast besides its ticker, model and history."""

    source: Source
    as_of: date | None
    days: int
    max_age: int
    prices: PriceOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionService:
    """Answers forecast requests, from the cache where possible.

    cache: None disables it. history: digest of the file that a ticker's prices come from, "" for a vendor's.
    predictor: created on the first miss. tasks: where a worker trains a missing model, else None.
    """

    cache: PredictionCache | None
    models: ModelStore
    history: Callable[[str], str]
    predictor: Callable[[], "Predictor"]
    tasks: "Tasks | None"
    optional: OptionalServices
    meter: MetricsRecorder
    options: ServeOptions

    def parent(self) -> Answer:
        """Forecast the market with the parent."""
        return self._measured("parent", lambda: self._forecast(PARENT))

    def child(self, ticker: str) -> Answer:
        """Forecast a ticker with its child, from the cache where possible; the index has the parent."""
        if ticker == MARKET:
            return self.parent()
        return self._measured("child", lambda: self._answer(ModelRef("child", ticker)))

    def cached(self, ticker: str) -> PredictionResult | None:
        """Return the cached forecast, or None."""
        cache = self.cache
        if cache is None or ticker == MARKET:
            return None
        started = time.monotonic()
        ref = ModelRef("child", ticker)
        hit = cache.get(self._key(ref, model_candidates.read(ref, self.models, self.options.as_of)))
        return hit and self._counted("child", hit, started)

    def _measured(self, kind: str, work: Callable[[], Answer]) -> Answer:
        """Do the work; count a forecast and its duration."""
        started = time.monotonic()
        found = work()
        return found if isinstance(found, TrainingStarted) else self._counted(kind, found, started)

    def _counted(self, kind: str, result: PredictionResult, started: float) -> PredictionResult:
        seconds = time.monotonic() - started
        self.meter.add(
            catalogue.count("prediction_total", type=kind),
            catalogue.observe("prediction_latency_seconds", seconds, type=kind),
        )
        return replace(result, degraded=tuple(sorted({*result.degraded, *self.optional.degraded})))

    def _answer(self, ref: ModelRef) -> Answer:
        if self.cache is None:
            return self._forecast(ref)
        candidates = model_candidates.read(ref, self.models, self.options.as_of)
        key = self._key(ref, candidates)
        hit = self.cache.get(key)
        return hit if hit is not None else self._forecast(ref, candidates, key)

    def _key(self, ref: ModelRef, candidates: Candidates) -> PredictionCacheKey:
        options = self.options
        return PredictionCacheKey(
            ticker=ref.ticker,
            model=model_candidates.digest(candidates),
            source=options.source,
            history=self._histories(ref.ticker),
            backtest=latest_backtest.digest(ref, self.models),
            as_of=options.as_of,
            days=options.days,
            max_age=options.max_age,
            prices=options.prices,
            release=__version__,
        )

    def _forecast(
        self, ref: ModelRef, candidates: Candidates | None = None, key: PredictionCacheKey | None = None
    ) -> Answer:
        try:
            predicted = self.predictor().predict(ref, candidates)
        except ModelMissingError:
            if self.tasks is None:
                raise
            job: Job = "predict-parent" if ref.kind == "parent" else "predict-child"
            return replace(self.tasks.start(job, ref.ticker, ref.task), status="training")
        if self.cache is not None and key is not None:
            self.cache.missed()
            self._put(self.cache, key, predicted)
        return predicted.result

    def _histories(self, ticker: str) -> str:
        """Return a digest of the price files that a forecast is made from: the ticker's and the market's."""
        return self.history(ticker) + self.history(MARKET)

    def _put(self, cache: PredictionCache, key: PredictionCacheKey, predicted: "FreshPrediction") -> None:
        """Cache a complete forecast, unless the price files have changed meanwhile."""
        if predicted.complete and self._histories(key.ticker) == key.history:
            cache.put(replace(key, model=predicted.model), predicted.result, predicted.fresh_until)
