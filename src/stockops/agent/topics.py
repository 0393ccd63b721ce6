"""Recognises a question's topics by keywords, and answers them by rules."""

import re
from collections.abc import Callable, Iterator

from stockops.agent import sentences
from stockops.agent.facts import Facts
from stockops.agent.sentences import Sentence

_Answer = Callable[[Facts], Iterator[Sentence]]

_TOPICS: dict[str, tuple[str, _Answer]] = {
    "ranges": (
        r"range|target|how (?:high|low|far)|reach|end up|upside|downside|forecast|predict|expect", sentences.ranges
    ),
    "risk": (r"risk|volatil|drawdown|los[es]|worst|crash|fall|drop|safe|danger", sentences.risks),
    "the track record": (
        r"track record|accura|reliab|trust|backtest|skill|how good|worth|right|believe|error", sentences.record
    ),
    "drift": (r"drift|regime|chang|differ|unusual|still valid|outdated", sentences.drift),
    "volume": (r"volume|liquid|traded|turnover", sentences.volume),
    "the market": (r"market|index|s&p|beta|correlat|compared|outperform|relative", sentences.market),
    "where the price stands": (
        r"high\b|low\b|average|trend|momentum|rsi|overbought|oversold|moved|lately|recent", sentences.standing
    ),
}  # fmt: skip
_KNOWN = ", ".join(_TOPICS)


def answer(facts: Facts, question: str) -> Iterator[Sentence]:
    """Yield what the facts say on a question's topics, then a note on what needs a language model."""
    asked = {
        name: say for name, (words, say) in _TOPICS.items() if re.search(rf"\b(?:{words})", question, re.IGNORECASE)
    }
    written: set[str] = set()
    for name, say in asked.items():
        found = list(say(facts))
        if not found:
            yield Sentence(f"Nothing is known of {name} here.", "writer")
        for sentence in found:
            if sentence.text not in written:
                written.add(sentence.text)
                yield sentence
    if asked:
        yield Sentence("That is what the facts say; reasons, news and advice need a language model.", "writer")
    else:
        yield Sentence(
            f"Your question needs a language model, and none served; rules can answer for {_KNOWN}.", "writer"
        )
