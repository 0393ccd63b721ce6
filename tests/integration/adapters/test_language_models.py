"""The clients of llama.cpp and Ollama against servers that speak their protocols."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from stockops.adapters.llm import embeddings
from stockops.adapters.llm.llama_cpp import LlamaCppChat
from stockops.adapters.llm.llm_http import LlmServer
from stockops.adapters.llm.ollama import OllamaChat
from stockops.adapters.network.retries import RetryPolicy
from stockops.agent.answer import SCHEMA, read
from stockops.errors import ServiceError
from stockops.ports import ChatModel, Embedder, Reply
from tests.loopback_llm import Llm, Mode, analysis, llama_cpp, ollama
from tests.servers import free_port

QUICK_RETRIES = RetryPolicy(attempts=2, first_wait_seconds=0.01, longest_wait_seconds=0.02)
MESSAGES = [{"role": "system", "content": "rules"}, {"role": "user", "content": "facts"}]
KINDS = ("llama.cpp", "ollama")

Start = Callable[..., Llm]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a server of a kind, which stops with the test."""
    with ExitStack() as running:

        def start_server(kind: str, **more: Any) -> Llm:
            return running.enter_context((llama_cpp if kind == "llama.cpp" else ollama)(Llm(**more)))

        yield start_server


def chat(kind: str, url: str) -> ChatModel:
    server = LlmServer(kind, url, "key-0123" if kind == "llama.cpp" else "", QUICK_RETRIES)
    return LlamaCppChat(server, "", 300) if kind == "llama.cpp" else OllamaChat(server, "llama3.1", 300, 4321)


def embedder(kind: str, url: str) -> Embedder:
    server = LlmServer(kind, url, "", QUICK_RETRIES)
    create = embeddings.of_llama_cpp if kind == "llama.cpp" else embeddings.of_ollama
    return create(server, "nomic-embed-text", 5)


def complete(model: ChatModel, seconds: float = 10, on_text: Callable[[int], None] = lambda _: None) -> Reply:
    return model.complete(MESSAGES, SCHEMA, seconds=seconds, on_text=on_text)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_complete_and_its_progress_is_reported(kind: str, start: Start) -> None:
    llm = start(kind)
    counts: list[int] = []
    reply = complete(chat(kind, llm.url), on_text=counts.append)
    assert reply.text == analysis()
    assert reply.model == {"llama.cpp": "tiny.gguf", "ollama": "llama3.1"}[kind]
    assert counts == sorted(counts)
    assert counts[-1] == len(analysis())
    assert llm.chats[0]["messages"] == MESSAGES


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["whole", "mislabelled"])
def test_an_unstreamed_or_mislabelled_answer_is_understood(kind: str, mode: Mode, start: Start) -> None:
    llm = start(kind, modes=[mode])
    reply = complete(chat(kind, llm.url))
    assert (reply.text, reply.cut, len(llm.chats)) == (analysis(), False, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_cut_at_the_token_limit_is_marked_as_cut(kind: str, start: Start) -> None:
    assert complete(chat(kind, start(kind, ending="length").url)).cut
    assert not complete(chat(kind, start(kind).url)).cut


def test_llama_cpp_gets_requests_in_the_form_it_follows(start: Start) -> None:
    llm = start("llama.cpp")
    complete(chat("llama.cpp", llm.url))
    [body] = llm.chats
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["max_tokens"] == 300
    assert body["model"] == "default"
    assert llm.server.requests[0].headers["authorization"] == "Bearer key-0123"


@pytest.mark.parametrize("mode", ["flat_only", "flat_only_500"])
def test_a_server_that_requires_the_flat_schema_form_gets_it(mode: Mode, start: Start) -> None:
    llm = start("llama.cpp", modes=[mode])
    assert complete(chat("llama.cpp", llm.url)).text == analysis()
    assert [body["response_format"]["type"] for body in llm.chats] == ["json_schema", "json_object"]
    assert llm.chats[1]["response_format"]["schema"] == SCHEMA


def test_ollama_gets_schema_and_context_size_with_thinking_off(start: Start) -> None:
    llm = start("ollama")
    complete(chat("ollama", llm.url))
    [body] = llm.chats
    assert body["format"] == SCHEMA
    assert (body["options"]["num_ctx"], body["options"]["num_predict"]) == (4321, 300)
    assert (body["model"], body["think"]) == ("llama3.1", False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["busy", "boom", "cut", "drop", "garbage", "html", "empty"])
def test_transient_failures_are_retried(kind: str, mode: Mode, start: Start) -> None:
    llm = start(kind, modes=[mode, "ok"])
    assert complete(chat(kind, llm.url)).text == analysis()
    assert len(llm.chats) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_retry_after_is_respected(kind: str, start: Start) -> None:
    llm = start(kind, modes=["limited", "ok"], retry_after="1")
    started = time.monotonic()
    assert complete(chat(kind, llm.url)).text == analysis()
    assert time.monotonic() - started >= 1
    assert len(llm.chats) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("date", [False, True])
def test_a_retry_after_beyond_the_time_limit_fails_immediately(kind: str, date: bool, start: Start) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    llm = start(kind, modes=["limited"], retry_after=later if date else "3600")
    started = time.monotonic()
    with pytest.raises(ServiceError, match=r"status 429, Slow .*; it asks to wait 3[56]\d\d s"):
        complete(chat(kind, llm.url), seconds=5)
    assert time.monotonic() - started < 2
    assert len(llm.chats) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_exhausted_quota_is_reported_briefly_and_not_retried(kind: str, start: Start) -> None:
    llm = start(kind, modes=["spent"])
    with pytest.raises(ServiceError, match="status 429, You exceeded your current quota") as caught:
        complete(chat(kind, llm.url))
    assert len(llm.chats) == 1
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", KINDS)
def test_terminal_control_characters_are_removed_from_server_messages(kind: str, start: Start) -> None:
    with pytest.raises(ServiceError) as caught:
        complete(chat(kind, start(kind, modes=["limited"], retry_after="3600").url))
    assert "Slow [31mdown, please." in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_answer_in_parts_is_assembled(start: Start) -> None:
    assert complete(chat("llama.cpp", start("llama.cpp", modes=["parts"]).url)).text == analysis()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_among_the_thoughts_is_used(kind: str, start: Start) -> None:
    llm = start(kind, modes=["thoughts"], says=[f"Hm {{so}}: {analysis()}"])
    assert read(complete(chat(kind, llm.url)).text).report == "Calm week ahead."


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("ending", "advice"), [("stop", "thinking off"), ("length", "LLM_MAX_TOKENS")])
def test_thoughts_without_an_answer_are_a_service_error_with_advice(
    kind: str, ending: str, advice: str, start: Start
) -> None:
    llm = start(kind, modes=["thoughts"], says=["Let me think of {this}"], ending=ending)
    with pytest.raises(ServiceError, match=f"only thought and gave no answer; .*{advice}") as caught:
        complete(chat(kind, llm.url))
    assert caught.value.alive


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("busy", "status 503"),
        ("boom", "status 500"),
        ("cut", "an answer that breaks off"),
        ("drop", "a connection that breaks off"),
        ("empty", "an answer that breaks off"),
        ("error", "context shift is disabled|llama runner process has terminated"),
        ("missing", "status 404, model 'llama3.1' not found"),
    ],
)
def test_a_lasting_failure_is_a_service_error_with_its_reason(kind: str, mode: Mode, reason: str, start: Start) -> None:
    llm = start(kind, modes=[mode])
    with pytest.raises(ServiceError, match=reason) as caught:
        complete(chat(kind, llm.url))
    assert caught.value.service == kind
    assert len(llm.chats) <= 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["slow", "drip"])
