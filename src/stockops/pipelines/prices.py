"""From a vendor's raw table to the bars a model may see: cut at the as-of day, validated, adjusted."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from stockops.documents.prices import DataSpan, PriceData, Repair
from stockops.errors import DataError, StockopsError, UsageError
from stockops.forecasting.covariates import LATE, Market
from stockops.market import adjustment, calendar, exchanges, ohlcv, plausibility, repairs
from stockops.market.calendar import TradingCalendar
from stockops.market.calendar_sessions import EVERY_DAY
from stockops.market.ohlcv import RawBars
from stockops.market.suspicion import Suspicion
from stockops.optional_services import OptionalServices
from stockops.ports import BarFeed
from stockops.records import MARKET, Clock, PriceOptions

log = logging.getLogger("stockops.prices")

# names in `degraded`
STALE, SUSPICIOUS, NO_MARKET, LEFT_OUT = "stale prices", "suspicious prices", "market history", "universe"
_END_OF_TIME = date(2200, 1, 1)  # date.max does not fit a nanosecond timestamp
_REMEMBERED = 2  # a ticker and the market; a list of tickers is not cached
_A_DAY = timedelta(days=1)  # time zones differ by up to a day


@dataclass(frozen=True, slots=True)
class Prices:
    """Adjusted daily bars of one symbol, oldest first, columns ohlcv.OHLCV, index of session dates.

    currency: None if unknown. behind: sessions missing after the last row; 0 if unknown. untraded: sessions at the end
    without a trade. repairs: corrections made. doubts: quality problems, as named in `degraded`.
    """

    symbol: str
    source: str
    bars: pd.DataFrame
    calendar: TradingCalendar
    currency: str | None = None
    behind: int = 0
    untraded: int = 0
    repairs: tuple[Repair, ...] = ()
    doubts: tuple[str, ...] = ()

    def before(self, day: date) -> "Prices":
        """Return the prices before that day."""
        bars = self.bars[self.bars.index < pd.Timestamp(day)]
        return replace(self, bars=bars, behind=0, untraded=ohlcv.untraded(bars))

    @property
    def first(self) -> date:
        """The first session."""
        return pd.Timestamp(self.bars.index[0]).date()

    @property
    def last(self) -> date:
        """The last session: the origin of a forecast."""
        return pd.Timestamp(self.bars.index[-1]).date()

    @property
    def traded(self) -> pd.DataFrame:
        """The bars up to the last trade: those that show how far a price may move."""
        return self.bars.iloc[: len(self.bars) - self.untraded]

    @property
    def as_market(self) -> Market:
        """The same prices as the market beside a ticker."""
        return Market(self.bars, self.calendar)

    @property
    def digest(self) -> str:
        """Equal only for equal bars of equal sessions."""
        rows = pd.util.hash_pandas_object(self.bars).to_numpy().tobytes()
        return hashlib.sha256(rows).hexdigest()[:24]

    @property
    def span(self) -> DataSpan:
        """The data span as a model's card stores it."""
        return DataSpan(
            source=self.source,
            rows=len(self.bars),
            first=self.first.isoformat(),
            last=self.last.isoformat(),
            repairs=self.repairs or None,
        )

    @property
    def data(self) -> PriceData:
        """The price data as a result states it."""
        return PriceData(
            source=self.source,
            rows=len(self.bars),
            first=self.first.isoformat(),
            last=self.last.isoformat(),
            behind=self.behind,
            untraded=self.untraded,
            currency=self.currency,
            calendar=self.calendar.name,
            repairs=self.repairs,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHistory:
    """The only access to prices: of one source, as of one day, under one policy.

    calendar_of: the calendar of a symbol, or its override. read: the latest prices, cached because a call may need them
    more than once and should log their warnings once. no_market: why there is no market; a list of tickers does not ask
    again.
    """

    feed: BarFeed
    calendar_of: Callable[[str], TradingCalendar]
    clock: Clock
    options: PriceOptions
    optional: OptionalServices
    read: dict[str, Prices] = field(default_factory=dict, init=False, repr=False, compare=False)
    no_market: list[StockopsError] = field(default_factory=list, init=False, repr=False, compare=False)

    def until(self, day: date | None) -> "PriceHistory":
        """Return the same history, without sessions after that day if one is given."""
        return self if day is None else replace(self, clock=self.clock.until(day))

    def daily(self, symbol: str) -> Prices:
        """Return the bars from 2004-08-19 to the last completed session not after `clock.as_of`.

        Without an as-of day a file gives all its rows and a vendor everything up to now. DataError names the first row
        that is invalid or implausible, a gap that is too long, or days that contradict the calendar. What is tolerated
        is logged, and named in `degraded` if it lowers the quality of a result.
        """
        found = self._read_once(symbol)
        self.optional.doubt(*found.doubts)
        return found

    def market(self, prices: Prices) -> Market | None:
        """Return the market beside a ticker's prices, or None with a warning if its prices are unavailable.

        That lowers the quality of a forecast but does not prevent it.
        """
        try:
            found = prices if prices.symbol == MARKET else self._market()
        except StockopsError as exc:
            log.warning(
                "%s: a forecast without the history of %s, which tells of the market: %s", prices.symbol, MARKET, exc
            )
            self.optional.doubt(NO_MARKET)
            return None
        if pd.Timestamp(prices.last) - pd.Timestamp(found.last) > LATE:
            log.warning(
                "%s: the history of %s ends on %s: too early to tell of the market", prices.symbol, MARKET, found.last
            )
            self.optional.doubt(NO_MARKET)
        return found.as_market

    def _market(self) -> Prices:
        """Return the market's prices, or raise the error of the first failed attempt again."""
        if self.no_market:
            raise self.no_market[0]
        try:
            return self._read_once(MARKET)
        except StockopsError as exc:
            self.no_market.append(exc)
            raise

    def auxiliary(self, symbol: str) -> Prices:
        """Return the bars of a symbol that a result is not about: problems are logged, not named in `degraded`."""
        return self._read_once(symbol)

    def universe(self, symbols: Iterable[str]) -> Iterator[Prices]:
        """Yield the bars of symbols that a parent learns from; unavailable ones are left out with a warning."""
        for symbol in symbols:
            try:
                prices = self.auxiliary(symbol)
            except StockopsError as exc:
                self.leave_out(symbol, exc)
                continue
            yield prices

    def leave_out(self, symbol: str, why: StockopsError) -> None:
        """Warn that a parent learns without this symbol, and note it in `degraded`."""
        log.warning("%s is left out of what the parent learns from: %s", symbol, why)
        self.optional.doubt(LEFT_OUT)

    def _read_once(self, symbol: str) -> Prices:
        """Return the prices of a symbol, from the cache of the latest ones if there."""
        found = self.read.pop(symbol, None) or self._daily(symbol)
        self.read[symbol] = found  # at the end: the least recently used is evicted first
        if len(self.read) > _REMEMBERED:
            self.read.pop(next(iter(self.read)))
        return found

    def _daily(self, symbol: str) -> Prices:
        known, last = self.calendar_of(symbol), self.last_day(symbol)
        raw = self.feed.bars(symbol, ohlcv.FIRST_DAY, last)
        ohlcv.check(raw.table, symbol)
        table, fillers = _without_fillers(raw.table, known)
        self._check_future(symbol, table)
        held = _calendar_for(symbol, pd.DatetimeIndex(table.index), known)
        _check_holes(symbol, pd.DatetimeIndex(table.index), held, self.options.max_missing)
        adjusted = adjustment.adjust(table)
        _log_notes(symbol, [*raw.notes, *fillers, *adjusted.notes])
        bars, done, suspicious = self._apply_policy(symbol, table, adjusted.bars)
        end = pd.Timestamp(bars.index[-1]).date()
        behind = _behind(symbol, end, held, last if self.feed.live else self.clock.as_of)
        untraded = _untraded(symbol, bars)
        stale = behind > 1 or untraded > 1
        return Prices(
            symbol=symbol,
            source=self.feed.name,
            bars=bars,
            calendar=held,
            currency=self._currency(symbol, raw),
            behind=behind,
            untraded=untraded,
            repairs=done,
            doubts=(*([STALE] if stale else []), *([SUSPICIOUS] if suspicious else [])),
        )

    def last_day(self, symbol: str) -> date:
        """Return the last session that a call may see, as far as known without asking the feed."""
        clock = self.clock
        if not self.feed.live:
            return clock.as_of or _END_OF_TIME
        completed = self.calendar_of(symbol).last_completed(clock.now)
        if clock.as_of is None:
            return completed
        if clock.as_of > clock.now.date():
            raise UsageError(f"--as-of {clock.as_of} is in the future", f"the last completed session is {completed}")
        return min(clock.as_of, completed)

    def check_current(self, prices: Prices) -> None:
        """Raise DataError if a live history ended too long ago to forecast from, unless the call looks back."""
        if self.feed.live and self.clock.as_of is None and prices.behind > self.options.max_behind:
            raise DataError(
                f"{prices.symbol}: history ends on {prices.last}, {prices.behind} sessions ago: delisted or renamed?",
                f"look back with --as-of {prices.last}, or allow it with --max-behind {prices.behind}",
            )

    def _check_future(self, symbol: str, table: pd.DataFrame) -> None:
        last = pd.Timestamp(table.index[-1]).date()
        if last > self.clock.now.date() + _A_DAY:
            raise DataError(f"{symbol}: row {len(table)} ({last}) lies in the future", "correct the date of that row")

    def _apply_policy(
        self, symbol: str, table: pd.DataFrame, bars: pd.DataFrame
    ) -> tuple[pd.DataFrame, tuple[Repair, ...], bool]:
        """Return the bars that the policy accepts, the repairs, and whether implausible bars were trusted."""
        splits, policy = exchanges.can_be_split(symbol), self.options.policy
        found = plausibility.find(bars, splits=splits)
        done: tuple[Repair, ...] = ()
        if policy == "repair":
            bars, done, found = repairs.repair(bars, found, splits=splits)
            for repair in done:
                log.warning("%s: repaired %s: %s", symbol, repair.date, repair.what)
        if found and policy != "trust":
            raise _implausible(symbol, table.loc[bars.index], bars, found, repairable=policy == "strict")
        if found:
            first, day = found[0], f"{pd.Timestamp(bars.index[found[0].row]):%Y-%m-%d}"
            log.warning("%s: trusting %d suspicious bar(s), the first of %s: %s", symbol, len(found), day, first.guess)
        return bars, done, bool(found)

    def _currency(self, symbol: str, raw: RawBars) -> str | None:
        """Return the currency of the prices: as configured, else implied by the symbol, else stated by the source."""
        return self.options.currencies.of(symbol) or exchanges.of(symbol).unit or raw.currency


def _behind(symbol: str, last: date, held: TradingCalendar, expected: date | None) -> int:
    """Return and log how many sessions a history ends too early; if unknown, log where it ends and return 0."""
    if expected is None:
        log.info("%s: history ends %s", symbol, last)
        return 0
    behind = held.sessions_after(last, expected)
    if behind:
        log.warning("%s: history ends %s, %d session(s) before %s", symbol, last, behind, expected)
    return behind


def _untraded(symbol: str, bars: pd.DataFrame) -> int:
    """Return the number of sessions at the end without a trade; log it if more than one."""
    count = ohlcv.untraded(bars)
    if count > 1:
        traded = pd.Timestamp(bars.index[-1 - count]).date()
        log.warning("%s: no trade in the last %d sessions, since %s", symbol, count, traded)
    return count


def _log_notes(symbol: str, notes: Sequence[str]) -> None:
    for note in notes:
        log.warning("%s: %s", symbol, note)


def _without_fillers(table: pd.DataFrame, known: TradingCalendar) -> tuple[pd.DataFrame, list[str]]:
    """Drop rows that vendors invent for holidays: no volume, one price all day, no session; return notes on them."""
    still = ((table["Volume"] == 0) & (table["High"] == table["Low"])).to_numpy()
    if known.is_guess or not still.any():
        return table, []
    made_up = still & known.closed(pd.DatetimeIndex(table.index))
    if not made_up.any():
        return table, []
    return table[~made_up], [f"{int(made_up.sum())} rows without trading on holidays left out"]


def _calendar_for(symbol: str, index: pd.DatetimeIndex, known: TradingCalendar) -> TradingCalendar:
    """Return the calendar of a history, derived from its days if none is known; DataError if they contradict it."""
    if known.is_guess:
        log.info("%s: sessions are read off its bars: their weekdays, and the holidays seen so far", symbol)
        return calendar.from_data(index)
    wrong = calendar.contradiction(known, index)
    if wrong:
        own = "24/7" if calendar.from_data(index).week == EVERY_DAY else "from-data"
        raise DataError(f"{symbol}: {wrong}", f"if these are its days, say so: --calendar {own}")
    astray = known.closed(index)
    if astray.any():
        days = f"{int(astray.sum())} bar(s) on days when {known.name} is closed, the last of"
        log.warning("%s: %s %s", symbol, days, f"{index[np.flatnonzero(astray)[-1]]:%Y-%m-%d}")
    return known


def _check_holes(symbol: str, index: pd.DatetimeIndex, held: TradingCalendar, max_missing: int) -> None:
    holes = held.missing_runs(index)
    for before, after, count in holes:
        if count > max_missing:
            raise DataError(
                f"{symbol}: {count} sessions of {held.name} are missing between {before} and {after}",
                f"complete the history, or accept such holes with STOCKOPS_MAX_MISSING_SESSIONS={count}",
            )
    if holes:
        days = sum(count for _, _, count in holes)
        log.warning("%s: %d session(s) missing, the last after %s", symbol, days, holes[-1][0])


def _implausible(
    symbol: str, raw: pd.DataFrame, bars: pd.DataFrame, found: Sequence[Suspicion], *, repairable: bool
) -> DataError:
    """Return the error naming the first suspicious row, the two closes, the likely cause and the fix."""
    first = found[0]
    shown = raw if _moves(raw, first.row) >= 0.5 * _moves(bars, first.row) else bars
    (before, then), (sold, bought) = (shown[name].iloc[[first.row - 1, first.row]] for name in ("Close", "Volume"))
    volume = f", volume {bought / sold:.2g} times that" if sold > 0 else ""
    day, eve = (f"{pd.Timestamp(bars.index[row]):%Y-%m-%d}" for row in (first.row, first.row - 1))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    cure = "let --prices repair adjust what is certain" if repairable and first.certain else "correct the rows"
    return DataError(
        f"{symbol}: row {first.row + 1} ({day}) is hard to believe: close {exchanges.written(then)} after "
        f"{exchanges.written(before)} on {eve} ({then / before - 1:+.1%}{volume}) looks like {first.guess}{more}",
        f"{cure}, or take them as they are with --prices trust",
    )


def _moves(bars: pd.DataFrame, row: int) -> float:
    """Return the absolute log return of the close at a row."""
    close = bars["Close"].to_numpy()
    return abs(float(np.log(close[row] / close[row - 1])))
