"""The story of a forecast: model (healed when missing) -> prices -> path -> artifacts."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.device import prepare
from stockops.forecasting.forecast import Forecast, ForecastBar, predict_one_step_and_week
from stockops.market import calendar
from stockops.market.symbols import MARKET
from stockops.market.windows import HORIZON
from stockops.pipelines import models as stored
from stockops.pipelines.prices import daily
from stockops.pipelines.train import Trainer
from stockops.records import SCHEMA, ModelRef, OnMissing

HISTORY = 30  # closes handed out with a forecast
_DIGITS = 8  # significant digits of a price: a cent in a million, and a tiny coin still shows


@dataclass(frozen=True, slots=True)
class Predictor:
    """Forecasts with stored models; a trainer stands by for one that is missing."""

    trainer: Trainer
    days: int
    on_missing: OnMissing

    def parent(self) -> dict[str, Any]:
        """Forecast the market with the parent; return the JSON document."""
        return self._predict(MARKET, stored.PARENT)

    def child(self, ticker: str) -> dict[str, Any]:
        """Forecast a ticker with its child; return the JSON document."""
        return self._predict(ticker, ModelRef("child", ticker))

    def _predict(self, ticker: str, ref: ModelRef) -> dict[str, Any]:
        given = self.trainer
        prices = daily(ticker, feed=given.feed, clock=given.clock, max_missing=given.options.max_missing)
        place, checkpoint = self._model(ref)
        if given.clock.as_of is None:
            stored.warn_if_ahead(checkpoint, prices.last)
        prepare("cpu", given.options.threads)  # one window: a trip to a GPU costs more than it saves
        sessions = calendar.next_sessions(ticker, prices.last, max(self.days, HORIZON))
        closes = prices.bars["Close"].iloc[-HISTORY:]
        forecast = Forecast(
            ticker=ticker,
            source=prices.source,
            last_date=prices.last,
            model_version=checkpoint.version,
            trained_to=checkpoint.trained_to,
            skill=checkpoint.card["metrics"]["skill"]["RMSE"],
            path=predict_one_step_and_week(checkpoint, prices.bars, sessions),
            history=tuple(
                zip((stamp.date() for stamp in pd.DatetimeIndex(closes.index)), map(float, closes), strict=True)
            ),
        )
        result = document(forecast, self.days)
        text = json.dumps(result, indent=2, allow_nan=False) + "\n"
        given.models.write(place, {"forecast.json": text.encode(), "forecast.png": given.plots.forecast(forecast)})
        return result

    def _model(self, ref: ModelRef) -> tuple[ModelRef, Checkpoint]:
        models, as_of = self.trainer.models, self.trainer.clock.as_of
        if found := stored.find(ref, models=models, as_of=as_of):
            return found
        if self.on_missing == "fail":
            raise stored.missing(ref, as_of)
        if ref.kind == "parent":
            self.trainer.parent_checkpoint()
        else:
            self.trainer.child(ref.ticker, stored.place_for_healing(ref, models=models, as_of=as_of))
        found = stored.find(ref, models=models, as_of=as_of)
        if found is None:
            raise stored.missing(ref, as_of)
        return found


def document(forecast: Forecast, days: int) -> dict[str, Any]:
    """Return the JSON document of `predict-*`; `days` beyond the week add `predictions.days`."""
    path = [_bar(bar) for bar in forecast.path]
    predictions: dict[str, Any] = {"next_day": path[0], "week": path[:HORIZON]}
    if days != HORIZON:
        predictions["days"] = path[:days]
    return {
        "schema": SCHEMA,
        "ticker": forecast.ticker,
        "source": forecast.source,
        "last_date": forecast.last_date.isoformat(),
        "model_version": forecast.model_version,
        "trained_to": forecast.trained_to.isoformat(),
        "cached": False,
        "next_business_days": [bar.date.isoformat() for bar in forecast.path[:HORIZON]],
        "predictions": predictions,
        "history": [{"date": day.isoformat(), "close": _digits(close)} for day, close in forecast.history],
        "features": {"source": "computed"},
        "degraded": [],
    }


def _bar(bar: ForecastBar) -> dict[str, Any]:
    return {
        "date": bar.date.isoformat(),
        "open": _digits(bar.open),
        "high": _digits(bar.high),
        "low": _digits(bar.low),
        "close": _digits(bar.close),
        "volume": round(bar.volume),
        "close_80": [_digits(bound) for bound in bar.close_80],
        "close_95": [_digits(bound) for bound in bar.close_95],
    }


def _digits(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
