"""The forecast use case: prices -> model (trained if missing) -> path -> ledger -> artifacts."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime

import pandas as pd

from stockops.backtesting import summary
from stockops.documents.encoding import encoded
from stockops.documents.fields import Bounds
from stockops.documents.forecast import (
    FeatureOrigin,
    PastClose,
    PredictionResult,
    Predictions,
    Risks,
    SessionForecast,
    SpanRisk,
)
from stockops.forecasting import covariates
from stockops.forecasting.forecast import Forecast, ForecastBar, predict_one_step_and_week
from stockops.forecasting.ohlcv_constraints import round_price
from stockops.forecasting.risk import Risk
from stockops.market import features
from stockops.market.windows import HORIZON, TRAINABLE
from stockops.optional_services import OptionalServices
from stockops.pipelines import feature_sync, latest_backtest, model_candidates
from stockops.pipelines import model_resolver as stored
from stockops.pipelines.feature_sync import OnlineFeatures
from stockops.pipelines.model_candidates import Candidates
from stockops.pipelines.model_resolver import ResolvedModel
from stockops.pipelines.prices import NO_MARKET, PriceHistory, Prices
from stockops.ports import FeatureStore, ForecastLedger, ModelStore, Plotter
from stockops.records import Clock, LedgerEntry, ModelRef

log = logging.getLogger("stockops.predict")

HISTORY = 30  # closes returned with a forecast


@dataclass(frozen=True, slots=True)
class FreshPrediction:
    """A forecast computed now, and how long it answers the same question.

    model: digest of the checkpoints considered. fresh_until: when a newer session may be out, None for never.
    complete: not affected by an outage, feature skew or a late vendor.
    """

    result: PredictionResult
    model: str
    fresh_until: datetime | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """Forecasts with stored models.

    features: None if disabled. heal: finds a model, or trains it if missing; None if training is not wanted. max_age:
    unseen sessions beyond which a model is stale.
    """

    history: PriceHistory
    models: ModelStore
    features: FeatureStore | None
    plots: Plotter | None
    ledger: ForecastLedger
    optional: OptionalServices
    clock: Clock
    days: int
    heal: Callable[[ModelRef], ResolvedModel] | None
    max_age: int
    now: Callable[[], datetime]

    def predict(self, ref: ModelRef, candidates: Candidates | None = None) -> FreshPrediction:
        """Forecast a ticker with its model and write the artifacts.

        candidates: the checkpoint files if they have been read already. Raises ModelMissingError if there is no model
        and none is to be trained now.
        """
        ticker = ref.ticker
        prices = self.history.daily(ticker)
        self.history.check_current(prices)
        found = self._model(ref, candidates)
        checkpoint = found.checkpoint
        as_of = self.clock.as_of
        if as_of is None:
            stored.warn_if_ahead(checkpoint, prices.last)
        age = stored.doubt(checkpoint, prices, max_age=self.max_age, as_of=as_of, optional=self.optional)
        # Features of untraded sessions mean nothing: the model sees only the bars up to the last trade.
        latest = OnlineFeatures() if prices.untraded else feature_sync.latest(prices, self.features, self.optional)
        table = features.add(prices.traded)
        if checkpoint.card.strategy == "parent" and len(table) >= TRAINABLE:
            log.warning("%s is old enough for a model of its own: stockops train-child --ticker %s", ticker, ticker)
        known = covariates.of(table, prices.calendar, self.history.market(prices))
        sessions = prices.calendar.next_sessions(prices.last, max(self.days, HORIZON))
        _warn_of_unknown_holidays(prices, sessions[-1])
        forecast = Forecast(
            ticker=ticker,
            source=prices.source,
            currency=prices.currency,
            last_date=prices.last,
            model_version=checkpoint.version,
            trained_to=checkpoint.trained_to,
            strategy=checkpoint.card.strategy,
            ranges_from=checkpoint.card.ranges_from,
            outlook=predict_one_step_and_week(checkpoint, table, known, sessions, latest.values),
            history=_history(prices),
            model_age=age,
            model_source=stored.source_of(checkpoint),
            worth=summary.worth(latest_backtest.of_model(found.place, checkpoint, prices, self.models), ticker),
            behind=prices.behind,
        )
        late = prices.behind or NO_MARKET in self.optional.degraded  # the vendor may deliver more soon
        entries = _entries(forecast, found.place.kind, self.now())
        self.optional.attempt(self.ledger, lambda: self.ledger.append(entries))
        result = _result(forecast, self.days, prices, latest, self.optional.degraded)
        files = {"forecast.json": encoded(result)}
        if self.plots:
            files["forecast.png"] = self.plots.forecast(forecast)
        self.optional.save(lambda: self.models.write(found.place, files))
        return FreshPrediction(
            result,
            model=found.fingerprint,
            fresh_until=self._fresh_until(prices, sessions[0]),
            complete=not (self.optional.missed or latest.skew or (self.history.feed.live and late)),
        )

    def _model(self, ref: ModelRef, candidates: Candidates | None) -> ResolvedModel:
        as_of = self.clock.as_of
        if candidates is None:
            candidates = model_candidates.read(ref, self.models, as_of)
        if found := stored.choose(candidates, models=self.models, as_of=as_of):
            return found
        if self.heal:
            return self.heal(ref)
        raise stored.missing(ref, models=self.models, as_of=as_of)

    def _fresh_until(self, prices: Prices, next_session: date) -> datetime | None:
        """Return when a vendor may have another bar that this call may see; None for files, keyed by their digest."""
        as_of = self.clock.as_of
        if not self.history.feed.live or (as_of is not None and next_session > as_of):
            return None
        return prices.calendar.out_at(next_session)


def _entries(forecast: Forecast, kind: str, now: datetime) -> list[LedgerEntry]:
    """Return a forecast as ledger entries, one per session."""
    return [
        LedgerEntry(
            ticker=forecast.ticker,
            kind=kind,
            source=forecast.source,
            model_version=forecast.model_version,
            origin=forecast.last_date,
            origin_close=forecast.history[-1][1],
            target=bar.date,
            horizon=horizon,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            close_80=bar.close_80,
            close_95=bar.close_95,
            made_at=now.isoformat(),
        )
        for horizon, bar in enumerate(forecast.path, 1)
    ]


def _history(prices: Prices) -> tuple[tuple[date, float], ...]:
    closes = prices.bars["Close"].iloc[-HISTORY:]
    return tuple(zip((stamp.date() for stamp in pd.DatetimeIndex(closes.index)), map(float, closes), strict=True))


def _warn_of_unknown_holidays(prices: Prices, last: date) -> None:
    known = prices.calendar.complete_to
    if known is not None and last.year > known:
        log.warning(
            "%s: %s publishes its holidays to %d only: later sessions are weekdays, holidays among them",
            prices.symbol,
            prices.calendar.name,
            known,
        )


def _result(
    forecast: Forecast, days: int, prices: Prices, latest: OnlineFeatures, degraded: tuple[str, ...]
) -> PredictionResult:
    """Return what `predict-*` prints of a forecast, its prices rounded."""
    last_close = forecast.history[-1][1]
    path = tuple(_session(bar, horizon, last_close) for horizon, bar in enumerate(forecast.path, 1))
    return PredictionResult(
        ticker=forecast.ticker,
        source=forecast.source,
        last_date=forecast.last_date.isoformat(),
        last_close=round_price(last_close),
        currency=prices.currency,
        data=prices.data,
        model_version=forecast.model_version,
        trained_to=forecast.trained_to.isoformat(),
        model_age_sessions=forecast.model_age,
        model_source=forecast.model_source,
        strategy=forecast.strategy,
        ranges_from=forecast.ranges_from,
        cached=False,
        next_business_days=tuple(bar.date.isoformat() for bar in forecast.path[:HORIZON]),
        predictions=Predictions(next_day=path[0], week=path[:HORIZON], days=path[:days]),
        risk=Risks(next_day=_risk(forecast.outlook.next_day), week=_risk(forecast.outlook.week)),
        history=tuple(PastClose(date=day.isoformat(), close=round_price(close)) for day, close in forecast.history),
        features=FeatureOrigin(source=latest.source, skew=latest.skew or None),
        degraded=degraded,
    )


def _risk(risk: Risk) -> SpanRisk:
    return SpanRisk(**{name: round(value, 6) for name, value in asdict(risk).items()})


def _session(bar: ForecastBar, horizon: int, last_close: float) -> SessionForecast:
    return SessionForecast(
        date=bar.date.isoformat(),
        horizon=horizon,
        open=round_price(bar.open),
        high=round_price(bar.high),
        low=round_price(bar.low),
        close=round_price(bar.close),
        volume=round(bar.volume),
        change=round(bar.close / last_close - 1, 6),
        close_80=_bounds(bar.close_80),
        close_95=_bounds(bar.close_95),
        high_80=_bounds(bar.high_80),
        high_95=_bounds(bar.high_95),
        low_80=_bounds(bar.low_80),
        low_95=_bounds(bar.low_95),
        extrapolated=horizon > HORIZON,
    )


def _bounds(bounds: tuple[float, float]) -> Bounds:
    low, high = bounds
    return round_price(low), round_price(high)
