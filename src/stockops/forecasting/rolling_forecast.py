"""Rolling forecasts: one from every close since the model's training."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from stockops.arrays import Floats
from stockops.forecasting import inference, ranges
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.ohlcv_constraints import as_bars
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import CONTEXT, HORIZON, targets

_CLOSE = OHLCV.index("Close")


@dataclass(frozen=True, slots=True)
class RollingForecasts:
    """Forecasts from consecutive origins, oldest first.

    rows: of the origins in the feature table, (origins,). bars: OHLCV, (origins, 5, 5). spread: expected spread of the
    log return to each session, (origins, 5). residuals: in units of the spread, (origins, 3, 2, 5), NaN where the
    target is not known yet. quantiles: of the ranges at each origin, (origins, 3, 2, 4, 5).
    """

    rows: npt.NDArray[np.int64]
    bars: Floats
    spread: Floats
    residuals: Floats
    quantiles: Floats

    @property
    def ranges(self) -> Floats:
        """Lower and upper bounds on Close, High and Low, (origins, 3, 2 levels, 5, 2)."""
        return ranges.intervals(self.bars, self.spread, self.quantiles)


def rolling_forecasts(
    checkpoint: Checkpoint, table: pd.DataFrame, covariates: Covariates, last: date | None = None
) -> RollingForecasts:
    """Return the forecasts from the last session of the training to `last`, by default the last row.

    table, covariates: features and covariates of each row of the whole history. A forecast reads the 60 rows up to its
    origin, and its range the residuals of forecasts whose target was known by then, so later rows do not change it. The
    training's last session is the first origin: its targets were not trained on. Empty if no origin has 60 rows.
    """
    days = pd.DatetimeIndex(table.index)
    end = len(days) if last is None else int(days.searchsorted(pd.Timestamp(last), side="right"))
    trained = int(days.searchsorted(pd.Timestamp(checkpoint.trained_to), side="left"))
    rows = np.arange(max(trained, CONTEXT - 1), end)
    values = table.to_numpy()
    if not len(rows):
        bars, residuals = np.empty((0, HORIZON, len(OHLCV))), np.empty((0, *ranges.SHAPE[:2], HORIZON))
        return RollingForecasts(rows, bars, np.empty((0, HORIZON)), residuals, np.empty((0, *ranges.SHAPE)))
    windows = sliding_window_view(values, CONTEXT, axis=0)[rows - CONTEXT + 1].transpose(0, 2, 1)
    predicted, spread = inference.forecast(checkpoint.weights, windows, covariates.at(rows))
    bars = as_bars(predicted, windows[:, -1, None, _CLOSE, None])
    missed = ranges.residuals(spread, bars, targets(values[:end, : len(OHLCV)], rows))
    return RollingForecasts(rows, bars, spread, missed, ranges.track(checkpoint.quantiles, missed))
