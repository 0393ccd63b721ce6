"""Schema-constrained chat with Ollama over its own API."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stockops.adapters.llm.llm_http import LlmServer, Reader, Refused, json_line, reason_of
from stockops.ports import Reply
from stockops.wording import one_line

_CHECK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class OllamaChat:
    """Port ChatModel on `/api/chat`."""

    server: LlmServer
    model: str
    max_tokens: int
    context_tokens: int

    @property
    def name(self) -> str:
        """The server's name."""
        return self.server.service

    @property
    def needs(self) -> tuple[str, ...]:
        """The server."""
        return (self.server.service,)

    def complete(
        self,
        messages: "Sequence[dict[str, str]]",
        schema: Mapping[str, Any],
        *,
        seconds: float,
        on_text: Callable[[int], None],
    ) -> Reply:
        """Return the answer, constrained by the schema through `format`."""
        body = {
            "model": self.model,
            "messages": list(messages),
            "format": dict(schema),
            "stream": True,
            # Ollama's default context of 4096 tokens would cut off the start of a long prompt, the rules first.
            "options": {"num_ctx": self.context_tokens, "num_predict": self.max_tokens, "temperature": 0.2},
        }
        try:
            try:
                answer = self._ask({**body, "think": False}, seconds, on_text)
            except Refused as exc:
                if "think" not in str(exc):  # an old server, or a model without reasoning, may reject it
                    raise
                answer = self._ask(body, seconds, on_text)
        except Refused as exc:
            raise self.server.failure(
                f"{exc}; run: ollama pull {self.model}" if exc.status == 404 else str(exc)
            ) from None
        return self.server.reply(answer, self.model)

    def check(self) -> str:
        """Return version, address and model; ServiceError if the model is missing."""
        version = self.server.get("api/version", _CHECK_SECONDS, lambda found: found["version"])
        names = self.server.get(
            "api/tags", _CHECK_SECONDS, lambda found: {str(model["name"]) for model in found["models"]}
        )
        if not {self.model, f"{self.model}:latest"} & names:
            raise self.server.failure(f"it has no model {self.model}; run: ollama pull {self.model}")
        return f"{one_line(version)} at {self.server.address}, {self.model}"

    def _ask(self, body: Mapping[str, Any], seconds: float, on_text: Callable[[int], None]) -> Reader:
        return self.server.stream("api/chat", body, seconds, lambda: _Lines(on_text))


class _Lines(Reader):
    """Reads one JSON object per line, the last with `done`; `thinking` is collected separately."""

    def __init__(self, on_text: Callable[[int], None]) -> None:
        super().__init__()
        self._on_text = on_text

    def line(self, line: str) -> None:
        """Handle one line."""
        if line.strip():
            self.whole(json_line(line))

    def whole(self, document: dict[str, Any]) -> None:
        """Handle a part or an unstreamed answer; both have the same shape."""
        if document.get("error"):
            raise Refused(reason_of(document["error"]))
        self.model = str(document.get("model") or self.model)
        message = document.get("message") or {}
        self.text += str(message.get("content") or "")
        self.thoughts += str(message.get("thinking") or "")
        self.done = bool(document.get("done"))
        self.cut = document.get("done_reason") == "length"
        self._on_text(len(self.text))
