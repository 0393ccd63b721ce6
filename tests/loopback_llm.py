"""llama.cpp's server and Ollama on loopback, with their real message formats and scripted answers."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.loopback_http import Answer, Loopback, Request, as_json, loopback

Mode = Literal[
    "ok", "busy", "boom", "slow", "drip", "cut", "drop", "garbage", "empty", "error", "missing", "html",
    "flat_only", "flat_only_500", "whole", "mislabelled", "limited", "spent", "parts", "thoughts",
]  # fmt: skip
Script = Callable[[list[dict[str, str]]], str]


def analysis(report: str = "Calm week ahead.", stance: str = "NEUTRAL", confidence: str = "Low", **more: Any) -> str:
    """Return an answer of a model that follows the schema."""
    return json.dumps({"report": report, "recommendation": stance, "confidence": confidence, **more})


@dataclass
class Llm:
    """A server. says: answers in order, the last one repeated, or a function of the messages. modes: faults, likewise.

    retry_after: the header of an answer that limits the rate.
    """

    says: list[str] | Script = field(default_factory=lambda: [analysis()])
    modes: list[Mode] = field(default_factory=list)
    dimensions: int = 768
    retry_after: str = "0"
    ending: Literal["stop", "length"] = "stop"
    server: Loopback = field(default_factory=lambda: Loopback(""))

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    @property
    def chats(self) -> list[Any]:
        """The bodies of all chat requests."""
        return [request.body for request in self._asked("chat")]

    @property
    def embeddings(self) -> list[Any]:
        """The bodies of all embedding requests."""
        return [request.body for request in self._asked("embed")]

    def prompt(self, number: int = -1) -> str:
        """Return the text of one chat request, all roles joined."""
        return "\n".join(message["content"] for message in self.chats[number]["messages"])

    def _asked(self, word: str) -> list[Request]:
        return [request for request in self.server.requests if word in request.path]

    def next_text(self, messages: list[dict[str, str]]) -> str:
        """Return the next answer."""
        if callable(self.says):
            return self.says(messages)
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    def next_mode(self) -> Mode:
        """Return the fault of this request, "ok" for none; the last mode stays."""
        if len(self.modes) > 1:
            return self.modes.pop(0)
        return self.modes[0] if self.modes else "ok"

    def vector(self, text: str) -> list[float]:
        """Return a vector for a text, the same for equal texts."""
        generator = random.Random(hashlib.sha256(text.encode()).digest())
        return [generator.gauss(0, 1) for _ in range(self.dimensions)]


LIMITED = "Slow \x1b[31mdown,\nplease. "  # with terminal control characters
SPENT = "You exceeded your current quota, please check your plan and billing details. "


def _fault(llm: Llm, mode: Mode, body: Any) -> Answer | None:
    """Return the answer of a fault, None if the mode is an answer of the model, complete or not."""
    if mode.startswith("flat_only") and body["response_format"]["type"] != "json_object":
        error = "1 validation error:\n {'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text'…"
        return as_json({"error": {"message": error, "code": None}}, 500 if mode == "flat_only_500" else 422)
    limited = as_json({"error": {"message": LIMITED * 50, "type": "rate_limit_error"}}, 429)
    faults: dict[str, Answer] = {
        "limited": replace(limited, headers={"Retry-After": llm.retry_after}),
        "spent": as_json({"error": {"message": SPENT * 9, "type": "insufficient_quota", "code": None}}, 429),
        "busy": as_json({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, 503),
        "boom": as_json({"error": {"code": 500, "message": "boom", "type": "server_error"}}, 500),
        "missing": as_json({"error": "model 'llama3.1' not found"}, 404),
        "garbage": Answer(parts=["data: {half\n\n"], content_type="text/event-stream"),
        "html": Answer(parts=["<html>Welcome to nginx</html>\n"], content_type="text/html"),
        "slow": Answer(parts=["", ""], pause=5),
        "empty": Answer(parts=[]),
    }
    return faults.get(mode)


def _stream(mode: Mode, lines: list[str], error: str, content_type: str) -> Answer:
    """Return a streamed answer: complete, dripping, ended too early, cut off, or ending in an error."""
    half = lines[: len(lines) // 2]
    if mode == "mislabelled":
        content_type = "application/json"
    if mode == "cut":
        return Answer(parts=half, content_type=content_type)
    if mode == "drop":
        return Answer(parts=half, content_type=content_type, cut=True)
    if mode == "error":
        return Answer(parts=[*half, error], content_type=content_type)
    return Answer(parts=lines, content_type=content_type, pause=0.3 if mode == "drip" else 0.0)


def _pieces(text: str) -> list[str]:
    return [text[i : i + 7] for i in range(0, len(text), 7)]


def _delta(mode: Mode, piece: str) -> dict[str, Any]:
    """Return a piece of an answer in OpenAI's protocol."""
    if mode == "parts":
        return {"content": [{"type": "image_url", "image_url": None}, {"type": "text", "text": piece}]}
    return {"content": None, "reasoning_content": piece} if mode == "thoughts" else {"content": piece}


