"""Forecasts that were made before: a hit is what a fresh call would answer, and imports no library of numbers.

One entry a ticker, as the outside world knows it: key `predict_child_{ticker}`, a day to live, the value the
forecast's JSON. Beside the document it holds what decided it, as a digest, and when a newer session may be
out. So a retrained model, a changed file of prices, other options, a newer release or the next close is a miss.
"""

import logging
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from stockops import strict_json
from stockops.best_effort import BestEffort
from stockops.monitoring import catalogue
from stockops.pipelines import shapes
from stockops.ports import StateStore
from stockops.records import Clock, PriceOptions, Source

log = logging.getLogger("stockops.cache")

PREFIX = "predict_child_"
SECONDS = 86_400
HIT, MISS = (catalogue.count(f"redis_cache_{what}_total", key="predict_child") for what in ("hit", "miss"))
_ENVELOPE = "cache"  # the field of an entry that is not the document's


@dataclass(frozen=True, slots=True)
class PredictionCacheKey:
    """All that decides a forecast and its picture, the time of day apart.

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
        """Equal for equal questions only."""
        return strict_json.digest(asdict(self))


@dataclass(frozen=True, slots=True)
class PredictionCache:
    """The cache of `predict-child` in the state store, and its commands."""

    state: StateStore
    effort: BestEffort
    clock: Clock

    def answer(self, question: PredictionCacheKey) -> dict[str, Any] | None:
        """Return the kept document, `cached` true, if it answers this very question now."""
        raw = self.effort.attempt(self.state, lambda: self.state.get(PREFIX + question.ticker))
        entry = None if raw is None else _decode(raw, question.ticker)
        if entry is None:
            return None
        envelope = entry.pop(_ENVELOPE)
        if envelope["question"] != question.digest or _is_over(envelope["fresh_until"], self.clock.now):
            return None
        self.effort.attempt(self.state, lambda: self.state.add(HIT))
        if entry["degraded"]:
            log.warning("%s: the forecast that is kept rests on %s", question.ticker, " and ".join(entry["degraded"]))
        return {**entry, "cached": True, "degraded": sorted({*entry["degraded"], *self.effort.degraded})}

    def missed(self) -> None:
        """Count a forecast that had to be made."""
        self.effort.attempt(self.state, lambda: self.state.add(MISS))

    def keep(self, question: PredictionCacheKey, document: dict[str, Any], fresh_until: datetime | None) -> None:
        """Keep a document for as long as it answers the question; None is until the entry's day is over."""
        envelope = {
            "question": question.digest,
            "made_at": self.clock.now.isoformat(timespec="seconds"),
            "fresh_until": fresh_until.isoformat() if fresh_until else None,
        }
        value = strict_json.signed({**document, _ENVELOPE: envelope})
        key = PREFIX + question.ticker
        self.effort.attempt(self.state, lambda: self.state.put(key, value, seconds=SECONDS))

    def entries(self) -> list[dict[str, Any]]:
        """Return what is kept, one row a ticker, ServiceError when the store does not serve."""
        rows = []
        for key in self.state.keys(PREFIX):
            raw, left = self.state.get(key), self.state.seconds_left(key)
            entry = None if raw is None else _decode(raw, key.removeprefix(PREFIX))
            if entry is not None:
                envelope = entry[_ENVELOPE]
                row = {name: entry.get(name) for name in ("ticker", "last_date", "model_version", "source")}
                row |= {name: envelope.get(name) for name in ("made_at", "fresh_until")}
                rows.append({"key": key, **row, "seconds_left": left})
        return rows

    def counts(self) -> dict[str, int]:
        """Return how many forecasts were answered from the cache and how many were made."""
        totals = self.state.totals()
        hits, misses = (round(sum(totals.get(series, 0) for series in counter)) for counter in (HIT, MISS))
        return {"hits": hits, "misses": misses}

    def entry(self, ticker: str) -> dict[str, Any] | None:
        """Return one entry as it is kept."""
        raw = self.state.get(PREFIX + ticker)
        return None if raw is None else _decode(raw, ticker)

    def clear(self, tickers: tuple[str, ...]) -> list[str]:
        """Forget the entries of these tickers, of all when there are none; return whose."""
        keys = [PREFIX + ticker for ticker in tickers] or self.state.keys(PREFIX)
        return [key.removeprefix(PREFIX) for key in keys if self.state.drop(key)]


def _is_over(fresh_until: str | None, now: datetime) -> bool:
    return fresh_until is not None and now >= datetime.fromisoformat(fresh_until)


def _decode(raw: bytes, ticker: str) -> dict[str, Any] | None:
    """Return an entry; None, said in the log, for anything that is none: the store is open to others."""
    try:
        entry: dict[str, Any] = shapes.checked(strict_json.verified(raw), shapes.KeptForecast)
        if entry["ticker"] != ticker:
            raise ValueError("not of this ticker")
    except ValueError as exc:
        log.warning("ignoring an invalid entry %s%s (%s)", PREFIX, ticker, type(exc).__name__)
        return None
    return entry
