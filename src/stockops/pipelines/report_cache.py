"""A cache of reports, searched by the meaning of their question.

Similarity decides last. First, everything that a report was made from must be equal: the ticker, the forecast, the
prompt version, the writer, the embedding, and the terms of the question that an embedding cannot tell apart. Reports
expire after a day.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stockops import __version__, strict_json
from stockops.agent import hash_embedding, prompt, questions
from stockops.documents.analysis import Headline
from stockops.documents.encoding import as_json
from stockops.documents.forecast import PredictionResult
from stockops.documents.reading import parsed
from stockops.documents.stores import CachedReportRow
from stockops.optional_services import OptionalServices
from stockops.ports import Embedder, ReportStore
from stockops.records import Clock, Confidence, Recommendation

log = logging.getLogger("stockops.cache")

SECONDS = 86_400
_MADE_FROM = ("predictions", "history", "data", "trained_to", "model_age_sessions", "model_source", "ranges_from")
THRESHOLD = 0.95  # cosine; at or below it, a report answers another question


@dataclass(frozen=True, slots=True)
class AnalysisReport:
    """A rendered report, and what `analyze` prints beside it.

    prose: the writer's own part, for later turns of a conversation.
    """

    report: str
    recommendation: Recommendation
    confidence: Confidence
    provider: str
    model: str
    news: tuple[Headline, ...]
    prose: str


@dataclass(frozen=True, slots=True)
class ReportCacheKey:
    """A question, its vector, and everything that a report answering it must have been made from."""

    vector: tuple[float, ...]
    question: str
    made_from: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReportCache:
    """The semantic cache of `analyze`. writer: the provider and model that would write now."""

    store: ReportStore
    embedders: Sequence[Embedder]
    writer: str
    optional: OptionalServices
    clock: Clock

    def key(self, forecast: PredictionResult, question: str | None, inputs: Sequence[object] = ()) -> ReportCacheKey:
        """Return the cache key of a question about a forecast.

        inputs: what else a report is made from.
        """
        asked = prompt.asked(forecast.ticker, question)
        embedding, vector = self._embed(f"{forecast.ticker}: {asked}")
        made_from = {
            "ticker": forecast.ticker,
            "session": forecast.last_date,
            "model_version": forecast.model_version,
            "forecast": strict_json.digest(*(as_json(getattr(forecast, name)) for name in _MADE_FROM)),
            "beside": strict_json.digest(*map(as_json, inputs)),
            "prompt": prompt.VERSION,
            "release": __version__,
            "writer": self.writer,
            "embedding": embedding,
            "telling": questions.discriminating_terms(question),
        }
        return ReportCacheKey(vector, asked, made_from)

    def get(self, key: ReportCacheKey) -> AnalysisReport | None:
        """Return the cached report most similar to the question, if it is similar enough and has not expired."""
        since = self.clock.now.timestamp() - SECONDS
        match = self.optional.attempt(self.store, lambda: self.store.nearest(key.vector, key.made_from, since=since))
        if match is None or match.score <= THRESHOLD:
            return None
        try:
            return _report(match.payload)
        except ValueError:
            log.warning("ignoring an invalid cached report of %s", key.made_from["ticker"])
            return None

    def put(self, key: ReportCacheKey, report: AnalysisReport) -> None:
        """Cache a complete report; expired ones are deleted."""
        now = self.clock.now.timestamp()
        made = {**key.made_from, "timestamp": now, "question": key.question, "report": as_json(report)}
        payload = {**made, strict_json.DIGEST: strict_json.digest(made)}
        name = strict_json.digest(key.made_from, key.question.casefold())
        self.optional.attempt(
            self.store, lambda: self.store.put(name, key.vector, payload, expire_before=now - SECONDS)
        )

    def _embed(self, text: str) -> tuple[str, tuple[float, ...]]:
        """Return the name and vector of the first embedder that works, falling back to the hash embedding."""
        for embedder in self.embedders:
            vector = self.optional.attempt(embedder, lambda embedder=embedder: embedder.embed(text))  # type: ignore[misc]
            if vector is not None:
                return embedder.name, vector
        return hash_embedding.NAME, hash_embedding.embed(text)


@dataclass(frozen=True, slots=True)
class ReportCacheAdmin:
    """Lists and clears cached reports, for the `cache` commands; ServiceError when the store is down."""

    store: ReportStore
    clock: Clock

    def entries(self, tickers: Sequence[str] = ()) -> tuple[CachedReportRow, ...]:
        """Return the unexpired entries, newest first for each ticker, without the texts."""
        rows = []
        for payload in self._payloads(tickers):
            report = payload.get("report")
            if isinstance(report, Mapping):
                about = {name: payload.get(name) for name in ("ticker", "question", "session", "model_version")}
                about |= {name: report.get(name) for name in ("provider", "model", "recommendation", "confidence")}
                rows.append(CachedReportRow(**about, seconds_left=round(_moment(payload) + SECONDS - self._now)))
        return tuple(rows)

    def clear(self, tickers: Sequence[str]) -> tuple[str, ...]:
        """Delete the reports of these tickers, or all if none are given; return the tickers affected."""
        known = {str(payload.get("ticker")) for payload in self._payloads(tickers)}
        for ticker in sorted(known):
            self.store.delete({"ticker": ticker})
        return tuple(sorted(known))

    @property
    def _now(self) -> float:
        return self.clock.now.timestamp()

    def _payloads(self, tickers: Sequence[str]) -> list[Mapping[str, Any]]:
        matches: list[dict[str, str]] = [{"ticker": ticker} for ticker in tickers] or [{}]
        found = [payload for match in matches for payload in self.store.entries(match)]
        return [payload for payload in found if 0 <= self._now - _moment(payload) < SECONDS]


def _moment(payload: Mapping[str, Any]) -> float:
    """Return when an entry was cached, seconds since 1970; 0 if invalid: others may write to the store."""
    return strict_json.number(payload.get("timestamp")) or 0.0


def _report(payload: Mapping[str, Any]) -> AnalysisReport:
    """Return the report of an entry; ValueError if it was altered or is not in our format."""
    made = {name: value for name, value in payload.items() if name != strict_json.DIGEST}
    if payload.get(strict_json.DIGEST) != strict_json.digest(made):
        raise ValueError("its content does not match its digest")
    return parsed(made.get("report"), AnalysisReport)
