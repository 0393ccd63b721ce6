"""The ages of stored models, so that `doctor` reports stale ones before a forecast does."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from stockops import strict_json
from stockops.errors import DataError, StockopsError
from stockops.market import ohlcv
from stockops.pipelines.prices import PriceHistory
from stockops.ports import ModelStore
from stockops.records import ModelRef

_NAMED = 5  # tickers named in a message


@dataclass(frozen=True, slots=True)
class ModelAges:
    """Checks the cards of stored models. seconds: time limit, after which the rest are skipped."""

    models: ModelStore
    history: PriceHistory
    max_age: int
    seconds: float

    def check(self) -> str:
        """Return the greatest age; DataError naming the models that are stale or trained on prices of another source.

        A model whose prices are unavailable has no age.
        """
        until = time.monotonic() + self.seconds
        ages: dict[ModelRef, int] = {}
        strange: list[ModelRef] = []
        looked_at = 0
        refs = self.models.refs()
        for ref, source, last in self._cards(refs):
            if time.monotonic() > until:
                break
            looked_at += 1
            if source != self.history.feed.name:
                strange.append(ref)
            elif (unseen := self._unseen(ref, last)) is not None:
                ages[ref] = unseen
        stale = [ref for ref, unseen in ages.items() if unseen > self.max_age]
        if stale or strange:
            raise DataError(self._complaint(stale, strange, ages), _cure([*stale, *strange]))
        rest = f"; {len(refs) - looked_at} not looked at" if looked_at < len(refs) else ""
        return f"at most {max(ages.values(), default=0)} sessions old{rest}" if ages else f"none to look at{rest}"

    def _cards(self, refs: list[ModelRef]) -> Iterator[tuple[ModelRef, str, date]]:
        """Yield each model's source and last training session; missing or invalid cards are another check's job."""
        for ref in refs:
            try:
                data = strict_json.read(self.models.read(ref, f"{ref.kind}_model.json") or b"")["data"]
                yield ref, str(data["source"]), date.fromisoformat(data["last"])
            except (ValueError, KeyError, TypeError):
                continue

    def _unseen(self, ref: ModelRef, last: date) -> int | None:
        """Return the number of sessions since then, or None if the prices are unavailable."""
        try:
            end = self.history.last_day(ref.ticker)
            if self.history.feed.live:
                return self.history.calendar_of(ref.ticker).sessions_after(last, end)
            days = self.history.feed.bars(ref.ticker, ohlcv.FIRST_DAY, end).table.index
        except StockopsError:
            return None
        return int((days > pd.Timestamp(last)).sum())

    def _complaint(self, stale: list[ModelRef], strange: list[ModelRef], ages: dict[ModelRef, int]) -> str:
        old = [f"{ref.ticker} ({ages[ref]} sessions)" for ref in sorted(stale, key=lambda ref: -ages[ref])]
        parts = [f"stale: {_some(old)}"] if old else []
        if strange:
            parts.append(f"not trained on {self.history.feed.name} prices: {_some([ref.ticker for ref in strange])}")
        return "; ".join(parts)


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _cure(refs: list[ModelRef]) -> str:
    parent = [ref.command for ref in refs if ref.kind == "parent"]
    children = [f"--ticker {ref.ticker}" for ref in refs if ref.kind == "child"]
    named = " ".join(children) if len(children) <= _NAMED else "--tickers-file FILE"
    return "train anew: " + " && ".join([*parent, *([f"stockops train-child {named}"] if children else [])])
