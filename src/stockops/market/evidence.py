"""Evidence on a large move from the history itself: its likelihood as trading, and as a defect.

All densities are natural logarithms. Moves are measured against the surrounding sessions, with Student's t of three
degrees of freedom, whose tails are about those of daily returns. What usually accompanies a large move, heavy trading
and a wide range, is learned from the series itself, so uninformative volume carries no weight.
Source of the tails: Gabaix, Gopikrishnan, Plerou, Stanley, A theory of power-law distributions in financial market
fluctuations (2003).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockops.arrays import Floats

NEAR = 20  # sessions on each side that volume and range are compared with
_AROUND = 60  # sessions on each side that a move is measured against
_MEDIAN_OF_T3 = 0.765  # of the absolute value
_STILL = 0.003  # minimum scale of moves
_FEW = 100  # moves; with fewer, nothing is learned about what accompanies a large one
_TAUGHT = 0.2  # default slope: growth of log volume and log range with log(1 + move)
_STEADY = 0.25  # minimum spread of log volume from day to day
_EVENTS = math.log(5e-4)  # probability per session of news that moves a price overnight
_EVENT_SIZE = 0.35  # mean absolute log move on such news
_FARTHEST = 3.0  # log; no price moves twentyfold overnight by news or noise
_COMES_BACK = math.log(5e-3)  # probability that the next session reverses such a move


def normal(value: float, mean: float, spread: float) -> float:
    """Return the log density of a normal distribution."""
    return -0.5 * ((value - mean) / spread) ** 2 - math.log(spread) - 0.5 * math.log(2 * math.pi)


def tailed(value: float, scale: float) -> float:
    """Return the log density of Student's t with three degrees of freedom."""
    ratio = value / scale
    return math.log(2 / (math.pi * math.sqrt(3))) - 2 * math.log1p(ratio * ratio / 3) - math.log(scale)


def either(first: float, second: float, share: float = 0.5) -> float:
    """Return the log density of a mixture of two log densities; `share` is the second's weight."""
    return float(np.logaddexp(math.log(1 - share) + first, math.log(share) + second))


@dataclass(frozen=True, slots=True)
class Volume:
    """Log volume around a row: of that day, and its level before the row, from the row on, and after it.

    later: None if too few sessions follow. error: standard error of the difference of levels; spread: from day to day.
    """

    today: float | None
    before: float
    since: float
    later: float | None
    error: float
    spread: float

    def shift(self, expected: float) -> float:
        """Return the density of the change of level if one of `expected` is due."""
        return normal(self.since - self.before, expected, self.error)

    def any_shift(self, mean: float = 0.0, spread: float = 1.5) -> float:
        """Return the density of the change of level if anything may have caused it."""
        return normal(self.since - self.before, mean, math.hypot(spread, self.error))

    def spike(self, expected: float = 0.0) -> float:
        """Return the day's excess over the following or expected level; floored, so that a quiet day says little."""
        usual = self.before + expected if self.later is None else self.later
        return 0.0 if self.today is None else max(self.today - usual, -0.5)

    def usual_day(self, spike: float, mean: float) -> float:
        """Return the density of a spike on a day with an expected spike of `mean`; some days are much busier."""
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
        """Return the scale of the moves around a row, at least 0.3 %; that of nonzero moves, if most are zero."""
        near = np.abs(np.r_[moves[max(1, row - _AROUND) : row], moves[row + 1 : row + 1 + _AROUND]])
        if len(near) < 10:
            return 0.02
        moved = near[near > 0]
        usual = max(float(np.median(near)), 0.67 * float(np.median(moved)) if len(moved) else 0.0)
        return max(usual / _MEDIAN_OF_T3, _STILL)

    def traded(self, row: int) -> Volume | None:
        """Return the volume around a row; None if there was too little trading to tell."""
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
        """Return the log of a day's range over the usual one; None if ranges are zero or too few."""
        near = np.r_[self.range[max(0, row - NEAR) : row], self.range[row + 1 : row + 1 + NEAR]]
        near = near[near > 0]
        if len(near) < 10 or self.range[row] <= 0:
            return None
        return max(math.log(self.range[row] / float(np.median(near))), -0.7)

    def as_trading(self, row: int) -> float:
        """Return the density of a row's gap, body, volume and range as trading: noise or news."""
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
        """Return the density of a row if prices change unit there, on an otherwise ordinary day.

        factor: log of the ratio of new prices to old ones; shares: log of the factor on volume.
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
        """Return the density of a row from another series, on an otherwise ordinary day; its gap is ignored."""
        volume, width = self.traded(row), self.width(row)
        density = tailed(float(self.body[row]), self.intraday(row))
        if volume:
            density += volume.any_shift() + volume.usual_day(volume.spike(), 0.1)
        if width is not None:
            density += _usual_width(width)
        return density

    def as_excursion(self, row: int, end: int) -> float:
        """Return the density of a move away at `row` and back at `end` as trading, with its volume."""
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
        """Return the density of the same rows as bad ticks, ignoring the size of the move."""
        left = float(self.open[end] - self.close[row - 1])
        density = tailed(left, self.scale(self.step, row) * math.sqrt(end - row))
        volume = self.traded(row)
        return density + (volume.usual_day(self._rise(volume, row, end), 0.1) if volume else 0.0)

    def _rise(self, volume: Volume, row: int, end: int) -> float:
        """Return the excess of the busiest of these sessions over the level before them, as heavy trading may last."""
        traded = _known(self.volume[row:end])
        return max(float(traded.max()) - volume.before, -0.5) if len(traded) else 0.0

    def overnight(self, row: int) -> float:
        """Return the scale of the gaps around a row."""
        return max(self.scale(self.gap, row), 0.3 * self.scale(self.step, row))

    def intraday(self, row: int) -> float:
        """Return the scale of the moves from open to close around a row."""
        return max(self.scale(self.body, row), 0.3 * self.scale(self.step, row))

    @property
    def taught(self) -> tuple[float, float]:
        """Slopes of log volume and log range on the log size of a move, by least squares over the history."""
        if self._taught is None:
            moves = np.abs(self.step)
            self._taught = (_slope(moves, self.volume, 0.6), _slope(moves, _logged(self.range), 1.0))
        return self._taught


def _news(gap: float) -> float:
    return _EVENTS - math.log(2 * _EVENT_SIZE) - abs(gap) / _EVENT_SIZE


def _usual_width(width: float) -> float:
    """Return the density of an ordinary day's width; some are wide."""
    return either(normal(width, 0.1, 0.45), normal(width, 0.3, 1.0), 0.1)


def _crowd(gap: float) -> tuple[float, float]:
    """Return mean and spread of the volume spike that accompanies news; it grows with the gap."""
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
