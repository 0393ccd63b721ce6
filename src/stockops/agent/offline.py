"""The fallback writer: rules over the same facts. It says so itself, and states nothing but facts."""

from collections.abc import Iterator

from stockops.agent import sentences, topics
from stockops.agent.answer import LlmAnswer
from stockops.agent.facts import Facts
from stockops.agent.sentences import Sentence
from stockops.records import Recommendation

NAME = "offline"
_SELF = Sentence(
    "Written by rules from the facts below; no language model had a part in it, and news is not judged.", "writer"
)


def write(facts: Facts, question: str | None = None) -> LlmAnswer:
    """Return an analysis written from the facts by rules alone."""
    text = "\n\n".join(" ".join(sentence.text for sentence in part) for part in paragraphs(facts, question))
    # Always Low: rules read no news, and overlapping held-out windows prove little.
    return LlmAnswer(report=text, recommendation=stance(facts), confidence="Low")


def paragraphs(facts: Facts, question: str | None = None) -> Iterator[list[Sentence]]:
    """Yield the paragraphs: answer to the question, outlook, notable facts, track record, who wrote it."""
    notable = [sentence for sentence in sentences.standing(facts) if sentence.notable]
    parts = (
        list(topics.answer(facts, question)) if question else [],
        list(sentences.outlook(facts)),
        notable,
        list(sentences.record(facts)),
        [_SELF],
    )
    yield from filter(None, parts)


def stance(facts: Facts) -> Recommendation:
    """Return the stance of the forecast alone: NEUTRAL if its change is small beside its range."""
    if not facts.sees_direction:
        return "NEUTRAL"
    return "BULLISH" if facts.outlook_percent > 0 else "BEARISH"