def test_a_slow_server_fails_at_the_time_limit(kind: str, mode: Mode, start: Start) -> None:
    llm = start(kind, modes=[mode])
    started = time.monotonic()
    with pytest.raises(ServiceError, match="no whole answer in 1 s"):
        complete(chat(kind, llm.url), seconds=1)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreachable_server_is_reported_immediately_without_the_password(kind: str) -> None:
    url = f"http://user:hunter2@127.0.0.1:{free_port()}"
    started = time.monotonic()
    with pytest.raises(ServiceError, match="no connection") as caught:
        complete(chat(kind, url))
    assert time.monotonic() - started < 1
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(ServiceError, match="the address is none"):
        complete(chat(kind, "nonsense"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_endless_answer_is_cut_off(kind: str, start: Start) -> None:
    llm = start(kind, says=["x" * 120_000])
    with pytest.raises(ServiceError, match="an answer without end"):
        complete(chat(kind, llm.url), seconds=30)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_becomes_a_unit_vector_with_the_prefix_of_the_model(kind: str, start: Start) -> None:
    llm = start(kind)
    vector = embedder(kind, llm.url).embed("what moves?")
    assert len(vector) == 768
    assert sum(value * value for value in vector) == pytest.approx(1)
    assert llm.embeddings[0]["input"] == "search_query: what moves?"


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_of_another_size_is_rejected(kind: str, start: Start) -> None:
    llm = start(kind, dimensions=64)
    with pytest.raises(ServiceError, match="64 dimensions, not 768"):
        embedder(kind, llm.url).embed("what moves?")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["boom", "html", "missing", "empty"])
def test_a_missing_vector_is_a_service_error(kind: str, mode: Mode, start: Start) -> None:
    llm = start(kind, modes=[mode])
    with pytest.raises(ServiceError, match="does not serve"):
        embedder(kind, llm.url).embed("what moves?")


def test_a_check_names_model_and_address(start: Start) -> None:
    llama_cpp_server, ollama_server = start("llama.cpp"), start("ollama")
    assert (
        chat("llama.cpp", llama_cpp_server.url).check()
        == f"tiny.gguf at {llama_cpp_server.url.removeprefix('http://')}"
    )
    assert (
        chat("ollama", ollama_server.url).check() == f"0.12.6 at {ollama_server.url.removeprefix('http://')}, llama3.1"
    )
    missing = OllamaChat(LlmServer("ollama", ollama_server.url), "qwen3", 300, 4096)
    with pytest.raises(ServiceError, match="it has no model qwen3; run: ollama pull qwen3"):
        missing.check()
    assert "nomic-embed-text" in embedder("llama.cpp", llama_cpp_server.url).check()
