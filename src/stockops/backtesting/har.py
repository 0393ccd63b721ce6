"""HAR: forecasts volatility and volume from their means over the last day, week and month, by least squares.

Volume also uses the calendar: the traits of the origin's and the target's session.

Hard to beat on daily ranges, and fitted in milliseconds. Source: Corsi, A Simple Approximate Long-Memory Model of
Realized Volatility (2009); the range of a day in place of its realised variance: Garman, Klass (1980).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.arrays import Floats
from stockops.backtesting.evaluation_set import CLOSE, VOLUME, BaselineForecast
from stockops.forecasting.ranges import TAILS
from stockops.forecasting.volatility import QUIET, SPANS, daily_variance
from stockops.market.ohlcv import OHLCV, PRICES
from stockops.market.windows import HORIZON, targets

Rows = npt.NDArray[np.int64]

_USUAL = 250  # sessions whose median high and low, in units of volatility, are the forecast
_FEWEST = 22
_HIGH, _LOW = OHLCV.index("High"), OHLCV.index("Low")


def forecasts(values: Floats, rows: Rows, traits: Floats) -> BaselineForecast:
    """Return HAR's forecasts of High, Low and Volume, and its ranges on Close, from each origin.

    values: OHLCV, (rows, 5). rows: the consecutive rows of the origins. traits: of each row's session and the next
    five, as known then (`market.announced`), (rows, 6, traits). Coefficients and quantiles are fitted on targets known
    by the first origin; the medians of High and Low, on those known by each origin. Open and Close are NaN: not
    forecast.
    """
    past = np.arange(SPANS[-1], rows[0] - HORIZON + 1)  # origins whose targets are known by the first origin
    spread = _spread(values, past)
    closes = values[:, CLOSE]
    moves = np.log(targets(values[:, : len(PRICES)], np.arange(len(values))) / closes[:, None, None])
    quantiles = np.quantile(moves[past, :, CLOSE] / spread[past], TAILS, axis=0)  # (2 levels, 2 sides, 5)
    bounds = closes[rows, None, None, None] * np.exp(np.moveaxis(quantiles, 1, -1) * spread[rows][:, None, :, None])
    bars = np.full((len(rows), HORIZON, len(OHLCV)), np.nan)
    for channel in (_HIGH, _LOW):
        usual = _medians(moves[..., channel] / spread)
        bars[..., channel] = closes[rows, None] * np.exp(usual[rows] * spread[rows])
    bars[..., VOLUME] = _volume(values, traits, past)[rows]
    return BaselineForecast(bars, bounds)


def _spread(values: Floats, past: Rows) -> Floats:
    """Return the forecast standard deviation of the log return over the next 1 to 5 sessions, (rows, 5)."""
    variance = np.maximum(daily_variance(values), QUIET**2)
    variance = np.concatenate([variance[:1], variance])  # the first session has no overnight move
    closes = np.log(values[:, CLOSE])
    falls = np.minimum(np.diff(closes, prepend=closes[0]), 0)
    known = np.column_stack([*(_means(np.log(variance), span) for span in SPANS), falls, _means(falls, SPANS[1])])
    total = np.cumsum(targets(variance, np.arange(len(values))), axis=1)
    return np.exp(0.5 * _fitted(known, np.log(total), past))


def _volume(values: Floats, traits: Floats, past: Rows) -> Floats:
    """Return the forecast volume 1 to 5 sessions ahead, (rows, 5): its median, which minimises the absolute error."""
    logged = np.log1p(values[:, VOLUME])
    ahead = targets(logged, np.arange(len(values)))
    means = [_means(logged, span) for span in SPANS]
    predicted = [
        _fitted(np.column_stack([*means, traits[:, 0], traits[:, days]]), ahead[:, days - 1], past)
        for days in range(1, HORIZON + 1)
    ]
    return np.expm1(np.column_stack(predicted)).clip(0)


def _fitted(known: Floats, ahead: Floats, past: Rows) -> Floats:
    """Return predictions for all rows, fitted on the rows `past`: known (rows, terms), ahead (rows, …)."""
    terms = np.column_stack([np.ones(len(known)), known])
    weights, *_ = np.linalg.lstsq(terms[past], ahead[past])
    predicted: Floats = terms @ weights
    return predicted


def _means(series: Floats, span: int) -> Floats:
    """Return the mean of the last `span` values at each row; of fewer at the start."""
    return pd.Series(series).rolling(span, min_periods=1).mean().to_numpy()


def _medians(series: Floats) -> Floats:
    """Return the rolling median over a year, of the values (rows, 5) known by each row."""
    rolling = pd.DataFrame(series).rolling(_USUAL, min_periods=_FEWEST).median()
    return np.column_stack([rolling[day].shift(day + 1).to_numpy() for day in range(HORIZON)])
