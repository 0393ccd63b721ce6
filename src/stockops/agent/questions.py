"""A user's question: cleaned to one line, and the terms that an embedding cannot tell apart."""

import re

from stockops.agent.news import plain
from stockops.errors import UsageError

_MOST = 1000
# Embeddings put a question and its reversal next to each other (0.83 to 0.9997 with nomic-embed-text), so a cached
# report answers only a question with the same terms.
_TELLING = re.compile(
    r"\d[\d.,]*|\b(?:not?|never|without|rises?|rising|rose|falls?|falling|fell|up|down|higher|lower|highs?|lows?|"
    r"more|less|buy|sell|hold|long|short|bull(?:ish)?|bear(?:ish)?|above|below|over|under|gains?|loss(?:es)?|"
    r"wins?|loses?|increases?|decreases?|grows?|shrinks?|growth|decline|best|worst|good|bad|better|worse|strong|"
    r"weak|hawkish|dovish|before|after|cuts?|hikes?|raises?|drops?|soars?|plunges?|beats?|miss(?:es)?)\b|\w+n't\b",
    re.IGNORECASE,
)


def clean(question: str | None) -> str | None:
    """Return a question as one line; raises UsageError if it is empty or too long."""
    if question is None:
        return None
    text = plain(question, _MOST + 1)
    if not text or len(question) > _MOST:
        raise UsageError(f"--question must say something, in at most {_MOST} characters")
    return text


def discriminating_terms(question: str | None) -> str:
    """Return the words and numbers, in order, that another question must share to mean the same."""
    return " ".join(word.lower().rstrip(".,") for word in _TELLING.findall(question or ""))
