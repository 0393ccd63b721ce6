"""From a checkpoint and a history to the next session and the path after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.errors import DataError
from stockops.forecasting import inference, ranges
from stockops.forecasting.bars import as_bars
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.relative import volatility
from stockops.forecasting.walk import walk
from stockops.market import features
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import CONTEXT, HORIZON

Floats = npt.NDArray[np.float64]

MAX_DAYS = 63  # a quarter; further out the range says nothing anyone would use


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


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one model says after one session's close.

    currency: of the prices, None where nobody says. ranges_from: whose misses its ranges were calibrated on.
    model_age: sessions of the history that the model was not trained on. model_source: of the prices that it was.
    worth: what the last backtest found, or that there is none. behind: sessions that the prices end too early.
    """

    ticker: str
    source: str
    currency: str | None
    last_date: date
    model_version: str
    trained_to: date
    ranges_from: str
    path: tuple[ForecastBar, ...]
    history: tuple[tuple[date, float], ...]
    model_age: int
    model_source: str
    worth: str
    behind: int

    @property
    def next_day(self) -> ForecastBar:
        """The first session of the path."""
        return self.path[0]


def predict_one_step_and_week(
    checkpoint: Checkpoint, bars: pd.DataFrame, sessions: Sequence[date], latest: Floats | None = None
) -> tuple[ForecastBar, ...]:
    """Return the forecast of each of `sessions`: the first is the next day, the first five are the week.

    bars: adjusted OHLCV of the whole history, its last row the origin. latest: that row's features, shape (7,),
    where they come from a feature store; computed from the bars where not. Beyond five sessions, which the model does
    not forecast, the fifth is carried on: what its own bars fed back to it made of a path was the drift of the past
    (docs/backtest.md). Every forecast is a bar: low <= open, close <= high, prices above zero, volume not below. The
    ranges have learnt from every session after the training. Raises DataError when the history is too short for one
    window of features.
    """
    _check_length(bars)
    table = features.add(bars)
    window = table.to_numpy()[-CONTEXT:].copy()
    if latest is not None:
        window[-1] = latest
    last_close = float(window[-1, OHLCV.index("Close")])
    week = as_bars(inference.forecast(checkpoint.weights, window[None])[0], last_close=last_close)
    path = week[np.minimum(np.arange(len(sessions)), HORIZON - 1)]
    bounds = ranges.around(
        path[None, :, OHLCV.index("Close")],
        volatility(window[None]),
        _quantiles(checkpoint, table)[None],
    )[0]
    return _bars(path, bounds, sessions)


def _quantiles(checkpoint: Checkpoint, table: pd.DataFrame) -> Floats:
    """Return the quantiles of the ranges as they stand at the last row, (2 levels, 5)."""
    if checkpoint.trained_to >= pd.Timestamp(table.index[-1]).date():  # no target has come since
        return checkpoint.quantiles
    tracked: Floats = walk(checkpoint, table).quantiles[-1]
    return tracked


def _check_length(bars: pd.DataFrame) -> None:
    needed = features.WARM_UP + CONTEXT
    if len(bars) < needed:
        raise DataError(
            f"too few rows to forecast from: {len(bars)}, and {needed} are needed",
            f"the model reads {CONTEXT} sessions and its slowest feature needs {features.WARM_UP} before them",
        )


def _bars(path: Floats, bounds: Floats, sessions: Sequence[date]) -> tuple[ForecastBar, ...]:
    """Return rows (days, 5) and ranges (2, days, 2) as forecast bars."""
    return tuple(
        ForecastBar(
            date=day,
            open=float(row[0]),
            high=float(row[1]),
            low=float(row[2]),
            close=float(row[3]),
            volume=float(row[4]),
            close_80=(float(bounds[0, i, 0]), float(bounds[0, i, 1])),
            close_95=(float(bounds[1, i, 0]), float(bounds[1, i, 1])),
        )
        for i, (day, row) in enumerate(zip(sessions, path, strict=True))
    )
