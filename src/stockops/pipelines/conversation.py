"""Earlier turns of a thread: stored for a day, one key per turn, so that concurrent calls lose none."""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from stockops import strict_json
from stockops.agent.prompt import Turn
from stockops.documents.reading import parsed
from stockops.optional_services import OptionalServices
from stockops.ports import StateStore

log = logging.getLogger("stockops.thread")

SECONDS = 86_400
_PREFIX = "analysis_thread"
_MOST_CHARACTERS = 4_000  # per answer; a prompt takes no more for all turns together
_MOST_TURNS = 20


@dataclass(frozen=True, slots=True)
class Conversation:
    """One thread in the state store."""

    thread_id: str
    state: StateStore
    optional: OptionalServices

    def turns(self) -> list[Turn]:
        """Return the latest turns, oldest first; none if the store is down."""
        return self.optional.attempt(self.state, self._read) or []

    def add(self, ticker: str, turn: Turn, now: datetime) -> None:
        """Store a turn for a day."""
        key = f"{_PREFIX}:{self.thread_id}:{now.timestamp():017.6f}:{uuid.uuid4().hex[:8]}"
        record = {"ticker": ticker, "question": turn.question, "answer": turn.answer[:_MOST_CHARACTERS]}
        value = strict_json.signed(record)
        self.optional.attempt(self.state, lambda: self.state.put(key, value, seconds=SECONDS))

    def _read(self) -> list[Turn]:
        keys = self.state.keys(f"{_PREFIX}:{self.thread_id}:")[-_MOST_TURNS:]
        return [turn for key in keys if (turn := _decode(self.state.get(key)))]


def _decode(raw: bytes | None) -> Turn | None:
    """Return a turn, its ticker before the question; None if it has expired or is invalid."""
    if raw is None:
        return None
    try:
        record = parsed(strict_json.verified(raw), dict[str, str])
        ticker, question, answer = (record[name] for name in ("ticker", "question", "answer"))
    except (ValueError, KeyError):
        log.warning("ignoring an invalid turn of the thread")
        return None
    return Turn(f"{ticker}: {question}", answer)