def _message(mode: Mode, piece: str) -> dict[str, Any]:
    """Return a piece of an answer in Ollama's protocol."""
    return {"content": "", "thinking": piece} if mode == "thoughts" else {"content": piece}


@contextmanager
def llama_cpp(llm: Llm) -> Iterator[Llm]:
    """Run a server with llama.cpp's protocol."""

    def respond(request: Request) -> Answer:
        if request.path == "/v1/models":
            return as_json({"object": "list", "data": [{"id": "tiny.gguf", "object": "model"}]})
        mode = llm.next_mode()
        if fault := _fault(llm, mode, request.body):
            return fault
        if request.path == "/v1/embeddings":
            vector = llm.vector(request.body["input"])
            return as_json({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector}]})
        text = llm.next_text(request.body["messages"])
        if mode == "whole":
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": llm.ending}
            return as_json({"object": "chat.completion", "model": "tiny.gguf", "choices": [choice]})
        base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny.gguf"}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
        deltas += [_delta(mode, piece) for piece in _pieces(text)]
        events = [{**base, "choices": [{"index": 0, "finish_reason": None, "delta": delta}]} for delta in deltas]
        events.append({**base, "choices": [{"index": 0, "finish_reason": llm.ending, "delta": {}}]})
        lines = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]
        error = f"data: {json.dumps({'error': {'code': 500, 'message': 'context shift is disabled'}})}\n\n"
        return _stream(mode, lines, error, "text/event-stream")

    with loopback(respond) as llm.server:
        yield llm


@contextmanager
def ollama(llm: Llm) -> Iterator[Llm]:
    """Run a server with Ollama's protocol."""

    def respond(request: Request) -> Answer:
        if request.path == "/api/version":
            return as_json({"version": "0.12.6"})
        if request.path == "/api/tags":
            return as_json({"models": [{"name": "llama3.1:latest"}]})
        mode = llm.next_mode()
        if fault := _fault(llm, mode, request.body):
            return fault
        if request.path == "/api/embed":
            return as_json({"model": "nomic-embed-text", "embeddings": [llm.vector(request.body["input"])]})
        base = {"model": request.body["model"], "created_at": "2026-01-01T00:00:00Z"}
        text = llm.next_text(request.body["messages"])
        if mode == "whole":
            done = {"message": {"role": "assistant", "content": text}, "done": True, "done_reason": llm.ending}
            return as_json({**base, **done})
        parts: list[Any] = [
            {**base, "message": {"role": "assistant", **_message(mode, piece)}, "done": False}
            for piece in _pieces(text)
        ]
        last = {**base, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": llm.ending}
        lines = [json.dumps(part) + "\n" for part in [*parts, last]]
        error = json.dumps({"error": "llama runner process has terminated"}) + "\n"
        return _stream(mode, lines, error, "application/x-ndjson")

    with loopback(respond) as llm.server:
        yield llm
