"""Where a price stands relative to its own past and to the market, after one session's close."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockops.market.features import rsi

YEAR = 252  # sessions
SPANS = (1, 5, 21, 63, YEAR)  # of returns, in sessions
AVERAGES = (50, 200)
_ENOUGH = 120  # minimum number of sessions for beta, correlation and usual volume
_LATE = 7  # calendar days by which the market's last bar may be older


@dataclass(frozen=True, slots=True)
class Context:
    """Context from the history, beside the forecast. None, or a missing key: the history is too short.

    returns_percent, market_percent: by span in sessions; the market's over the same days. high, low: of closes over a
    year, including the last. averages: of closes, by number of sessions. rsi: Wilder's, over 14 sessions. volume_ratio:
    the last session's volume over the median of the year before it. beta, correlation: of daily log returns to the
    market, over `common` sessions, at most a year.
    """

    returns_percent: Mapping[int, float]
    market_percent: Mapping[int, float]
    averages: Mapping[int, float]
    high: float | None = None
    low: float | None = None
    rsi: float | None = None
    volume_ratio: float | None = None
    beta: float | None = None
    correlation: float | None = None
    common: int = 0


def of(bars: pd.DataFrame, market: pd.DataFrame | None) -> Context:
    """Return the context after the last bar; market: bars of the index up to the same day, or None."""
    closes = bars["Close"]
    if market is not None and (pd.Timestamp(closes.index[-1]) - pd.Timestamp(market.index[-1])).days > _LATE:
        market = None
    beta, correlation, common = _together(closes, market)
    full = len(closes) >= YEAR
    return Context(
        returns_percent={span: _change(closes, span) for span in SPANS if len(closes) > span},
        market_percent={} if market is None else _same_days(closes, market["Close"]),
        high=float(closes.iloc[-YEAR:].max()) if full else None,
        low=float(closes.iloc[-YEAR:].min()) if full else None,
        averages={count: float(closes.iloc[-count:].mean()) for count in AVERAGES if len(closes) >= count},
        rsi=float(rsi(closes).iloc[-1]) if len(closes) > AVERAGES[0] else None,
        volume_ratio=_volume_ratio(bars["Volume"]),
        beta=beta,
        correlation=correlation,
        common=common,
    )


def _change(closes: "pd.Series[float]", span: int) -> float:
    return 100 * float(closes.iloc[-1] / closes.iloc[-1 - span] - 1)


def _same_days(closes: "pd.Series[float]", market: "pd.Series[float]") -> dict[int, float]:
    """Return the market's changes over the ticker's spans, from the same first to the same last day."""
    found = {}
    for span in SPANS:
        if len(closes) > span and closes.index[-1 - span] >= market.index[0]:
            before, after = (float(market.loc[:day].iloc[-1]) for day in closes.index[[-1 - span, -1]])
            found[span] = 100 * (after / before - 1)
    return found


def _volume_ratio(volume: "pd.Series[float]") -> float | None:
    usual = float(volume.iloc[-1 - YEAR : -1].median()) if len(volume) > _ENOUGH else 0.0
    return float(volume.iloc[-1]) / usual if usual > 0 else None


def _together(closes: "pd.Series[float]", market: pd.DataFrame | None) -> tuple[float | None, float | None, int]:
    """Return beta, correlation and the number of sessions behind them."""
    if market is None:
        return None, None, 0
    both = pd.concat([closes, market["Close"]], axis=1, join="inner", keys=["own", "market"]).iloc[-1 - YEAR :]
    own, index = np.diff(np.log(both.to_numpy(dtype=float)), axis=0).T
    if len(own) < _ENOUGH or np.ptp(own) == 0 or np.ptp(index) == 0:
        return None, None, 0
    covariance = np.cov(own, index)
    return float(covariance[0, 1] / covariance[1, 1]), float(np.corrcoef(own, index)[0, 1]), len(own)
