"""From a checkpoint and a history to the next session and the path after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.errors import DataError
from stockops.forecasting import ranges
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.lstm import predict
from stockops.market import features
from stockops.market.ohlcv import OHLCV, PRICES
from stockops.market.windows import CONTEXT, HORIZON

Floats = npt.NDArray[np.float64]

MAX_DAYS = 63  # a quarter; further out the range says nothing anyone would use
_LOWEST = 0.01  # of the last close: a forecast price is never below it, so never zero or negative


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
    """What one model says after one session's close."""

    ticker: str
    source: str
    last_date: date
    model_version: str
    trained_to: date
    skill: float | None
    path: tuple[ForecastBar, ...]
    history: tuple[tuple[date, float], ...]

    @property
    def next_day(self) -> ForecastBar:
        """The first session of the path."""
        return self.path[0]


def predict_one_step_and_week(
    checkpoint: Checkpoint, bars: pd.DataFrame, sessions: Sequence[date], latest: Floats | None = None
) -> tuple[ForecastBar, ...]:
    """Return the forecast of each of `sessions`: the first is the next day, the first five are the week.

    bars: adjusted OHLCV of the whole history, its last row the origin. latest: that row's features, shape (7,),
    where they come from a feature store; computed from the bars where not. Beyond five sessions the model is
    rolled forward: its own bars join the history and the features are computed from them anew. Every
    forecast is a bar: low <= open, close <= high, prices above zero, volume not below. Raises DataError
    when the history is too short for one window of features.
    """
    _check_length(bars)
    window = features.add(bars).to_numpy()[-CONTEXT:].copy()
    if latest is not None:
        window[-1] = latest
    origin = window[:, OHLCV.index("Close")]
    history = bars
    while len(history) < len(bars) + len(sessions):
        if len(history) > len(bars):
            window = features.add(history).to_numpy()[-CONTEXT:]
        days = pd.DatetimeIndex(list(sessions[len(history) - len(bars) :][:HORIZON]))
        rows = as_bars(predict(checkpoint.model, window[None])[0][: len(days)], last_close=float(origin[-1]))
        history = pd.concat([history, pd.DataFrame(rows, index=days, columns=list(OHLCV))])
    path = history.to_numpy()[len(bars) :]
    return _with_ranges(path, origin, checkpoint, sessions)


def as_bars(forecast: Floats, last_close: Floats | float) -> Floats:
    """Return OHLCV that are bars, (…, 5), from raw forecasts (…, 7); last_close broadcasts against (…, 1).

    High and Low are stretched to enclose Open and Close, prices kept above 1 % of the last close and
    volume above zero: five channels forecast on their own may cross.
    """
    bars = forecast[..., : len(OHLCV)].copy()
    prices = np.maximum(bars[..., : len(PRICES)], _LOWEST * last_close)
    bars[..., : len(PRICES)] = prices
    bars[..., PRICES.index("High")] = prices.max(axis=-1)
    bars[..., PRICES.index("Low")] = prices.min(axis=-1)
    bars[..., OHLCV.index("Volume")] = np.maximum(bars[..., OHLCV.index("Volume")], 0)
    return bars


def _check_length(bars: pd.DataFrame) -> None:
    needed = features.WARM_UP + CONTEXT
    if len(bars) < needed:
        raise DataError(
            f"too few rows to forecast from: {len(bars)}, and {needed} are needed",
            f"the model reads {CONTEXT} sessions and its slowest feature needs {features.WARM_UP} before them",
        )


def _with_ranges(
    path: Floats, origin: Floats, checkpoint: Checkpoint, sessions: Sequence[date]
) -> tuple[ForecastBar, ...]:
    quantiles = checkpoint.model.range_quantiles.numpy()
    bounds = ranges.around(path[:, OHLCV.index("Close")], origin, quantiles)
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
