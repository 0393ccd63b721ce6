"""From a vendor's raw table to the bars a model may see: cut at the as-of day, checked, adjusted."""

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from stockops.errors import DataError, UsageError
from stockops.market import calendar, ohlcv
from stockops.ports import BarFeed
from stockops.records import Clock

log = logging.getLogger("stockops.prices")

_END_OF_TIME = date(2200, 1, 1)  # date.max does not fit a nanosecond timestamp


@dataclass(frozen=True, slots=True)
class Prices:
    """Adjusted daily bars of one symbol, oldest first, columns ohlcv.OHLCV, index of session dates.

    behind: sessions after the last row that should be there; 0 where nobody can tell.
    """

    symbol: str
    source: str
    bars: pd.DataFrame
    behind: int = 0

    def before(self, day: date) -> "Prices":
        """Return what there was before that day."""
        return replace(self, bars=self.bars[self.bars.index < pd.Timestamp(day)], behind=0)

    @property
    def first(self) -> date:
        """The first session."""
        return pd.Timestamp(self.bars.index[0]).date()

    @property
    def last(self) -> date:
        """The last session: the origin of a forecast."""
        return pd.Timestamp(self.bars.index[-1]).date()

    @property
    def digest(self) -> str:
        """Equal for equal bars of equal sessions only."""
        rows = pd.util.hash_pandas_object(self.bars).to_numpy().tobytes()
        return hashlib.sha256(rows).hexdigest()[:24]

    @property
    def summary(self) -> dict[str, str | int]:
        """The data span as JSON: source, rows, first, last."""
        first, last = self.first.isoformat(), self.last.isoformat()
        return {"source": self.source, "rows": len(self.bars), "first": first, "last": last}


def daily(symbol: str, *, feed: BarFeed, clock: Clock, max_missing: int) -> Prices:
    """Return the bars from 2004-08-19 to the last completed session not after `clock.as_of`.

    Without an as-of day a file gives all its rows and a vendor everything up to now. A hole of more than
    `max_missing` sessions is a DataError naming it; smaller ones are said in the log.
    """
    last = last_day(symbol, feed, clock)
    raw = feed.bars(symbol, ohlcv.FIRST_DAY, last)
    ohlcv.check(raw, symbol)
    _check_holes(symbol, pd.DatetimeIndex(raw.index), max_missing)
    bars = ohlcv.adjust(raw)
    expected = last if feed.live else clock.as_of
    return Prices(symbol, feed.name, bars, _behind(symbol, pd.Timestamp(bars.index[-1]).date(), expected))


def last_day(symbol: str, feed: BarFeed, clock: Clock) -> date:
    """Return the last session that a call may see, as far as that can be told without asking."""
    if not feed.live:
        return clock.as_of or _END_OF_TIME
    completed = calendar.last_completed(symbol, clock.now)
    if clock.as_of is None:
        return completed
    if clock.as_of > clock.now.date():
        raise UsageError(f"--as-of {clock.as_of} is in the future", f"the last completed session is {completed}")
    return min(clock.as_of, completed)


def _check_holes(symbol: str, index: pd.DatetimeIndex, max_missing: int) -> None:
    holes = calendar.missing_runs(symbol, index)
    for before, after, count in holes:
        if count > max_missing:
            raise DataError(
                f"{symbol}: {count} sessions of {calendar.exchange(symbol)} are missing between {before} and {after}",
                f"complete the history, or accept such holes with STOCKOPS_MAX_MISSING_SESSIONS={count}",
            )
    if holes:
        days = sum(count for _, _, count in holes)
        log.warning("%s: %d session(s) missing, the last after %s", symbol, days, holes[-1][0])


def _behind(symbol: str, last: date, expected: date | None) -> int:
    """Return how many sessions a history ends too early, and say so; say where it ends if nobody can tell."""
    if expected is None:
        log.info("%s: history ends %s", symbol, last)
        return 0
    behind = max(0, len(calendar.sessions(symbol, last, expected)) - 1)
    if behind:
        log.warning("%s: history ends %s, %d session(s) before %s", symbol, last, behind, expected)
    return behind
