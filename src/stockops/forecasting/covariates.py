"""Covariates of a forecast beside its window: calendar, market, and the earlier past of its own history.

All are as known at each origin, so there is no look-ahead. A forecast without them is less accurate but works.
"""

import hashlib
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from stockops.arrays import Floats
from stockops.forecasting import volatility
from stockops.market import announced
from stockops.market.calendar_sessions import TradingCalendar
from stockops.market.windows import CONTEXT, HORIZON

Rows = npt.NDArray[np.int64]

TRAITS = len(announced.TRAITS)
LATE = pd.Timedelta(days=7)  # how much older the market's last close may be
_QUARTER = 63  # sessions from one quarterly report to the next
_REPORTS = 4  # quarters looked back
_ABOUT = 3  # sessions by which a report may come earlier or later
_CALM, _WILDEST = 1.0, 3.0  # threshold and cap of the log variance above usual that hints at a report


@dataclass(frozen=True, slots=True)
class Covariates:
    """Covariates by origin; all arrays share the first axis.

    traits: of the origin's session and the next five, (origins, 6, 9), see `market.announced`. market: HAR terms of the
    market, (origins, 5). level: the window's log variance relative to its mean over the history so far, (origins,).
    season: excess log variance one to four quarters before each of the next five sessions, averaged up to that session,
    (origins, 5).
    """

    traits: Floats
    market: Floats
    level: Floats
    season: Floats

    def at(self, rows: Rows | slice) -> "Covariates":
        """Return the covariates of some origins."""
        return Covariates(*(getattr(self, part.name)[rows] for part in fields(self)))

    @property
    def digest(self) -> str:
        """A digest, equal only for equal covariates."""
        digest = hashlib.sha256()
        for part in fields(self):
            digest.update(np.ascontiguousarray(getattr(self, part.name)).tobytes())
        return digest.hexdigest()[:24]

    @classmethod
    def unknown(cls, origins: int) -> "Covariates":
        """Return neutral covariates: ordinary sessions, usual market and usual history."""
        traits = np.zeros((origins, announced.SEEN, TRAITS))
        market = np.zeros((origins, volatility.TERMS))
        return cls(traits, market, np.zeros(origins), np.zeros((origins, HORIZON)))


@dataclass(frozen=True, slots=True)
class Market:
    """The market index: adjusted bars, oldest first, and the calendar of its sessions."""

    bars: pd.DataFrame
    calendar: TradingCalendar

    def terms(self, moments: pd.DatetimeIndex) -> Floats:
        """Return the HAR terms of the last window that had closed at each moment, (moments, 5).

        So Tokyo sees New York's previous day. Zero if no window closed within the last seven days.
        """
        found = np.zeros((len(moments), volatility.TERMS))
        if len(self.bars) < CONTEXT:
            return found
        ends = self.calendar.closes(pd.DatetimeIndex(self.bars.index[CONTEXT - 1 :]))
        last = ends.searchsorted(moments, side="right") - 1
        seen = np.asarray((last >= 0) & (moments - ends[last] <= LATE))
        found[seen] = volatility.terms(_windows(self.bars))[last[seen]]
        return found


def of(table: pd.DataFrame, calendar: TradingCalendar, market: Market | None) -> Covariates:
    """Return the covariates of every row of a feature table; without a market its terms are zero."""
    days = pd.DatetimeIndex(table.index)
    found = Covariates.unknown(len(days))
    level, season = (found.level, found.season) if len(days) < CONTEXT else _past(table)
    return Covariates(
        traits=announced.traits(calendar, days),
        market=found.market if market is None else market.terms(calendar.closes(days)),
        level=level,
        season=season,
    )


def _windows(table: pd.DataFrame) -> Floats:
    return sliding_window_view(table.to_numpy(dtype=float), CONTEXT, axis=0).transpose(0, 2, 1)


def _past(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return level and season of every row; zero before the first full window."""
    usual = volatility.usual(_windows(table))
    level = np.zeros(len(table))
    level[CONTEXT - 1 :] = usual - np.cumsum(usual) / np.arange(1, len(usual) + 1)
    logged = volatility.log_variance(table.to_numpy(dtype=float))
    excess = np.full(len(table), np.nan)
    excess[CONTEXT - 1 :] = np.clip(logged[CONTEXT - 2 :] - usual - _CALM, 0, _WILDEST)
    intervals = pd.Series(excess).rolling(2 * _ABOUT + 1, center=True, min_periods=1).mean().to_numpy()
    before = (
        np.arange(len(table))[:, None]
        + np.arange(1, HORIZON + 1)
        - _QUARTER * np.arange(1, _REPORTS + 1)[:, None, None]
    )
    reports = np.where(before >= CONTEXT, intervals[before.clip(0)], np.nan)
    known = ~np.isnan(reports)
    mean = np.where(known, reports, 0).sum(axis=0) / known.sum(axis=0).clip(1)
    return level, np.cumsum(mean, axis=1) / np.arange(1, HORIZON + 1)
