"""The client against a real llama.cpp engine with a tiny random model: it writes noise that follows the schema.

Needs llama-cpp-python in `.venv-llama`, which `make test-llm` builds from source in a few minutes.
"""

import json
import subprocess
from collections.abc import Iterator

import pytest

from stockops.adapters.llm import embeddings
from stockops.adapters.llm.llama_cpp import LlamaCppChat
from stockops.adapters.llm.llm_http import LlmServer
from stockops.errors import ServiceError
from tests.places import ROOT
from tests.servers import Server, free_port, http, wait_until

PYTHON = ROOT / ".venv-llama" / "bin" / "python"
WRITER = ROOT / "tests" / "tiny_gguf.py"
STANCE = {
    "type": "object",
    "properties": {
        "recommendation": {"type": "string", "enum": ["BULLISH", "BEARISH", "NEUTRAL"]},
        "confidence": {"type": "string", "enum": ["High", "Medium", "Low"]},
    },
    "required": ["recommendation", "confidence"],
    "additionalProperties": False,
}

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="no llama-cpp-python; `make test-llm` builds it"),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlmServer]:
    folder, port = tmp_path_factory.mktemp("llama"), free_port()
    model = folder / "tiny.gguf"
    subprocess.run([str(PYTHON), str(WRITER), str(model)], check=True)
    options = ["--model", str(model), "--port", str(port), "--n_ctx", "4096", "--embedding", "True"]
    running = Server([str(PYTHON), "-m", "llama_cpp.server", "--host", "127.0.0.1", *options], port, folder, seconds=60)
    running.start()
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: http.get(f"{url}/v1/models").status_code == 200, 30, "llama.cpp answering")
    yield LlmServer("llama.cpp", url)
    running.stop()


def test_an_answer_follows_the_schema(engine: LlmServer) -> None:
    counts: list[int] = []
    messages = [{"role": "user", "content": "what now"}]
    reply = LlamaCppChat(engine, "", 200).complete(messages, STANCE, seconds=60, on_text=counts.append)
    answer = json.loads(reply.text)
    assert answer["recommendation"] in ("BULLISH", "BEARISH", "NEUTRAL")
    assert answer["confidence"] in ("High", "Medium", "Low")
    assert (counts[-1], reply.cut) == (len(reply.text), False)


def test_the_token_limit_is_enforced_and_reported(engine: LlmServer) -> None:
    messages = [{"role": "user", "content": "what now"}]
    reply = LlamaCppChat(engine, "", 10).complete(messages, STANCE, seconds=60, on_text=lambda _: None)
    assert reply.cut


def test_a_prompt_longer_than_the_context_is_a_service_error(engine: LlmServer) -> None:
    messages = [{"role": "user", "content": "what now " * 2_000}]
    with pytest.raises(ServiceError, match=r"llama\.cpp at 127\.0\.0\.1"):
        LlamaCppChat(engine, "", 10).complete(messages, STANCE, seconds=60, on_text=lambda _: None)


def test_vectors_of_another_size_or_without_pooling_are_rejected(engine: LlmServer) -> None:
    with pytest.raises(ServiceError, match=r"without a vector; does the server pool|64 dimensions, not 768"):
        embeddings.of_llama_cpp(engine, "nomic-embed-text", 10).embed("what now")


def test_a_check_names_the_model(engine: LlmServer) -> None:
    assert "tiny.gguf at 127.0.0.1:" in LlamaCppChat(engine, "", 10).check()
