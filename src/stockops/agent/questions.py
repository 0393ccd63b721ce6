"""A user's question: one clean line, and what an embedding cannot tell of it."""

import re

from stockops.agent.news import plain
from stockops.errors import UsageError

_MOST = 1000
# Embeddings put a question and its reversal next to each other (0.83 to 0.9997 with nomic-embed-text), so a kept
# report answers only a question with the same of these.
_TELLING = re.compile(
    r"\d[\d.,]*|\b(?:not?|never|without|rises?|rising|rose|falls?|falling|fell|up|down|higher|lower|highs?|lows?|"
    r"more|less|buy|sell|hold|long|short|bull(?:ish)?|bear(?:ish)?|above|below|over|under|gains?|loss(?:es)?|"
    r"wins?|loses?|increases?|decreases?|grows?|shrinks?|growth|decline|best|worst|good|bad|better|worse|strong|"
    r"weak|hawkish|dovish|before|after|cuts?|hikes?|raises?|drops?|soars?|plunges?|beats?|miss(?:es)?)\b|\w+n't\b",
    re.IGNORECASE,
)


def clean(question: str | None) -> str | None:
    """Return a question as one line; UsageError for an empty or an overlong one."""
    if question is None:
        return None
    text = plain(question, _MOST + 1)
    if not text or len(question) > _MOST:
        raise UsageError(f"--question must say something, in at most {_MOST} characters")
    return text


def discriminating_terms(question: str | None) -> str:
    """Return the words and numbers that a question of the same meaning has, too, in order."""
    return " ".join(word.lower().rstrip(".,") for word in _TELLING.findall(question or ""))
