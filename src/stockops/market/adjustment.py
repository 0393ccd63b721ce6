"""From traded prices to comparable ones: dividends and splits taken out of a raw table.

What a file says of itself decides: an adjusted close, declared splits, declared dividends. Vendors differ in what they
have adjusted already (Yahoo's prices for splits, yfinance's `history()` for dividends too), so each declared action is
held against the prices before it is applied.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockops.arrays import Floats
from stockops.market.evidence import Evidence
from stockops.market.ohlcv import ADJUSTED, DIVIDENDS, OHLCV, PRICES, SPLITS
from stockops.market.split_ratios import RATIOS

_SMALLEST_STEP = 1.2  # of the adjustment factor that may be a split; most dividends move it by a percent
_SAME_RATIO = 0.01
_DOUBT = 2.0  # log odds of volume against a split that prices show


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Bars comparable over time, columns OHLCV, and what was found on the way, a clause each."""

    bars: pd.DataFrame
    notes: tuple[str, ...] = ()


def adjust(raw: pd.DataFrame) -> Adjusted:
    """Return Open to Volume adjusted for splits and dividends; the last row keeps its traded prices and volume.

    With an Adj Close the factor is Adj Close / Close, divided by its value on the last row: a vendor's Adj Close
    carries every dividend paid up to the day of the download, so without that division a table cut at an earlier day
    would already know later dividends. Volume follows the part of the factor that is a split. Without one, declared
    splits and dividends are applied where the prices do not show them adjusted. Without those, prices are taken as
    adjusted.
    """
    bars = raw[list(OHLCV)].astype(float)
    splits = _splits(raw, bars)
    volume = _from_the_end(splits)
    notes = []
    if ADJUSTED in raw.columns:
        factor = (raw[ADJUSTED].astype(float) / bars["Close"]).to_numpy()
        prices = factor / factor[-1]
    else:
        prices = 1 / volume
        if count := int((splits != 1).sum()):
            notes.append(f"{count} declared split{'s' if count > 1 else ''} adjusted for")
        if DIVIDENDS in raw.columns:
            paid, note = _dividends(raw, bars, has_raw_splits=bool((splits != 1).any()))
            prices = prices * _from_the_end(1 - paid)
            notes += [note] if note else []
    bars[list(PRICES)] = bars[list(PRICES)].mul(prices, axis=0)
    bars["Volume"] *= _shares(splits, bars)
    return Adjusted(bars, tuple(notes))


def _from_the_end(steps: Floats) -> Floats:
    """Return the product of all later steps for each row, (rows,): 1 on the last."""
    product: Floats = np.r_[np.cumprod(steps[:0:-1])[::-1], 1.0]
    return product


def _splits(raw: pd.DataFrame, bars: pd.DataFrame) -> Floats:
    """Return the split, new shares per old one, that each row's traded prices show, 1 for none, (rows,)."""
    close = np.log(bars["Close"].to_numpy())
    step = np.r_[0.0, np.diff(close)]
    if SPLITS in raw.columns:
        declared = raw[SPLITS].to_numpy(dtype=float)
        shown = np.abs(step + np.log(declared)) < np.abs(step)  # the price fell as much as the shares grew
        return np.where((declared != 1) & shown, declared, 1.0)
    if ADJUSTED not in raw.columns:
        return np.ones(len(raw))
    factor = (raw[ADJUSTED].astype(float) / bars["Close"]).to_numpy()
    change = np.r_[1.0, factor[1:] / factor[:-1]]
    return np.array([_ratio(float(ratio), float(moved)) for ratio, moved in zip(change, step, strict=True)])


def _ratio(change: float, step: float) -> float:
    """Return the split that a step of the adjustment factor stands for, 1 where it is a dividend or an error."""
    if 1 / _SMALLEST_STEP < change < _SMALLEST_STEP or abs(step + math.log(change)) >= abs(step):
        return 1.0
    near = min(RATIOS, key=lambda ratio: abs(math.log(change * ratio[1] / ratio[0])))
    ratio = near[0] / near[1]
    return ratio if abs(change / ratio - 1) < _SAME_RATIO else 1.0


def _shares(splits: Floats, bars: pd.DataFrame) -> Floats:
    """Return what each row's volume is multiplied by; a split that volume shows adjusted already counts for nothing."""
    if (splits == 1).all():
        return splits
    evidence = Evidence(bars)
    ratios = splits.copy()
    for row in map(int, np.flatnonzero(splits != 1)):
        volume = evidence.traded(row)
        if volume and volume.shift(0.0) - volume.shift(math.log(splits[row])) > _DOUBT:
            ratios[row] = 1.0
    return _from_the_end(ratios)


def _dividends(raw: pd.DataFrame, bars: pd.DataFrame, *, has_raw_splits: bool) -> tuple[Floats, str]:
    """Return each dividend as a share of the close before it, (rows,), all zero where prices are adjusted already.

    A price that is not adjusted opens lower by its dividend; the sum over all ex-dates tells, the better the more there
    are. Prices that are not adjusted for splits are not adjusted for dividends either.
    """
    paid = raw[DIVIDENDS].to_numpy(dtype=float)
    before = np.r_[np.nan, bars["Close"].to_numpy()[:-1]]
    share = np.where(paid > 0, paid / before, 0.0)
    share = np.where(np.isfinite(share) & (share < 1), share, 0.0)
    rows = np.flatnonzero(share)
    if not len(rows):
        return share, ""
    evidence = Evidence(bars)
    fall = np.log(1 - share[rows])
    scale = np.array([evidence.overnight(int(row)) for row in rows])
    favour = float(np.sum((evidence.gap[rows] * fall - fall**2 / 2) / scale**2))
    if has_raw_splits or favour > 0:
        return share, f"{len(rows)} declared dividend{'s' if len(rows) > 1 else ''} adjusted for"
    return np.zeros(len(raw)), "prices are adjusted for the declared dividends already"
