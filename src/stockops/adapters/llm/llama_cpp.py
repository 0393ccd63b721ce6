"""Schema-constrained chat with llama.cpp's server and others that speak OpenAI's protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stockops.adapters.llm.llm_http import LlmServer, Reader, Refused, json_line, reason_of
from stockops.ports import Reply
from stockops.wording import one_line

_ANY = "default"  # llama.cpp accepts any name for its one model; other servers reject a request without one
_NOT_A_MATTER_OF_FORM = (401, 402, 403, 404, 429)
_CHECK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class LlamaCppChat:
    """Port ChatModel on `/v1/chat/completions`."""

    server: LlmServer
    model: str
    max_tokens: int

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
        """Return the answer, constrained by the schema in the form that the server accepts.

        llama.cpp reads only the nested form and silently ignores a flat schema; llama-cpp-python's server rejects the
        nested form and accepts the flat one.
        """
        nested = {"type": "json_schema", "json_schema": {"name": "analysis", "strict": True, "schema": dict(schema)}}
        flat = {"type": "json_object", "schema": dict(schema)}
        body = {
            "messages": list(messages),
            "max_tokens": self.max_tokens,  # without it llama.cpp generates until its context is full
            "stream": True,
            "temperature": 0.2,
            "chat_template_kwargs": {"enable_thinking": False},
            "model": self.model or _ANY,
        }
        try:
            try:
                answer = self._ask({**body, "response_format": nested}, seconds, on_text)
            except Refused as exc:
                if exc.status in _NOT_A_MATTER_OF_FORM or not exc.status:
                    raise
                answer = self._ask({**body, "response_format": flat}, seconds, on_text)
        except Refused as exc:
            raise self.server.failure(str(exc)) from None
        return self.server.reply(answer, self.model)

    def check(self) -> str:
        """Return the models that the server offers, and its address."""
        names = self.server.get("v1/models", _CHECK_SECONDS, lambda found: [model["id"] for model in found["data"]])
        return f"{one_line(', '.join(map(str, names))) or 'no model named'} at {self.server.address}"

    def _ask(self, body: Mapping[str, Any], seconds: float, on_text: Callable[[int], None]) -> Reader:
        return self.server.stream("v1/chat/completions", body, seconds, lambda: _Events(on_text))


class _Events(Reader):
    """Reads the server-sent events of a chat; reasoning (`reasoning_content`) is collected separately."""

    def __init__(self, on_text: Callable[[int], None]) -> None:
        super().__init__()
        self._on_text = on_text

    def line(self, line: str) -> None:
        """Handle one line: `data: {…}`, `data: [DONE]`, a comment or an empty one."""
        field, _, value = line.partition(":")
        if field == "error":  # how llama.cpp ends a failed stream
            raise Refused(one_line(value, 160) or "an error in the stream")
        if field != "data":
            return
        if value.strip() == "[DONE]":
            self.done = True
            return
        self.whole(json_line(value))

    def whole(self, document: dict[str, Any]) -> None:
        """Handle an event, whose choices have a `delta`, or an unstreamed answer, whose choices have a `message`."""
        if document.get("error"):
            raise Refused(reason_of(document["error"]))
        self.model = str(document.get("model") or self.model)
        for choice in document.get("choices") or []:
            message = choice.get("delta") or choice.get("message") or {}
            self.text += _words(message.get("content"))
            self.thoughts += _words(message.get("reasoning_content") or message.get("reasoning"))
            self.done = self.done or bool(choice.get("finish_reason"))
            self.cut = self.cut or choice.get("finish_reason") == "length"
        self._on_text(len(self.text))


def _words(content: object) -> str:
    """Return the text of a message content: a string, a list of parts, some of them text, or nothing."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return str(content or "")
