"""The writer of last resort: rules over the same facts. It says what it is, and claims only what it knows."""

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
    """Return the analysis that the facts alone allow."""
    text = "\n\n".join(" ".join(sentence.text for sentence in part) for part in paragraphs(facts, question))
    # Never more than Low: a rule has read no news, and held-out windows that overlap prove little.
    return LlmAnswer(report=text, recommendation=stance(facts), confidence="Low")


def paragraphs(facts: Facts, question: str | None = None) -> Iterator[list[Sentence]]:
    """Yield what is written: the answer to a question, the outlook, what stands out, the track record, who wrote."""
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
    """Return what the forecast alone says: NEUTRAL where its change is small beside what is usual."""
    if not facts.sees_direction:
        return "NEUTRAL"
    return "BULLISH" if facts.outlook_percent > 0 else "BEARISH"
