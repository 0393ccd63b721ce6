"""An address with an unescaped password is rejected or its service skipped; no part of the password leaks."""

import re
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest

from stockops.errors import UsageError
from stockops.settings import load, public_settings, secrets
from tests.integration.cli import Cli
from tests.loopback_http import Answer, loopback

# Unescaped, each of these splits an address at a different place.
PASSWORDS = ["xqzw/vjkp@bmfg:tdlh", "xqzw?vjkp bmfg", "1234567/vjkp", "#xqzw:vjkp"]
FRAGMENTS = ("xqzw", "vjkp", "bmfg", "tdlh", "1234567")
COMMANDS = (
    ("doctor",),
    ("predict-child", "--ticker", "AAPL"),
    ("analyze", "--ticker", "AAPL", "--no-cache"),
    ("train-child", "--ticker", "AAPL"),
    ("metrics", "--push"),
)
SCHEMES = {"REDIS_URL": "redis", "QDRANT_URL": "http", "PUSHGATEWAY_URL": "http"}


@pytest.fixture
def isolated_cli(trained: Cli) -> Cli:
    """A CLI with a trained model, MLflow on and all other network services off."""
    trained.setenv(STOCKOPS_NEWS="off", STOCKOPS_TRACKING="", STOCKOPS_VERBOSE="1", STOCKOPS_FEATURE_STORE="off")
    return trained


def run_all(cli: Cli, commands: Sequence[tuple[str, ...]] = COMMANDS) -> tuple[dict[str, int], str]:
    """Return the exit code of each command, and everything they printed or wrote below the home."""
    codes, texts = {}, []
    for command in commands:
        result = cli(*command)
        codes[command[0]] = result.code
        texts += [result.out, result.err]
    texts += [path.read_bytes().decode(errors="replace") for path in sorted(cli.home.rglob("*")) if path.is_file()]
    return codes, "\n".join(texts)


def leaked_lines(text: str) -> list[str]:
    """Return the lines that contain part of a password."""
    return [line[:300] for line in text.splitlines() if re.search("|".join(FRAGMENTS), line)]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("name", SCHEMES)
def test_an_invalid_address_is_rejected_without_its_password(isolated_cli: Cli, name: str, password: str) -> None:
    isolated_cli.setenv(**{name: f"{SCHEMES[name]}://anna:{password}@127.0.0.1:9/0"})
    # Which commands use the address does not depend on how its password is written.
    subset = COMMANDS[:3] if name == "QDRANT_URL" else COMMANDS[:1]  # it only affects reports
    codes, text = run_all(isolated_cli, COMMANDS if password == PASSWORDS[0] else subset)
    assert leaked_lines(text) == []
    assert codes["doctor"] == 2 if name != "QDRANT_URL" else 2 in codes.values()
    assert f"{name} is not the address of a" in text
    assert "percent-encode" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_unusable_address_is_reported_without_its_password(isolated_cli: Cli, password: str) -> None:
    url = f"http://anna:{password}@127.0.0.1:9"
    isolated_cli.setenv(MLFLOW_TRACKING_URI=url, LLAMA_CPP_BASE_URL=url, LLAMA_CPP_EMBED_URL=url, OLLAMA_BASE_URL=url)
    codes, text = run_all(isolated_cli)
    assert leaked_lines(text) == []
    assert [codes[name] for name in ("doctor", "predict-child", "analyze", "train-child")] == [0, 0, 0, 0]
    for service in ("mlflow", "llama.cpp", "llama.cpp embeddings", "ollama"):
        assert f"{service} at its address (not shown: it does not parse) does not serve" in text
    assert "percent-encode" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_unusable_dagshub_address_is_reported_without_its_password(isolated_cli: Cli, password: str) -> None:
    names = {"DAGSHUB_USER_NAME": "anna", "DAGSHUB_REPO_NAME": "stocks", "DAGSHUB_TOKEN": "xqzwtoken"}
    isolated_cli.setenv(STOCKOPS_DAGSHUB_URL=f"http://anna:{password}@127.0.0.1:9", **names)
    codes, text = run_all(isolated_cli)
    assert leaked_lines(text) == []
    assert (codes["doctor"], codes["train-child"]) == (0, 0)
    assert "mlflow at its address (not shown: it does not parse) does not serve" in text


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_invalid_finnhub_address_is_rejected_without_its_password(isolated_cli: Cli, password: str) -> None:
    isolated_cli.setenv(
        STOCKOPS_SOURCE="finnhub", FINNHUB_API_KEY="xqzwkey", STOCKOPS_FINNHUB_URL=f"http://a:{password}@h:9"
    )
    codes, text = run_all(isolated_cli)
    assert leaked_lines(text) == []
    assert (codes["doctor"], codes["predict-child"]) == (2, 2)
    assert "STOCKOPS_FINNHUB_URL is not an address; percent-encode" in text


def test_a_settings_error_shows_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLAMA_CPP_BASE_URL", "OLLAMA_BASE_URL", "STOCKOPS_FINNHUB_URL", "REDIS_URL"):
        monkeypatch.setenv(name, "http://anna:xqzw/vjkp@127.0.0.1:9")
    monkeypatch.setenv("STOCKOPS_SEED", "many")
    with pytest.raises(UsageError) as caught:
        load({}, tmp_path)
    assert leaked_lines("".join(traceback.format_exception(caught.value))) == []


@pytest.mark.parametrize("port", ["9", "{port}"])
def test_a_token_in_an_address_never_leaks(isolated_cli: Cli, port: str) -> None:
    with loopback(lambda _: Answer(500, ["boom"])) as server:
        url = f"http://127.0.0.1:{port.format(port=server.url.rpartition(':')[2])}/base?token=xqzw&x=vjkp"
        isolated_cli.setenv(
            MLFLOW_TRACKING_URI=url, LLAMA_CPP_BASE_URL=url, LLAMA_CPP_EMBED_URL=url, OLLAMA_BASE_URL=url,
            QDRANT_URL=url, PUSHGATEWAY_URL=url, FINNHUB_API_KEY="bmfg", STOCKOPS_FINNHUB_URL=url, STOCKOPS_NEWS="on",
        )  # fmt: skip
        _, text = run_all(isolated_cli)
    assert leaked_lines(text) == []


def test_only_addresses_without_secrets_are_passed_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CPP_BASE_URL", "http://anna:xqzw@127.0.0.1:9")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:11434")
    monkeypatch.setenv("STOCKOPS_FINNHUB_URL", "https://127.0.0.1/?token=vjkp")
    settings = load({})
    assert not leaked_lines(str(public_settings(settings)))
    assert public_settings(settings)["ollama_base_url"] == "http://127.0.0.1:11434"
    assert {"llama_cpp_base_url", "finnhub_url"} <= set(secrets(settings))
