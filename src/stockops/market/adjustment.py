"""Adjusts a raw table for dividends and splits, so that prices are comparable over time.

Based on what the file states: an adjusted close, declared splits, declared dividends. Vendors differ in what they have
adjusted already (Yahoo's prices for splits, yfinance's `history()` for dividends too), so each declared action is
checked against the prices before it is applied.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockops.arrays import Floats
from stockops.market.evidence import Evidence
from stockops.market.ohlcv import ADJUSTED, DIVIDENDS, OHLCV, PRICES, SPLITS
from stockops.market.split_ratios import RATIOS

_SMALLEST_STEP = 1.2  # smallest step of the adjustment factor taken for a split; most dividends move it by a percent
_SAME_RATIO = 0.01
_DOUBT = 2.0  # log odds by volume above which a split that prices show is rejected


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Bars comparable over time, columns OHLCV, and notes on the adjustments, one clause each."""

    bars: pd.DataFrame
    notes: tuple[str, ...] = ()


def adjust(raw: pd.DataFrame) -> Adjusted:
    """Return Open to Volume adjusted for splits and dividends; the last row keeps its traded prices and volume.

    With an Adj Close the factor is Adj Close / Close, divided by its value on the last row: a vendor's Adj Close
    includes every dividend paid up to the day of the download, so without that division a table cut at an earlier day
    would contain later dividends. Volume is adjusted by the splits in the factor. Without an Adj Close, declared splits
    and dividends are applied unless the prices show them adjusted already. Without those, prices are taken as adjusted.
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
    """Return the product of all later steps for each row, (rows,); 1 on the last."""
    product: Floats = np.r_[np.cumprod(steps[:0:-1])[::-1], 1.0]
    return product


def _splits(raw: pd.DataFrame, bars: pd.DataFrame) -> Floats:
    """Return the split that each row's traded prices show, in new shares per old one, 1 for none, (rows,)."""
    close = np.log(bars["Close"].to_numpy())
    step = np.r_[0.0, np.diff(close)]
    if SPLITS in raw.columns:
        declared = raw[SPLITS].to_numpy(dtype=float)
        shown = np.abs(step + np.log(declared)) < np.abs(step)  # the price fell by about the split's ratio
        return np.where((declared != 1) & shown, declared, 1.0)
    if ADJUSTED not in raw.columns:
        return np.ones(len(raw))
    factor = (raw[ADJUSTED].astype(float) / bars["Close"]).to_numpy()
    change = np.r_[1.0, factor[1:] / factor[:-1]]
    return np.array([_ratio(float(ratio), float(moved)) for ratio, moved in zip(change, step, strict=True)])


def _ratio(change: float, step: float) -> float:
    """Return the split that a step of the adjustment factor implies, 1 if it is a dividend or an error."""
    if 1 / _SMALLEST_STEP < change < _SMALLEST_STEP or abs(step + math.log(change)) >= abs(step):
        return 1.0
    near = min(RATIOS, key=lambda ratio: abs(math.log(change * ratio[1] / ratio[0])))
    ratio = near[0] / near[1]
    return ratio if abs(change / ratio - 1) < _SAME_RATIO else 1.0


def _shares(splits: Floats, bars: pd.DataFrame) -> Floats:
    """Return each row's volume factor; splits for which volume is adjusted already, as it shows, are ignored."""
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
    """Return each dividend as a share of the close before it, (rows,), and a note; zero if adjusted for already.

    An unadjusted price opens lower by its dividend; the sum over all ex-dates decides, more reliably the more there
    are. Prices not adjusted for splits are not adjusted for dividends either.
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
