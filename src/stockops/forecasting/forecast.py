"""Forecasts the next sessions and their risk from a checkpoint and a history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from stockops.arrays import Floats
from stockops.errors import DataError
from stockops.forecasting import inference, ranges, risk
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.ohlcv_constraints import as_bars
from stockops.forecasting.risk import Risk
from stockops.forecasting.rolling_forecast import rolling_forecasts
from stockops.market import features
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import CONTEXT, HORIZON

MAX_DAYS = 63  # a quarter; beyond it the range is too wide to be useful


@dataclass(frozen=True, slots=True)
class ForecastBar:
    """One forecast session: prices in the exchange's currency, volume in shares, (low, high) ranges."""

    date: date
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_80: tuple[float, float]
    close_95: tuple[float, float]
    high_80: tuple[float, float]
    high_95: tuple[float, float]
    low_80: tuple[float, float]
    low_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The forecast of the requested sessions, and the risk over one session and over five."""

    path: tuple[ForecastBar, ...]
    next_day: Risk
    week: Risk


@dataclass(frozen=True, slots=True)
class Forecast:
    """One model's forecast after one session's close.

    currency: of the prices, None if unknown. strategy: how the model was trained, None for the parent, "parent" for a
    ticker with too short a history for a model of its own. ranges_from: the ticker whose residuals calibrated the
    ranges. model_age: sessions of the history since the model's training. model_source: source of the training prices.
    worth: what the last backtest found, or that there is none. behind: sessions missing at the end of the prices.
    """

    ticker: str
    source: str
    currency: str | None
    last_date: date
    model_version: str
    trained_to: date
    strategy: str | None
    ranges_from: str
    outlook: Outlook
    history: tuple[tuple[date, float], ...]
    model_age: int
    model_source: str
    worth: str
    behind: int

    @property
    def path(self) -> tuple[ForecastBar, ...]:
        """The forecast sessions."""
        return self.outlook.path

    @property
    def next_day(self) -> ForecastBar:
        """The first forecast session."""
        return self.path[0]


def predict_one_step_and_week(
    checkpoint: Checkpoint,
    table: pd.DataFrame,
    covariates: Covariates,
    sessions: Sequence[date],
    latest: Floats | None = None,
) -> Outlook:
    """Return the forecast of each of `sessions`, the first five of which are the week, and its risk.

    table, covariates: features of the whole history and the covariates of each row; the last row is the origin.
    latest: the features of that row, shape (7,), if they come from a feature store. Beyond its horizon of five sessions
    the model's fifth session is repeated: feeding its own bars back to it only produced the drift of the past
    (docs/backtest.md). Every forecast is a valid bar: low <= open, close <= high, prices above zero, volume not below.
    The ranges are updated with every session since the training. Raises DataError if the history is too short for one
    window of features.
    """
    _check_length(table)
    window = table.to_numpy()[-CONTEXT:].copy()
    if latest is not None:
        window[-1] = latest
    last_close = float(window[-1, OHLCV.index("Close")])
    predicted, spread = inference.forecast(checkpoint.weights, window[None], covariates.at(slice(-1, None)))
    week, quantiles = as_bars(predicted[0], last_close=last_close), _quantiles(checkpoint, table, covariates)
    path = week[np.minimum(np.arange(len(sessions)), HORIZON - 1)]
    bounds = ranges.intervals(path[None], spread, quantiles[None])[0]
    risks = (risk.of(last_close, week, spread[0], quantiles, checkpoint.shortfall, days) for days in (1, HORIZON))
    return Outlook(_bars(path, bounds, sessions), *risks)


def _quantiles(checkpoint: Checkpoint, table: pd.DataFrame, covariates: Covariates) -> Floats:
    """Return the quantiles of the ranges at the last row, (3, 2, 4, 5)."""
    if checkpoint.trained_to >= pd.Timestamp(table.index[-1]).date():  # no target is known since the training
        return checkpoint.quantiles
    tracked: Floats = rolling_forecasts(checkpoint, table, covariates).quantiles[-1]
    return tracked


def _check_length(table: pd.DataFrame) -> None:
    if len(table) < CONTEXT:
        rows = len(table) + features.WARM_UP
        raise DataError(
            f"too few rows to forecast from: {rows}, and {features.WARM_UP + CONTEXT} are needed",
            f"the model reads {CONTEXT} sessions and its slowest feature needs {features.WARM_UP} before them",
        )


def _bars(path: Floats, bounds: Floats, sessions: Sequence[date]) -> tuple[ForecastBar, ...]:
    """Return rows (days, 5) and ranges (3, 2, days, 2) as forecast bars."""
    low, high = bounds[..., 0].tolist(), bounds[..., 1].tolist()
    return tuple(
        ForecastBar(
            date=day,
            open=float(row[0]),
            high=float(row[1]),
            low=float(row[2]),
            close=float(row[3]),
            volume=float(row[4]),
            close_80=(low[0][0][i], high[0][0][i]),
            close_95=(low[0][1][i], high[0][1][i]),
            high_80=(low[1][0][i], high[1][0][i]),
            high_95=(low[1][1][i], high[1][1][i]),
            low_80=(low[2][0][i], high[2][0][i]),
            low_95=(low[2][1][i], high[2][1][i]),
        )
        for i, (day, row) in enumerate(zip(sessions, path, strict=True))
    )
