"""What a history's own past says of a large move: how likely is it as trading, how likely as a defect?

All densities are natural logarithms. Moves are measured against the sessions round them, with Student's t of three
degrees of freedom, whose tails are about those of daily returns. What usually comes with a large move, heavy trading
and a wide day, is learnt from the series itself, so a history whose volume says nothing is not judged by it.
Source of the tails: Gabaix, Gopikrishnan, Plerou, Stanley, A theory of power-law distributions in financial market
fluctuations (2003).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockops.arrays import Floats

NEAR = 20  # sessions on each side that volume and the day's range are compared with
_AROUND = 60  # sessions on each side that a move is measured against
_MEDIAN_OF_T3 = 0.765  # of its absolute value
_STILL = 0.003  # no series is measured in smaller moves than this
_FEW = 100  # moves; fewer teach nothing of what comes with a large one
_TAUGHT = 0.2  # what is assumed then: growth of log volume and log range with the logarithm of a move
_STEADY = 0.25  # least spread of log volume from day to day
_EVENTS = math.log(5e-4)  # news that moves a price overnight by half on average, a session
_EVENT_SIZE = 0.35
_FARTHEST = 3.0  # log; no news and no noise has moved a price twentyfold in a night
_COMES_BACK = math.log(5e-3)  # how often the next session takes such a move back


def normal(value: float, mean: float, spread: float) -> float:
    """Return the density of a normal distribution."""
    return -0.5 * ((value - mean) / spread) ** 2 - math.log(spread) - 0.5 * math.log(2 * math.pi)


def tailed(value: float, scale: float) -> float:
    """Return the density of Student's t with three degrees of freedom."""
    ratio = value / scale
    return math.log(2 / (math.pi * math.sqrt(3))) - 2 * math.log1p(ratio * ratio / 3) - math.log(scale)


def either(first: float, second: float, share: float = 0.5) -> float:
    """Return the density of a mixture; `share` is the second's."""
    return float(np.logaddexp(math.log(1 - share) + first, math.log(share) + second))


@dataclass(frozen=True, slots=True)
class Volume:
    """Log volume round a row: of that day, and its level in the sessions before, from the row on, and after it.

    later: None where too few sessions follow. error: of the difference of levels; spread: from day to day.
    """

    today: float | None
    before: float
    since: float
    later: float | None
    error: float
    spread: float

    def shift(self, expected: float) -> float:
        """Return the density of the change of level where one by `expected` is due."""
        return normal(self.since - self.before, expected, self.error)

    def any_shift(self, mean: float = 0.0, spread: float = 1.5) -> float:
        """Return the density of the change of level where anything may have moved it."""
        return normal(self.since - self.before, mean, math.hypot(spread, self.error))

    def spike(self, expected: float = 0.0) -> float:
        """Return how far the day lies above the level that follows or is expected to; a quiet day says nothing."""
        usual = self.before + expected if self.later is None else self.later
        return 0.0 if self.today is None else max(self.today - usual, -0.5)

    def usual_day(self, spike: float, mean: float) -> float:
        """Return the density of a spike on a day that is to bring `mean`; some days bring much more."""
        return either(normal(spike, mean, 1.2 * min(self.spread, 0.6) + 0.1), normal(spike, 1.0, 0.8), 0.06)


