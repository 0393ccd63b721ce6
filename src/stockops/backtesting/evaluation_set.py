"""The evaluation set of a backtest: the forecasts from each close, the actual values, and naive forecasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from stockops.arrays import Floats
from stockops.forecasting.ranges import LEVELS
from stockops.market.ohlcv import OHLCV, PRICES
from stockops.market.windows import CONTEXT, HORIZON, targets

Rows = npt.NDArray[np.int64]

CLOSE, VOLUME = OHLCV.index("Close"), OHLCV.index("Volume")
LAST_CLOSE, LAST_VALUE, MEAN_20 = "last close", "last value", "20-day mean"
_MEAN_ROWS = 20
_RISKMETRICS = 0.94  # daily decay (J.P. Morgan, RiskMetrics, 1996)


@dataclass(frozen=True, slots=True)
class BaselineForecast:
    """A baseline's forecasts. bars: OHLCV, (origins, 5 horizons, 5), NaN in channels it does not forecast.

    bounds: on Close, (origins, 2 levels, 5, 2), None without ranges. Raw units, unless from `in_units`.
    """

    bars: Floats
    bounds: Floats | None = None


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Forecasts from consecutive closes, oldest first, and the actual values.

    Units are chosen so that years can be averaged: prices in percent of the close at the origin, volume in shares.
    dates: of the origins. forecast, actual: OHLCV, (origins, 5 horizons, 5 channels), actual NaN before the target has
    closed. last: the row at the origin, (origins, 5). bounds: on Close, High and Low, in the order of `ranges.RANGED`,
    (origins, 3, 2 levels, 5, 2).
    naive: forecasts by name, shaped as `forecast`, NaN in channels that one does not forecast. naive_ranges: bounds on
    Close by name, (origins, 2 levels, 5, 2). step: mean absolute change of each channel from one session to the next
    before the evaluation set, in the same units, (5,). unit: size of these units in raw units, (origins, 1, 5).
    """

    dates: tuple[date, ...]
    forecast: Floats
    actual: Floats
    last: Floats
    bounds: Floats
    naive: Mapping[str, Floats]
    naive_ranges: Mapping[str, Floats]
    step: Floats
    unit: Floats

    def in_units(self, predicted: BaselineForecast) -> BaselineForecast:
        """Return another forecast from the same origins in the units of the evaluation set."""
        bounds = None if predicted.bounds is None else predicted.bounds / self.unit[:, None, :, :1]
        return BaselineForecast(predicted.bars / self.unit, bounds)

    @property
    def years(self) -> npt.NDArray[np.int64]:
        """The year of each origin."""
        return np.array([day.year for day in self.dates])


def joined(parts: Sequence[BaselineForecast]) -> BaselineForecast:
    """Return the forecasts from consecutive runs of origins as one."""
    bounds = [part.bounds for part in parts if part.bounds is not None]
    return BaselineForecast(np.concatenate([part.bars for part in parts]), np.concatenate(bounds) if bounds else None)


def build_evaluation_set(table: pd.DataFrame, rows: Rows, forecast: Floats, bounds: Floats) -> EvaluationSet:
    """Return the evaluation set of forecasts (origins, 5, 5) and bounds (origins, 3, 2, 5, 2) in raw units.

    table: features of the history up to the end of the evaluation, index of sessions. rows: the consecutive rows of
    the origins in it; naive forecasts may be fitted on what precedes the first of them.
    """
    values = table.to_numpy()[:, : len(OHLCV)]
    days = [pd.Timestamp(stamp).date() for stamp in pd.DatetimeIndex(table.index)[rows]]
    last = values[rows]
    unit = _units(last)
    return EvaluationSet(
        dates=tuple(days),
        forecast=forecast / unit,
        actual=targets(values, rows) / unit,
        last=last / unit[:, 0],
        bounds=bounds / unit[:, None, None, :, :1],
        naive={name: predicted / unit for name, predicted in _naive(values, rows).items()},
        naive_ranges={
            name: predicted / unit[:, None, :, :1] for name, predicted in _naive_ranges(values, rows).items()
        },
        step=np.abs(np.diff(values[: rows[0] + 1], axis=0) / _units(values[: rows[0]])[:, 0]).mean(axis=0),
        unit=unit,
    )


def _units(last: Floats) -> Floats:
    """Return one unit of each channel, (origins, 1, 5): a percent of the close, a share."""
    unit = np.repeat(last[:, CLOSE, None] / 100, len(OHLCV), axis=1)
    unit[:, VOLUME] = 1.0
    return unit[:, None]


def _naive(values: Floats, rows: Rows) -> dict[str, Floats]:
    """Return the naive forecasts: persistence of the close or of the channel itself; for volume also its mean."""
    shape = (len(rows), HORIZON, len(OHLCV))
    close, own, mean = (np.full(shape, np.nan) for _ in range(3))
    close[..., : len(PRICES)] = values[rows, None, CLOSE, None]
    own[...] = values[rows, None]
    own[..., CLOSE] = np.nan  # the same as the last close
    recent = sliding_window_view(values[:, VOLUME], _MEAN_ROWS)[rows - _MEAN_ROWS + 1]
    mean[..., VOLUME] = recent.mean(axis=1)[:, None]
    return {LAST_CLOSE: close, LAST_VALUE: own, MEAN_20: mean}


def _naive_ranges(values: Floats, rows: Rows) -> dict[str, Floats]:
    """Return ranges around the last close that cover 80 % and 95 % of the moves before the evaluation set.

    `constant`: quantiles of the moves themselves. `EWMA`: quantiles of the moves in units of the volatility at their
    origin, times the volatility at this one, as one would do in a spreadsheet.
    """
    closes, first = values[:, CLOSE], rows[0]
    spread = _ewma(closes)  # entry i belongs to row i + 59
    past = np.arange(CONTEXT - 1, first - HORIZON + 1)  # origins whose five targets precede the evaluation set
    came = targets(values, past)[..., CLOSE]
    today = np.repeat(closes[past, None], HORIZON, axis=1)
    now = np.repeat(closes[rows, None], HORIZON, axis=1)
    found = {}
    for name, scale in (("constant", np.ones(len(spread))), ("EWMA", spread)):
        missed = np.abs(np.log(came / today)) / scale[past - CONTEXT + 1, None]
        width = np.quantile(missed, LEVELS, axis=0) * scale[rows - CONTEXT + 1, None, None]
        found[name] = now[:, None, :, None] * np.exp(width[..., None] * [-1, 1])
    return found


def _ewma(closes: Floats) -> Floats:
    """Return the exponentially weighted volatility of log returns over each run of 60 closes, (rows - 59,)."""
    squares = sliding_window_view(np.diff(np.log(closes)) ** 2, CONTEXT - 1)
    weights = _RISKMETRICS ** np.arange(CONTEXT - 2, -1, -1)
    spread: Floats = np.maximum(np.sqrt(squares @ (weights / weights.sum())), 1e-6)
    return spread
