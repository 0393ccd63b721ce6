"""Reports that were written before, found by the meaning of their question.

Nearness decides last. What a report was made from decides first, by equality: the ticker, the very forecast, the
words of the prompt, who writes, which embedding, and what an embedding cannot tell of a question. A report older
than a day is gone.
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
THRESHOLD = 0.95  # cosine; a report further away answers another question


@dataclass(frozen=True, slots=True)
class AnalysisReport:
    """What a writer made of the facts, rendered, and what `analyze` says beside it.

    prose: the writer's own part, for a conversation that goes on.
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
    """A question, as its vector, and all that a report that answers it must have been made from."""

    vector: tuple[float, ...]
    question: str
    made_from: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReportCache:
    """The semantic cache of `analyze`. writer: who would write now, provider and model."""

    store: ReportStore
    embedders: Sequence[Embedder]
    writer: str
    optional: OptionalServices
    clock: Clock

    def key(self, forecast: PredictionResult, question: str | None, inputs: Sequence[object] = ()) -> ReportCacheKey:
        """Return what is to be looked for to answer a question about a forecast.

        beside: what else a report is made from.
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
        """Return the kept report nearest to the question, if it is near enough and not a day old."""
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
        """Cache a report that nothing made poorer."""
        now = self.clock.now.timestamp()
        made = {**key.made_from, "timestamp": now, "question": key.question, "report": as_json(report)}
        payload = {**made, strict_json.DIGEST: strict_json.digest(made)}
        name = strict_json.digest(key.made_from, key.question.casefold())
        self.optional.attempt(
            self.store, lambda: self.store.put(name, key.vector, payload, expire_before=now - SECONDS)
        )

    def _embed(self, text: str) -> tuple[str, tuple[float, ...]]:
        """Return the first embedder's vector that can be had, and its name; the lexical one always can."""
        for embedder in self.embedders:
            vector = self.optional.attempt(embedder, lambda embedder=embedder: embedder.embed(text))  # type: ignore[misc]
            if vector is not None:
                return embedder.name, vector
        return hash_embedding.NAME, hash_embedding.embed(text)


@dataclass(frozen=True, slots=True)
class ReportCacheAdmin:
    """The kept reports, for the commands that look after them; ServiceError when the store does not serve."""

    store: ReportStore
    clock: Clock

    def entries(self, tickers: Sequence[str] = ()) -> tuple[CachedReportRow, ...]:
        """Return what is cached and has not expired, newest first, without the texts."""
        rows = []
        for payload in self._payloads(tickers):
            report = payload.get("report")
            if isinstance(report, Mapping):
                about = {name: payload.get(name) for name in ("ticker", "question", "session", "model_version")}
                about |= {name: report.get(name) for name in ("provider", "model", "recommendation", "confidence")}
                rows.append(CachedReportRow(**about, seconds_left=round(_moment(payload) + SECONDS - self._now)))
        return tuple(rows)

    def clear(self, tickers: Sequence[str]) -> tuple[str, ...]:
        """Delete the reports of these tickers, of all when there are none; return whose."""
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
    """Return when an entry was kept, seconds since 1970; 0 for what is no moment: the store is open to others."""
    return strict_json.number(payload.get("timestamp")) or 0.0


def _report(payload: Mapping[str, Any]) -> AnalysisReport:
    """Return the report of an entry; ValueError for one that is not as it was kept, or was not kept by us."""
    made = {name: value for name, value in payload.items() if name != strict_json.DIGEST}
    if payload.get(strict_json.DIGEST) != strict_json.digest(made):
        raise ValueError("its content does not match its digest")
    return parsed(made.get("report"), AnalysisReport)
