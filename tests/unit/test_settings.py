from datetime import date
from pathlib import Path

import pytest

from stockops import settings
from stockops.console import options
from stockops.errors import UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STOCKOPS_HOME", str(tmp_path))
    return tmp_path


def test_flag_beats_environment_beats_dotenv_beats_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load({}).days == 5
    (home / ".env").write_text("STOCKOPS_DAYS=6\n")
    assert settings.load({}).days == 6
    monkeypatch.setenv("STOCKOPS_DAYS", "7")
    assert settings.load({}).days == 7
    assert settings.load({"days": 8}).days == 8


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKOPS_DAYS", "")
    assert settings.load({}).days == 5


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.load({}).days = 6


def test_unprefixed_variable_names_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_STRATEGY", "fine_tune")
    monkeypatch.setenv("FMI_API_KEY", "k-1")
    loaded = settings.load({})
    assert loaded.strategy == "fine_tune"
    assert loaded.finnhub_api_key is not None
    assert loaded.finnhub_api_key.get_secret_value() == "k-1"
    assert "k-1" not in repr(loaded)


@pytest.mark.parametrize("text", ["2024-06-28", "20240628"])
def test_a_date_is_never_read_as_seconds_since_1970(text: str) -> None:
    assert settings.load({"as_of": text}).as_of == date(2024, 6, 28)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("STOCKOPS_DAYS", "64", "STOCKOPS_DAYS: '64' is too large: 63 at most"),
        ("STOCKOPS_DAYS", "many", "STOCKOPS_DAYS: 'many' is no whole number"),
        ("STOCKOPS_AS_OF", "2024-02-30", "STOCKOPS_AS_OF: .*day"),
        ("STOCKOPS_SOURCE", "bloomberg", "STOCKOPS_SOURCE: 'bloomberg' is no choice: yahoo, finnhub, csv or sample"),
        ("TRANSFER_STRATEGY", "thaw", "TRANSFER_STRATEGY: 'thaw' is no choice: freeze or fine_tune"),
        ("STOCKOPS_SEED", "-1", "STOCKOPS_SEED: '-1' is too small: 0 at least"),
    ],
)
def test_an_invalid_variable_is_named_in_the_error(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message):
        settings.load({})


def test_an_invalid_flag_is_named_in_the_error() -> None:
    with pytest.raises(UsageError, match="--as-of: 'tomorrow' is no day: write it as YYYY-MM-DD"):
        settings.load({"as_of": "tomorrow"})


def test_a_dotenv_that_is_not_utf8_is_named_in_the_error(home: Path) -> None:
    (home / ".env").write_bytes(b"STOCKOPS_DAYS=\xff\xfe")
    with pytest.raises(UsageError, match=r"\.env is not UTF-8"):
        settings.load({})


def test_a_misspelt_variable_is_logged_with_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STOCKOPS_AS_FO", "2024-06-28")
    with caplog.at_level("WARNING", "stockops.settings"):
        settings.load({})
    assert "STOCKOPS_AS_FO is not a setting; did you mean STOCKOPS_AS_OF?" in caplog.text


def test_tickers_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKOPS_TICKER", "AAPL, MSFT 7203.T")
    assert settings.load({}).ticker == ("AAPL", "MSFT", "7203.T")


def test_every_option_is_a_setting_and_its_help_names_the_variable() -> None:
    declared = [value for value in vars(options).values() if hasattr(value, "annotation")]
    assert len(declared) >= 15
    for option in declared:
        assert option.name in settings.Settings.model_fields
        [info] = option.annotation.__metadata__
        assert f"[env: {settings.variable(option.name)}]" in info.help


def test_every_setting_has_a_description() -> None:
    for name, field in settings.Settings.model_fields.items():
        assert field.description, name
