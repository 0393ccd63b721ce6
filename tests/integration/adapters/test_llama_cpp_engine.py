"""The client against a real llama.cpp engine with a tiny random model: noise, but noise in the form asked for.

Needs llama-cpp-python in `.venv-llama`, which `make test-llm` builds from source in some minutes.
"""

import json
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from stockops.adapters.llm import embeddings
from stockops.adapters.llm.llama_cpp import LlamaCppChat
from stockops.adapters.llm.llm_http import LlmServer
from stockops.errors import ServiceError
from tests.places import ROOT
from tests.servers import Server, free_port, wait_until

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
    wait_until(lambda: httpx.get(f"{url}/v1/models").status_code == 200, 30, "llama.cpp answering")
    yield LlmServer("llama.cpp", url)
    running.stop()


def test_an_answer_keeps_to_the_schema(engine: LlmServer) -> None:
    counts: list[int] = []
    talk = [{"role": "user", "content": "what now"}]
    reply = LlamaCppChat(engine, "", 200).complete(talk, STANCE, seconds=60, on_text=counts.append)
    answer = json.loads(reply.text)
    assert answer["recommendation"] in ("BULLISH", "BEARISH", "NEUTRAL")
    assert answer["confidence"] in ("High", "Medium", "Low")
    assert (counts[-1], reply.cut) == (len(reply.text), False)


def test_a_bound_on_tokens_is_kept_and_said(engine: LlmServer) -> None:
    talk = [{"role": "user", "content": "what now"}]
    reply = LlamaCppChat(engine, "", 10).complete(talk, STANCE, seconds=60, on_text=lambda _: None)
    assert reply.cut


def test_a_prompt_beyond_its_context_is_an_outage(engine: LlmServer) -> None:
    talk = [{"role": "user", "content": "what now " * 2_000}]
    with pytest.raises(ServiceError, match=r"llama\.cpp at 127\.0\.0\.1"):
        LlamaCppChat(engine, "", 10).complete(talk, STANCE, seconds=60, on_text=lambda _: None)


def test_vectors_of_another_size_or_without_pooling_are_refused(engine: LlmServer) -> None:
    with pytest.raises(ServiceError, match=r"without a vector; does the server pool|64 dimensions, not 768"):
        embeddings.of_llama_cpp(engine, "nomic-embed-text", 10).embed("what now")


def test_check_names_the_model(engine: LlmServer) -> None:
    assert "tiny.gguf at 127.0.0.1:" in LlamaCppChat(engine, "", 10).check()
