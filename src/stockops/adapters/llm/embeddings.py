"""Embeddings from a llama.cpp server or Ollama.

A llama.cpp server either chats or embeds: `--embeddings` makes chat an error. So embeddings have their own address.
"""

import math
from dataclasses import dataclass
from typing import Any

from stockops.adapters.llm.llm_http import LlmServer, Refused
from stockops.agent import hash_embedding


@dataclass(frozen=True, slots=True)
class HttpEmbedder:
    """Port Embedder on a server's path; `vector_at` is the path to the vector in the response."""

    server: LlmServer
    model: str
    seconds: float
    path: str
    vector_at: tuple[str | int, ...]

    @property
    def name(self) -> str:
        """The model, regardless of the server."""
        return self.model

    @property
    def needs(self) -> tuple[str, ...]:
        """The server."""
        return (self.server.service,)

    def embed(self, text: str) -> tuple[float, ...]:
        """Return the unit vector of a text; ServiceError unless the server returns one of 768 dimensions."""
        # nomic's models take their task from a prefix. Questions are compared with questions: both sides use the same.
        given = f"search_query: {text}" if "nomic" in self.model else text
        try:
            answer = self.server.post(self.path, {"model": self.model, "input": given}, self.seconds)
        except Refused as exc:
            raise self.server.failure(str(exc)) from None
        return self._unit(self._vector(answer))

    def check(self) -> str:
        """Return the model and its address, after embedding a test text."""
        self.embed("check")
        return f"{self.model} at {self.server.address}"

    def _vector(self, answer: Any) -> list[float]:
        try:
            for step in self.vector_at:
                answer = answer[step]
            vector = [float(value) for value in answer]
        except (KeyError, IndexError, TypeError, ValueError):
            raise self.server.failure("an answer without a vector; does the server pool?") from None
        if len(vector) != hash_embedding.DIMENSIONS:
            what = f"its vectors have {len(vector)} dimensions, not {hash_embedding.DIMENSIONS}; use nomic-embed-text"
            raise self.server.failure(what)
        return vector

    def _unit(self, vector: list[float]) -> tuple[float, ...]:
        length = math.sqrt(sum(value * value for value in vector))
        if not math.isfinite(length) or length == 0:
            raise self.server.failure("a vector without a direction")
        return tuple(value / length for value in vector)


def of_llama_cpp(server: LlmServer, model: str, seconds: float) -> HttpEmbedder:
    """Return the embedder on OpenAI's path; the server must pool (`--pooling mean`)."""
    return HttpEmbedder(server, model, seconds, "v1/embeddings", ("data", 0, "embedding"))


def of_ollama(server: LlmServer, model: str, seconds: float) -> HttpEmbedder:
    """Return the embedder on Ollama's own path."""
    return HttpEmbedder(server, model, seconds, "api/embed", ("embeddings", 0))
