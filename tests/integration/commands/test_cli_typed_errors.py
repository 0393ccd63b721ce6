"""Invalid arguments, settings and server answers: a short error and the right exit code, no traceback, no hang."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli import Cli
from tests.loopback_http import Answer, Request, as_json, loopback

PREDICT = ("predict-child", "--ticker", "AAPL", "--on-missing", "fail")
ANALYZE = ("analyze", "--ticker", "AAPL", "--no-cache")


@pytest.mark.parametrize(
    ("home", "line"),
    [
        ("~nosuch/x", "STOCKOPS_HOME: there is no user ~nosuch; write the whole path"),
        ("/" + "a" * 5_000, "File name too long; choose another folder"),
        ("/" + "/".join(["a" * 200] * 40), "File name too long; choose another folder"),
        ("{loop}", "Too many levels of symbolic links; choose another folder"),
    ],
)
def test_an_invalid_home_is_reported_and_not_created(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    before = set(tmp_path.rglob("*"))
    cli.setenv(STOCKOPS_HOME=home.format(loop=tmp_path / "loop"))
    for command in (PREDICT, ("doctor",), ("outputs",)):
        result = cli(*command)
        assert result.code == 2
        assert line in result.err
    assert set(tmp_path.rglob("*")) == before


SETTINGS = [
    ("STOCKOPS_HTTP_TIMEOUT_SECONDS", "1e300", "is too large: 1e+06 at most"),
    ("STOCKOPS_LOCK_TIMEOUT_SECONDS", "inf", "is too large: 1e+06 at most"),
    ("STOCKOPS_SERVICE_TIMEOUT_SECONDS", "nan", "is too large"),
    ("STOCKOPS_LLM_TOTAL_SECONDS", "9" * 400, "is too large: 1e+06 at most"),
    ("STOCKOPS_DOCTOR_SECONDS", "1e300", "is too large: 1e+06 at most"),
    ("STOCKOPS_TIMEOUT_SECONDS", "1e300", "is too large: 1e+06 at most"),
    ("STOCKOPS_AS_OF", "9999-12-31", "is out of reach: days from 1900-01-01 to 2200-12-31 are taken"),
    ("STOCKOPS_AS_OF", "0001-01-01", "is out of reach"),
    ("STOCKOPS_START", "0001-01-01", "is out of reach"),
    ("STOCKOPS_END", "9999-12-31", "is out of reach"),
    ("FINNHUB_API_KEY", "schl\u00fcssel", "FINNHUB_API_KEY: it holds a letter that no key has: copy it anew"),
    ("LLM_API_KEY", "a\nb", "LLM_API_KEY: it holds a letter that no key has"),
    ("QDRANT_API_KEY", "\u2018key\u2019", "QDRANT_API_KEY: it holds a letter that no key has"),
    ("DAGSHUB_TOKEN", "\x1b[31m", "DAGSHUB_TOKEN: it holds a letter that no key has"),
    ("STOCKOPS_CURRENCY", "u\u017fd", "is not a currency"),
]


@pytest.mark.parametrize(("name", "value", "line"), SETTINGS)
def test_an_invalid_setting_is_reported_without_revealing_keys(cli: Cli, name: str, value: str, line: str) -> None:
    cli.setenv(**{name: value})
    for command in (PREDICT, ("doctor",)):
        result = cli(*command)
        assert result.code == 2
        assert line in result.err
        assert name.startswith("STOCKOPS") or value not in result.err


ADDRESSES = ["http://[bad", "://", "http://[::1", "http://h:99999/", "http://\u202eh/", "x" * 9_000]
COMMANDS_BY_SETTING = {
    "LLAMA_CPP_BASE_URL": ANALYZE, "LLAMA_CPP_EMBED_URL": ("doctor",), "OLLAMA_BASE_URL": ANALYZE, "REDIS_URL": PREDICT,
    "QDRANT_URL": ("cache", "list"), "PUSHGATEWAY_URL": ("metrics", "--push"),
    "MLFLOW_TRACKING_URI": ("train-child", "--ticker", "AAPL"),
    "STOCKOPS_FINNHUB_URL": (*PREDICT, "--source", "finnhub"),
}  # fmt: skip


@pytest.mark.parametrize(("number", "name"), list(enumerate(COMMANDS_BY_SETTING)))
def test_an_invalid_address_never_causes_a_traceback(trained: Cli, number: int, name: str) -> None:
    news = "on" if name == "STOCKOPS_FINNHUB_URL" else "off"  # the real Finnhub must not be called
    trained.setenv(FINNHUB_API_KEY="k", STOCKOPS_TRACKING="on", STOCKOPS_NEWS=news)
    for address in ADDRESSES[number % 2 :: 2]:
        trained.setenv(**{name: address})
        result = trained(*(COMMANDS_BY_SETTING[name] if address != ADDRESSES[number % 2] else ("doctor",)))
        assert result.code != 1, result.err
        assert "traceback" not in result.err
        assert not [line for line in result.err.splitlines() if len(line) > 600]


@pytest.mark.parametrize("scheme", ["postgresql", "mysql+pymysql", "mssql"])
def test_training_continues_untracked_if_the_database_driver_is_missing(trained: Cli, scheme: str) -> None:
    trained.setenv(STOCKOPS_TRACKING="on", MLFLOW_TRACKING_URI=f"{scheme}://me:secret@127.0.0.1:9/x")
    result = trained("train-child", "--ticker", "AAPL")
    assert (result.code, result.document["run_id"], result.document["degraded"]) == (0, None, ["mlflow"])
    assert "secret" not in result.err + result.out
    assert trained("doctor").code == 0


@pytest.mark.parametrize(
    "symbol", ["\u00df", "\u0131bm", "\ufb01", "\uff21APL", "A" * 100_000, "\x00", "\ud800", "\u202eAAPL\u202c", "a\nb"]
)
def test_a_ticker_with_unusual_characters_is_rejected_or_cleaned(trained: Cli, symbol: str) -> None:
    result = trained("predict-child", "--ticker", symbol, "--on-missing", "fail")
    assert result.code in (2, 0 if "AAPL" in symbol else 2)
    assert len(result.err) < 600


@pytest.mark.parametrize(
    "text", ["\u00df\n", "ticker," * 100_000, '"' * 200_000, "[" * 100_000, "\x00", "a" * 300_000, "AAPL " * 10]
)
def test_any_tickers_file_is_read_or_rejected_with_a_short_message(trained: Cli, tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    result = trained("predict-child", "--tickers-file", str(path), "--on-missing", "fail")
    assert result.code in (0, 2)
    assert len(result.err) < 2_000


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"\x00" * 10, b"STOCKOPS_SOURCE=\xff", b"A" * 100_000, b"=\n'\"", None]
)
def test_any_dot_env_file_is_read_or_rejected(trained: Cli, content: bytes | None) -> None:
    path = trained.home / ".env"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    assert trained(*PREDICT).code in (0, 2)


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


MALFORMED_ANSWERS: list[Any] = [
    {"choices": ["x"]}, {"choices": 5}, {"choices": [{"delta": 5}]}, {"choices": [{"message": {"content": 5}}]}, [], 5,
    None, "x", {"choices": {"a": 1}}, {"message": 5}, {"message": {"content": {"a": 1}}},
    {"error": {"message": {"a": [1]}}},
    {"choices": [{"message": {"content": "\ud800"}, "finish_reason": "stop"}]}, {"model": 5, "choices": [None]},
    {"choices": [{"message": {"content": "{" * 50_000}, "finish_reason": "stop"}]},
    {"choices": [{"message": {"content": '{"report": "\\ud800", "recommendation": "BULLISH", "confidence": "Low"}'}}]},
    {"choices": [{"message": {"content": [{"text": 5}, 6]}, "finish_reason": "stop"}]},
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "plain_json"), [(document, number % 2 == 0) for number, document in enumerate(MALFORMED_ANSWERS)]
)
def test_a_malformed_model_answer_falls_back_to_the_next_provider(
    trained: Cli, servers: ExitStack, document: Any, plain_json: bool
) -> None:
    def respond(_: Request) -> Answer:
        if plain_json:
            return as_json(document)
        return Answer(parts=[f"data: {json.dumps(document)}\n\n", "data: [DONE]\n\n"], content_type="text/event-stream")

    server = servers.enter_context(loopback(respond))
    trained.setenv(LLAMA_CPP_BASE_URL=server.url, OLLAMA_BASE_URL=server.url, STOCKOPS_LLM_TIMEOUT_SECONDS="0.4")
    result = trained(*ANALYZE)
    assert (result.code, result.document["provider"]) == (0, "offline")
    assert {"llama.cpp", "ollama"} <= set(result.document["degraded"])
    assert result.document["report"].startswith("# AAPL")


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"data": ' * 50_000, '{"data": [{"id": 5}]}', '{"models": [5]}', "{}", "[]", "1e999"]
)
def test_doctor_tolerates_any_answer_of_a_model_server(trained: Cli, servers: ExitStack, body: str) -> None:
    server = servers.enter_context(loopback(lambda _: Answer(parts=[body])))
    trained.setenv(LLAMA_CPP_BASE_URL=server.url, OLLAMA_BASE_URL=server.url, LLAMA_CPP_EMBED_URL=server.url)
    assert trained("doctor").code == 0


NEWS = [
    {"headline": "Fine", "source": "Wire", "url": "https://example.com/fine", "datetime": 1151625600},
    {"headline": "Bad address", "source": "Wire", "url": "http://[bad", "datetime": 1151625600},
    {"headline": "Acts \x1b[31m[x](javascript:alert(1)) \u202eon", "source": "![i](//e.test)", "url": "//e.test/x",
     "datetime": 1151625601},
    {"headline": 5, "source": None, "url": {"a": 1}, "datetime": "abc"}, {"headline": "Far", "datetime": 1e300},
    5, None,
]  # fmt: skip


def test_malformed_news_items_do_not_fail_the_report(trained: Cli, servers: ExitStack) -> None:
    server = servers.enter_context(loopback(lambda _: as_json(NEWS)))
    trained.setenv(FINNHUB_API_KEY="k", STOCKOPS_FINNHUB_URL=server.url)
    document = trained(*ANALYZE).document
    links = {item["headline"]: item["url"] for item in document["news"]}
    assert links["Fine"] == "https://example.com/fine"
    assert links["Bad address"] == ""
    assert len(re.findall(r"(?<!\\)\]\(", document["report"])) == 1
    assert "](https://example.com/fine)" in document["report"]
    assert not {"\x1b", "\u202e"} & set(document["report"])
    saved = (trained.home / "outputs/AAPL/analysis/latest_report.md").read_text()
    assert not {"\x1b", "\u202e"} & set(saved)


def test_json_on_stdout_contains_no_terminal_control_characters(trained: Cli) -> None:
    path = trained.home / "outputs/AAPL/drift/latest_drift.json"
    path.parent.mkdir()
    path.write_text(
        json.dumps({"status": "\u202e\x1b[31m\x9b\ud83d\ude00"}, ensure_ascii=False), errors="surrogatepass"
    )
    result = trained("show", "drift", "--ticker", "AAPL")
    assert not {"\u202e", "\x1b", "\x9b"} & set(result.out)
