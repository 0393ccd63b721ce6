"""Evaluates a report: three checks of its wording, two of its content against the facts."""

import re
from dataclasses import dataclass

from stockops.agent import claims, offline
from stockops.agent.claims import Grounding
from stockops.agent.facts import Facts
from stockops.documents.monitoring import Checks, GroundingShare
from stockops.records import Recommendation

_TRUSTWORTHY = 0.6  # a report is trustworthy above this share of passed checks
_SOURCES = ("sources?", "according to", "news", "reports?", "reported", "data")
_STANCES = ("bullish", "bearish", "neutral", "buy", "sell", "hold")
_WORDLIKE = 3  # symbols up to this length may be words in lower case: all, it, now


@dataclass(frozen=True, slots=True)
class ReportEvaluation:
    """The evaluation of a report.

    grounding, stance_agrees: not part of the score; None if no facts were available.
    """

    relevance: bool
    trustworthiness: bool
    has_recommendation: bool
    grounding: Grounding | None = None
    stance_agrees: bool | None = None

    @property
    def overall_score(self) -> float:
        """Share of the three checks that passed, 0 to 1."""
        return (self.relevance + self.trustworthiness + self.has_recommendation) / 3

    @property
    def status(self) -> str:
        """`Trustworthy` above 0.6, else `Questionable`."""
        return "Trustworthy" if self.overall_score > _TRUSTWORTHY else "Questionable"

    @property
    def checks(self) -> Checks:
        """The three checks, as `monitor-*` prints them."""
        return Checks(
            relevance=self.relevance,
            trustworthiness=self.trustworthiness,
            has_recommendation=self.has_recommendation,
        )

    @property
    def grounding_share(self) -> GroundingShare | None:
        """The grounding, as `monitor-*` prints it."""
        found = self.grounding
        if found is None:
            return None
        return GroundingShare(share=found.share, claims=found.claims, unmatched=found.unmatched)


def evaluate(
    report: str, ticker: str, facts: Facts | None = None, recommendation: Recommendation | None = None
) -> ReportEvaluation:
    """Evaluate a report; given facts, also check its claims and its stance against them."""
    return ReportEvaluation(
        relevance=_mentions(report, ticker),
        trustworthiness=_says(report, _SOURCES) and any(letter.isdigit() for letter in report),
        has_recommendation=_says(report, _STANCES),
        grounding=None if facts is None else claims.check(report, facts.known),
        stance_agrees=None if facts is None or recommendation is None else agrees(recommendation, facts),
    )


def agrees(recommendation: Recommendation, facts: Facts) -> bool:
    """Return whether a stance matches the forecast: its direction, or NEUTRAL if it has no clear one."""
    if recommendation == "NEUTRAL":
        return offline.stance(facts) == "NEUTRAL"
    return facts.outlook_percent > 0 if recommendation == "BULLISH" else facts.outlook_percent < 0


def _mentions(report: str, ticker: str) -> bool:
    """Return whether the symbol appears as a word; a short one, which may be a common word, only in capitals."""
    flags = re.NOFLAG if len(ticker) <= _WORDLIKE else re.IGNORECASE
    return re.search(rf"(?<![\w^.-]){re.escape(ticker)}(?![\w^]|[.-]\w)", report, flags) is not None


def _says(report: str, words: tuple[str, ...]) -> bool:
    return re.search(rf"\b(?:{'|'.join(words)})\b", report, re.IGNORECASE) is not None