class Evidence:
    """A price table in logarithms. gap: last close to open; body: open to close; step: close to close."""

    def __init__(self, bars: pd.DataFrame) -> None:
        prices = np.log(bars[["Open", "High", "Low", "Close"]].to_numpy(dtype=float))
        self.open, self.high, self.low, self.close = prices.T
        self.gap = np.r_[0.0, self.open[1:] - self.close[:-1]]
        self.body = self.close - self.open
        self.step = np.r_[0.0, np.diff(self.close)]
        self.range = self.high - self.low
        with np.errstate(divide="ignore"):
            self.volume = np.log(bars["Volume"].to_numpy(dtype=float))
        self.volume[~np.isfinite(self.volume)] = np.nan
        self._taught: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.close)

    def scale(self, moves: Floats, row: int) -> float:
        """Return the scale of a row's neighbours, never below 0.3 %; of those that moved, where most did not."""
        near = np.abs(np.r_[moves[max(1, row - _AROUND) : row], moves[row + 1 : row + 1 + _AROUND]])
        if len(near) < 10:
            return 0.02
        moved = near[near > 0]
        usual = max(float(np.median(near)), 0.67 * float(np.median(moved)) if len(moved) else 0.0)
        return max(usual / _MEDIAN_OF_T3, _STILL)

    def traded(self, row: int) -> Volume | None:
        """Return how volume moved at a row; None where too little was traded to tell."""
        before = _known(self.volume[max(0, row - NEAR) : row])
        after = _known(self.volume[row : row + NEAR])
        if len(before) < 5 or not len(after):
            return None
        level = float(np.median(before))
        spread = max(_STEADY, 1.4826 * float(np.median(np.abs(before - level))))
        error = math.sqrt(2 * spread**2 * (1 / len(before) + 1 / len(after)) + 0.15**2)
        later = _known(self.volume[row + 1 : row + 1 + NEAR])
        today = float(self.volume[row])
        return Volume(
            today if math.isfinite(today) else None,
            level,
            float(np.median(after)),
            float(np.median(later)) if len(later) >= 3 else None,
            error,
            spread,
        )

    def width(self, row: int) -> float | None:
        """Return the log of a day's range over the usual one; None where days have none."""
        near = np.r_[self.range[max(0, row - NEAR) : row], self.range[row + 1 : row + 1 + NEAR]]
        near = near[near > 0]
        if len(near) < 10 or self.range[row] <= 0:
            return None
        return max(math.log(self.range[row] / float(np.median(near))), -0.7)

    def as_trading(self, row: int) -> float:
        """Return the density of a row's gap, its volume and its range as what markets do: noise, or news."""
        gap, body = float(self.gap[row]), float(self.body[row])
        gaps, bodies = self.overnight(row), self.intraday(row)
        volume, width = self.traded(row), self.width(row)
        size = math.log1p(abs(float(self.step[row])) / self.scale(self.step, row))
        grows, widens = self.taught
        noise = tailed(gap, gaps) + tailed(body, bodies)
        news = _news(gap) + tailed(body, 2.5 * bodies)
        if volume:
            spike = volume.spike()
            noise += either(volume.shift(0.0), volume.any_shift(), 0.15) + volume.usual_day(spike, grows * size)
            news += volume.any_shift(0.6, 0.8) + normal(spike, *_crowd(gap))
        if width is not None:
            noise += normal(width, widens * size, 0.5)
            news += normal(width, 0.8 + 0.5 * abs(gap), 0.6)
        return float(np.logaddexp(noise, news)) - 20 * max(0.0, abs(gap) - _FARTHEST)

    def as_shift(self, row: int, factor: float, shares: float) -> float:
        """Return the density of a row if prices stand in another unit from it on, on a day like any other.

        factor: log of the new unit's prices over the old one's; shares: log of what volume is multiplied by.
        """
        density = tailed(float(self.gap[row]) - factor, self.overnight(row))
        density += tailed(float(self.body[row]), self.intraday(row))
        volume, width = self.traded(row), self.width(row)
        if volume:
            density += either(volume.shift(shares), volume.any_shift(), 0.01)
            density += volume.usual_day(volume.spike(shares), 0.1)
        if width is not None:
            density += _usual_width(width)
        return density

    def as_other(self, row: int) -> float:
        """Return the density of a row that is not of this series, on a day like any other; its gap says nothing."""
        volume, width = self.traded(row), self.width(row)
        density = tailed(float(self.body[row]), self.intraday(row))
        if volume:
            density += volume.any_shift() + volume.usual_day(volume.spike(), 0.1)
        if width is not None:
            density += _usual_width(width)
        return density

    def as_excursion(self, row: int, end: int) -> float:
        """Return the density of a move away at `row` and back at `end` as what markets do, with the day's volume."""
        steps, volume = self.scale(self.step, row), self.traded(row)
        away, back = float(self.close[row] - self.close[row - 1]), float(self.open[end] - self.close[end - 1])
        noise = tailed(away, steps) + tailed(back, steps)
        news = _news(away) + float(np.logaddexp(tailed(back, 3 * steps), _news(back) - _EVENTS + _COMES_BACK))
        if volume:
            rise = self._rise(volume, row, end)
            noise += volume.usual_day(rise, self.taught[0] * math.log1p(abs(away) / steps))
            news += normal(rise, *_crowd(away))
        return float(np.logaddexp(noise, news))

    def as_bad_tick(self, row: int, end: int) -> float:
        """Return the density of the same rows as bars that are not of this series, the size of the move apart."""
        left = float(self.open[end] - self.close[row - 1])
        density = tailed(left, self.scale(self.step, row) * math.sqrt(end - row))
        volume = self.traded(row)
        return density + (volume.usual_day(self._rise(volume, row, end), 0.1) if volume else 0.0)

    def _rise(self, volume: Volume, row: int, end: int) -> float:
        """Return how far the busiest of some sessions lies above the level before them: a storm that goes on."""
        traded = _known(self.volume[row:end])
        return max(float(traded.max()) - volume.before, -0.5) if len(traded) else 0.0

    def overnight(self, row: int) -> float:
        """Return the scale of the gaps round a row."""
        return max(self.scale(self.gap, row), 0.3 * self.scale(self.step, row))

    def intraday(self, row: int) -> float:
        """Return the scale of the moves from open to close round a row."""
        return max(self.scale(self.body, row), 0.3 * self.scale(self.step, row))

    @property
    def taught(self) -> tuple[float, float]:
        """How log volume and log range grow with the logarithm of a move, by least squares over the history."""
        if self._taught is None:
            moves = np.abs(self.step)
            self._taught = (_slope(moves, self.volume, 0.6), _slope(moves, _logged(self.range), 1.0))
        return self._taught


def _news(gap: float) -> float:
    return _EVENTS - math.log(2 * _EVENT_SIZE) - abs(gap) / _EVENT_SIZE


def _usual_width(width: float) -> float:
    """Return the density of the width of a day like any other; some are wide."""
    return either(normal(width, 0.1, 0.45), normal(width, 0.3, 1.0), 0.1)


def _crowd(gap: float) -> tuple[float, float]:
    """Return mean and spread of the spike in volume that news of such a gap brings: the larger, the more."""
    return 1.2 + 1.5 * abs(gap), 1.1


def _slope(moves: Floats, values: Floats, most: float) -> float:
    level = pd.Series(values).rolling(21, center=True, min_periods=5).median().to_numpy()
    known = np.isfinite(values) & np.isfinite(level) & (moves > 0)
    if known.sum() < _FEW:
        return _TAUGHT
    size = np.log1p(moves[known] * _MEDIAN_OF_T3 / np.median(moves[known]))
    size -= size.mean()
    beyond = (values - level)[known]
    return float(np.clip((size @ (beyond - beyond.mean())) / max(float(size @ size), 1e-9), 0.0, most))


def _logged(values: Floats) -> Floats:
    return np.log(np.where(values > 0, values, np.nan))


def _known(values: Floats) -> Floats:
    known: Floats = values[np.isfinite(values)]
    return known
