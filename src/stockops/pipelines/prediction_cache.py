"""A cache of forecasts: a hit is what a fresh call would answer, and imports no numeric library.

One entry per ticker, in a public format: key `predict_child_{ticker}`, expiry after a day, value the forecast's JSON.
The entry also holds a digest of what decided the forecast, and when a newer session may be out. So a retrained
model, a changed price file, other options, a newer release or the next close is a miss.
"""

import logging
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from stockops import strict_json
from stockops.documents.encoding import as_json
from stockops.documents.forecast import CacheEnvelope, PredictionResult
from stockops.documents.reading import parsed
from stockops.monitoring import catalogue
from stockops.optional_services import OptionalServices
from stockops.ports import StateStore
from stockops.records import Clock, PriceOptions, Source

if TYPE_CHECKING:
    from stockops.documents.stores import CachedForecastRow

log = logging.getLogger("stockops.cache")

PREFIX = "predict_child_"
SECONDS = 86_400
HIT, MISS = (catalogue.count(f"redis_cache_{what}_total", key="predict_child") for what in ("hit", "miss"))


class CacheEntry(NamedTuple):
    """A cached forecast, and what decided it."""

    result: PredictionResult
    envelope: CacheEnvelope

    @property
    def document(self) -> dict[str, Any]:
        """The forecast's document with its envelope, as it is stored and as `cache show` prints it."""
        return {**as_json(self.result), "cache": as_json(self.envelope)}


@dataclass(frozen=True, slots=True)
class PredictionCacheKey:
    """Everything that decides a forecast and its plot, except the time of day.

    model, history, backtest: digests of contents.
    """

    ticker: str
    model: str
    source: Source
    history: str
    backtest: str
    as_of: date | None
    days: int
    max_age: int
    prices: PriceOptions
    release: str

    @property
    def digest(self) -> str:
        """Equal for equal keys only."""
        return strict_json.digest(asdict(self))


@dataclass(frozen=True, slots=True)
class PredictionCache:
    """The cache of `predict-child` in the state store, with the operations of the `cache` commands."""

    state: StateStore
    optional: OptionalServices
    clock: Clock

    def get(self, key: PredictionCacheKey) -> PredictionResult | None:
        """Return the cached result, `cached` true, if its key matches and it is still fresh."""
        raw = self.optional.attempt(self.state, lambda: self.state.get(PREFIX + key.ticker))
        entry = None if raw is None else _decode(raw, key.ticker)
        if entry is None:
            return None
        result, envelope = entry
        if envelope.question != key.digest or _is_over(envelope.fresh_until, self.clock.now):
            return None
        self.optional.attempt(self.state, lambda: self.state.add(HIT))
        if result.degraded:
            log.warning("%s: the forecast that is kept rests on %s", key.ticker, " and ".join(result.degraded))
        return replace(result, cached=True, degraded=tuple(sorted({*result.degraded, *self.optional.degraded})))

    def missed(self) -> None:
        """Count a miss: a forecast that had to be computed."""
        self.optional.attempt(self.state, lambda: self.state.add(MISS))

    def put(self, key: PredictionCacheKey, result: PredictionResult, fresh_until: datetime | None) -> None:
        """Cache a result until `fresh_until`; None means until the entry expires after a day."""
        envelope = CacheEnvelope(
            question=key.digest,
            made_at=self.clock.now.isoformat(timespec="seconds"),
            fresh_until=fresh_until.isoformat() if fresh_until else None,
        )
        value = strict_json.signed(CacheEntry(result, envelope).document)
        self.optional.attempt(self.state, lambda: self.state.put(PREFIX + key.ticker, value, seconds=SECONDS))

    def entries(self) -> "tuple[CachedForecastRow, ...]":
        """Return what is cached, one row per ticker; ServiceError when the store is down."""
        from stockops.documents.stores import CachedForecastRow  # a hit does without its imports

        found = ((key, self.entry(key.removeprefix(PREFIX))) for key in self.state.keys(PREFIX))
        return tuple(
            CachedForecastRow(
                key=key,
                ticker=entry.result.ticker,
                last_date=entry.result.last_date,
                model_version=entry.result.model_version,
                source=entry.result.source,
                made_at=entry.envelope.made_at,
                fresh_until=entry.envelope.fresh_until,
                seconds_left=self.state.seconds_left(key),
            )
            for key, entry in found
            if entry is not None
        )

    def counts(self) -> tuple[int, int]:
        """Return the numbers of hits and misses."""
        totals = self.state.totals()
        hits, misses = (round(sum(totals.get(series, 0) for series in counter)) for counter in (HIT, MISS))
        return hits, misses

    def entry(self, ticker: str) -> CacheEntry | None:
        """Return the cached entry of a ticker, or None."""
        raw = self.state.get(PREFIX + ticker)
        return None if raw is None else _decode(raw, ticker)

    def clear(self, tickers: tuple[str, ...]) -> tuple[str, ...]:
        """Delete the entries of these tickers, or all if none are given; return the tickers deleted."""
        keys = [PREFIX + ticker for ticker in tickers] or self.state.keys(PREFIX)
        return tuple(key.removeprefix(PREFIX) for key in keys if self.state.delete(key))


def _is_over(fresh_until: str | None, now: datetime) -> bool:
    return fresh_until is not None and now >= datetime.fromisoformat(fresh_until)


def _decode(raw: bytes, ticker: str) -> CacheEntry | None:
    """Return an entry, or None with a warning if it is invalid: others may write to the store."""
    try:
        document = strict_json.verified(raw)
        entry = CacheEntry(parsed(document, PredictionResult), parsed(document.get("cache"), CacheEnvelope))
        if entry.result.ticker != ticker or entry.result.cached:
            raise ValueError("not of this ticker")
    except ValueError as exc:
        log.warning("ignoring an invalid entry %s%s (%s)", PREFIX, ticker, type(exc).__name__)
        return None
    return entry
