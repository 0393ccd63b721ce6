"""One settings object: flag > environment > `.env` in the home > default; typed, validated, frozen.

Each field is an environment variable: `STOCKOPS_` and the field's name in capitals, unless it has an alias. A field
with the name of a command-line option is that option.
"""

import difflib
import logging
import os
import re
import stat
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stockops.errors import UsageError
from stockops.market import exchanges
from stockops.market.symbols import parse
from stockops.records import (
    Baseline,
    Device,
    DriftOn,
    EngineName,
    FailOn,
    Level,
    OnMissing,
    PerSymbol,
    PricePolicy,
    Refit,
    Source,
    Split,
    Strategy,
    Switch,
)
from stockops.wording import one_line, well_formed

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

log = logging.getLogger("stockops.settings")

PREFIX = "STOCKOPS_"

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)  # pandas timestamps cover 1677 to 2262
_LONGEST = 1e6  # seconds, 11 days: sockets and timers accept little more
_LONGEST_FILE = 1 << 20  # bytes, of a `.env`
_WITH_SECRET = re.compile(r"[@?]")  # an address with a password, or a token in its query
_MAY_HOLD_SECRETS = (
    "ray_address", "finnhub_url", "llama_cpp_base_url", "llama_cpp_embed_url", "ollama_base_url", "dagshub_url",
)  # fmt: skip


def _day(value: object) -> object:
    """Parse YYYY-MM-DD; pydantic alone would read 20240628 as seconds since 1970."""
    if not isinstance(value, str):
        return value
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no day: write it as YYYY-MM-DD") from None
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise ValueError(f"{value!r} is out of reach: days from {_FIRST_DAY} to {_LAST_DAY} are taken")
    return day


def _key(value: object) -> object:
    """Strip a key and check that a header can carry it; the key is never shown."""
    if not isinstance(value, str):
        return value
    key = value.strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError("it holds a letter that no key has: copy it anew")
    return key


def _text(value: object) -> object:
    return well_formed(value) if isinstance(value, str) else value


def _words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _symbols(value: object) -> object:
    """Parse comma-separated symbols, in one option or several."""
    if isinstance(value, (list, tuple)):
        return tuple(part.strip() for given in value for part in str(given).split(","))
    return _words(value)


def _per_symbol(value: object) -> object:
    """Parse VALUE, SYMBOL=VALUE, or several of them."""
    if not isinstance(value, str):
        return PerSymbol() if value is None else value
    every: str | None = None
    named = {}
    for word in value.replace(",", " ").split():
        symbol, given, own = word.rpartition("=")
        if given:
            named[parse(symbol)] = own
        else:
            every = own
    return PerSymbol(every, tuple(named.items()))


def _currencies(value: object) -> object:
    told = _per_symbol(value)
    if not isinstance(told, PerSymbol):
        return told
    every = exchanges.currency(told.every) if told.every else None
    return PerSymbol(every, tuple((symbol, exchanges.currency(own)) for symbol, own in told.named))


def _baselines(value: object) -> object:
    """Parse baseline names, ignoring case; `all` selects all, `none` selects none."""
    words = _words(value)
    if not isinstance(words, (list, tuple)):
        return words
    known = {name.lower(): name for name in get_args(Baseline)}
    names = [part for word in words for part in str(word).replace(",", " ").split()]
    if [name.lower() for name in names] in (["all"], ["none"]):
        return tuple(known.values()) if names[0].lower() == "all" else ()
    return tuple(dict.fromkeys(known.get(name.lower(), name) for name in names))


class Settings(BaseSettings):
    """The settings of a call, from flags, environment, `.env` and defaults."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_ignore_empty=True,
        env_file_encoding="utf-8",
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(Path(), description="where everything is read and written")

    source: Source = Field("yahoo", description="where prices come from")
    data_dir: Path | None = Field(None, description="folder of <SYMBOL>.csv files for --source csv")
    prices: PricePolicy = Field("strict", description="what becomes of bars that are hard to believe")
    calendar: Annotated[PerSymbol, NoDecode, BeforeValidator(_per_symbol)] = Field(
        PerSymbol(), description="calendar of the tickers, or SYMBOL=CALENDAR"
    )
    currency: Annotated[PerSymbol, NoDecode, BeforeValidator(_currencies)] = Field(
        PerSymbol(), description="currency of the prices in files, or SYMBOL=CURRENCY"
    )
    max_behind: int = Field(20, ge=0, description="sessions that a live history may be behind a forecast")
    as_of: Annotated[date, BeforeValidator(_day)] | None = Field(None, description="the day to believe in")
    json_output: bool = Field(
        False, validation_alias=AliasChoices("STOCKOPS_JSON"), description="JSON on a terminal too"
    )
    quiet: bool = Field(False, description="errors only on stderr")
    verbose: bool = Field(False, description="more on stderr, tracebacks included")
    seed: int = Field(7, ge=0, lt=2**32, description="seed of every random choice")
    device: Device = Field("auto", description="where torch computes")
    threads: int = Field(2, ge=1, le=256, description="threads torch computes on")
    jobs: int | None = Field(None, ge=1, le=1_024, description="tickers worked on at once; as the cores allow")
    engine: EngineName = Field("local", description="where tickers are worked on: this machine or a Ray cluster")
    ray_address: str = Field("", description="head of the Ray cluster; by default one on this machine")
    skip_fresh: bool = Field(False, description="leave models that are whole and current")

    ticker: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_symbols)] = Field((), description="symbols")
    tickers_file: Path | None = Field(None, description="file of symbols, one a line; - is stdin")
    strategy: Strategy = Field(
        "freeze",
        validation_alias=AliasChoices("TRANSFER_STRATEGY", "STOCKOPS_STRATEGY"),
        description="what a child trains: its head, or everything",
    )
    universe: Path | None = Field(None, description="file of symbols that the parent learns from beside ^GSPC")
    keep_tested: bool = Field(False, description="whether a backtest's parent may learn from the tested ticker")
    split: Split = Field("random", description="which windows are held out for validation")
    epochs: int | None = Field(
        None, ge=1, le=10_000, description="20 for the parent (5 with a universe), 10 for a child"
    )
    days: int = Field(5, ge=1, le=63, description="sessions to forecast")
    start: Annotated[date, BeforeValidator(_day)] | None = Field(None, description="first origin of a backtest")
    end: Annotated[date, BeforeValidator(_day)] | None = Field(None, description="its last origin")
    refit: Refit = Field("never", description="when a backtest trains anew")
    baselines: Annotated[tuple[Baseline, ...], NoDecode, BeforeValidator(_baselines)] = Field(
        ("drift", "har", "parent"), description="what a backtest compares with, beside the naive forecasts; all; none"
    )
    forecasts: Path | None = Field(None, description="CSV file of a backtest's single forecasts")
    on_missing: OnMissing = Field("train", description="what to do without a model")
    replace: bool = Field(False, description="let a training that looks back replace a model of later sessions")
    model_max_age: int = Field(63, ge=0, description="sessions unseen by a model beyond which it is stale")

    max_missing_sessions: int = Field(3, ge=0, description="longest hole in a history that is let pass")
    lock_timeout_seconds: float = Field(600, ge=0, le=_LONGEST, description="how long to wait for another training")
    http_timeout_seconds: float = Field(10, gt=0, le=_LONGEST, description="of one request for prices")
    downloads: int = Field(2, ge=1, le=64, description="requests to a price vendor at once, of all processes")
    http_attempts: int = Field(4, ge=1, le=20, description="requests before giving up on a vendor")
    http_wait_seconds: float = Field(
        2, ge=0, le=_LONGEST, description="wait after the first failure, doubled each time"
    )
    http_total_seconds: float = Field(60, gt=0, le=_LONGEST, description="bound on all attempts together")
    finnhub_api_key: Annotated[SecretStr, BeforeValidator(_key)] | None = Field(
        None,
        validation_alias=AliasChoices("FINNHUB_API_KEY", "FMI_API_KEY"),
        description="key for --source finnhub",
    )
    finnhub_url: str = Field("https://finnhub.io/api/v1", description="Finnhub's address")

    news: Switch = Field("on", description="whether an analysis looks for news")
    question: Annotated[str, BeforeValidator(_text)] | None = Field(None, description="what an analysis is to answer")
    thread_id: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]{1,64}$", description="conversation that goes on")
    llama_cpp_base_url: str | None = Field(
        None, validation_alias=AliasChoices("LLAMA_CPP_BASE_URL"), description="llama.cpp server that chats"
    )
    llama_cpp_embed_url: str | None = Field(
        None, validation_alias=AliasChoices("LLAMA_CPP_EMBED_URL"), description="llama.cpp server that embeds"
    )
    llm_model: str = Field("", validation_alias=AliasChoices("LLM_MODEL"), description="model asked of llama.cpp")
    llm_api_key: Annotated[SecretStr, BeforeValidator(_key)] | None = Field(
        None, validation_alias=AliasChoices("LLM_API_KEY"), description="key for the llama.cpp servers"
    )
    embed_model: str = Field(
        "nomic-embed-text", validation_alias=AliasChoices("EMBED_MODEL"), description="embedding, 768 dimensions"
    )
    ollama_base_url: str | None = Field(
        None, validation_alias=AliasChoices("OLLAMA_BASE_URL"), description="Ollama, asked where llama.cpp fails"
    )
    ollama_model: str = Field(
        "llama3.1", validation_alias=AliasChoices("OLLAMA_MODEL"), description="model asked of Ollama"
    )
    llm_timeout_seconds: float = Field(
        120, gt=0, le=_LONGEST, description="of one language model's answer, repair included"
    )
    llm_total_seconds: float = Field(240, gt=0, le=_LONGEST, description="bound on all language models together")
    llm_max_tokens: int = Field(1024, ge=64, description="longest answer")
    llm_context_tokens: int = Field(8192, ge=1024, description="context that Ollama is asked for")
    qdrant_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("QDRANT_URL"), description="Qdrant for kept reports"
    )
    qdrant_host: str | None = Field(
        None, validation_alias=AliasChoices("QDRANT_HOST"), description="its host, where no URL is given"
    )
    qdrant_port: int = Field(
        6333, ge=1, le=65_535, validation_alias=AliasChoices("QDRANT_PORT"), description="its port"
    )
    qdrant_api_key: Annotated[SecretStr, BeforeValidator(_key)] | None = Field(
        None, validation_alias=AliasChoices("QDRANT_API_KEY"), description="its key, where it wants one"
    )

    no_cache: bool = Field(False, description="neither answer from the cache nor keep in it")
    redis_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("REDIS_URL"), description="Redis for state and online features"
    )
    redis_host: str | None = Field(
        None, validation_alias=AliasChoices("REDIS_HOST"), description="its host, where no URL is given"
    )
    redis_port: int = Field(6379, ge=1, le=65_535, validation_alias=AliasChoices("REDIS_PORT"), description="its port")
    service_timeout_seconds: float = Field(
        1, gt=0, le=_LONGEST, description="of connecting to Redis, and of each answer"
    )

    feature_store: Switch = Field("on", description="whether features go through Feast")

    plots: Switch = Field("on", description="whether pictures are drawn")

    tracking: Switch = Field("on", description="whether trainings are recorded in MLflow")
    mlflow_tracking_uri: SecretStr | None = Field(
        None, validation_alias=AliasChoices("MLFLOW_TRACKING_URI"), description="MLflow server, or SQLite file"
    )
    dagshub_user_name: str | None = Field(
        None, validation_alias=AliasChoices("DAGSHUB_USER_NAME"), description="owner of a DagsHub repository"
    )
    dagshub_repo_name: str | None = Field(
        None, validation_alias=AliasChoices("DAGSHUB_REPO_NAME"), description="name of a DagsHub repository"
    )
    dagshub_token: Annotated[SecretStr, BeforeValidator(_key)] | None = Field(
        None, validation_alias=AliasChoices("DAGSHUB_TOKEN"), description="token for DagsHub"
    )
    dagshub_url: str = Field("https://dagshub.com", description="DagsHub's address")

    pushgateway_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("PUSHGATEWAY_URL"), description="pushgateway, told after each command"
    )
    instance: str = Field("", description="what metrics call this home; by default host and folder")
    push: bool = Field(False, description="give the metrics to the pushgateway")
    textfile: Path | None = Field(None, description="file for node_exporter's textfile collector")
    listen: str = Field("", description="HOST:PORT to serve /metrics on")
    fail_on: Level | None = Field(None, description="health from which monitoring leaves with 6")
    drift_on: DriftOn = Field("returns", description="which drift verdict counts")
    backtest_fail_on: FailOn | None = Field(None, description="finding on Close from which a backtest leaves with 6")

    doctor_seconds: float = Field(8, gt=0, le=_LONGEST, description="longest that `doctor` waits for anything")
    background: bool = Field(False, description="train in a worker that outlives the call")
    wait: bool = Field(False, description="wait for a task to end")
    timeout_seconds: float | None = Field(None, gt=0, le=_LONGEST, description="longest wait for a task")
    max_workers: int = Field(4, ge=1, le=256, description="background workers of a home at once")

    @property
    def redis_address(self) -> str:
        """Return the URL of Redis, "" if not configured."""
        if self.redis_url:
            return self.redis_url.get_secret_value()
        return f"redis://{self.redis_host}:{self.redis_port}/0" if self.redis_host else ""

    @property
    def qdrant_address(self) -> str:
        """Return the URL of Qdrant, "" if not configured."""
        if self.qdrant_url:
            return self.qdrant_url.get_secret_value()
        return f"http://{self.qdrant_host}:{self.qdrant_port}" if self.qdrant_host else ""


def load(flags: dict[str, Any], home: Path | None = None, command: str = "") -> Settings:
    """Return the settings of a call with these command-line `flags`; UsageError names what is wrong.

    home: from STOCKOPS_HOME if not given. command: whose help to point to if an option is wrong.
    """
    home = home or _home()
    _check_file(home / ".env")
    try:
        settings = Settings(_env_file=home / ".env", home=home, **flags)  # type: ignore[call-arg]
    except ValidationError as exc:
        raise _wrong(exc, flags, home / ".env", command) from None
    except UnicodeDecodeError:
        raise UsageError(f"{home / '.env'} is not UTF-8 text") from None
    _warn_of_typos(home / ".env")
    return settings


def _home() -> Path:
    """Return the home named by STOCKOPS_HOME; UsageError for a path that cannot be a folder."""
    shown = os.environ.get(f"{PREFIX}HOME") or "."
    try:
        home = Path(shown).expanduser().absolute()
        os.stat(home)
    except (FileNotFoundError, NotADirectoryError):  # reported better by `doctor`, and on writing
        return home
    except RuntimeError:
        raise UsageError(f"{PREFIX}HOME: there is no user {shown.split('/')[0]}", "write the whole path") from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise UsageError(f"{PREFIX}HOME: {one_line(shown, 60)}: {reason}", "choose another folder") from None
    return home


def _check_file(path: Path) -> None:
    """Raise UsageError for a `.env` that is unreadable, not a regular file (a pipe would block) or too large."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}", "move it away") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LONGEST_FILE:
        raise UsageError(f"{path} is no file of settings", "move it away")


def public_settings(settings: Settings) -> dict[str, Any]:
    """Return every non-secret setting, so that a worker elsewhere can use the same."""
    return {name: getattr(settings, name) for name in Settings.model_fields if not _hides(settings, name)}


def secrets(settings: Settings) -> tuple[str, ...]:
    """Return the names of the secrets that are set."""
    fields = Settings.model_fields
    return tuple(name for name in fields if _hides(settings, name) and getattr(settings, name) is not None)


def _hides(settings: Settings, name: str) -> bool:
    """Return whether a setting is a secret, or an address that contains one."""
    if name in _MAY_HOLD_SECRETS:
        return _WITH_SECRET.search(getattr(settings, name) or "") is not None
    return _is_secret(Settings.model_fields[name])


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def variable(name: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{name.upper()}"


def _wrong(exc: ValidationError, flags: dict[str, Any], file: Path, command: str) -> UsageError:
    """Return the UsageError: the flag or variable at fault, what is wrong with it, and its value unless secret."""
    problem = exc.errors(include_url=False, include_input=False)[0]
    place = str(problem["loc"][0])
    name = next(name for name in Settings.model_fields if place in (name, variable(name)))
    shown = variable(name)
    if name in flags:
        shown, value, hint = (
            f"--{name.replace('_', '-')}",
            flags[name],
            " ".join(["see stockops", *filter(None, [command]), "--help"]),
        )
    elif os.environ.get(shown):
        value, hint = os.environ[shown], "correct it, or unset it"
    else:
        value, hint = _in_file(file).get(shown), f"correct it in {file}"
    secret = value is None or _is_secret(Settings.model_fields[name])
    return UsageError(f"{shown}: {_told(problem, 'its value' if secret else repr(str(value)))}", hint)


def _told(problem: "ErrorDetails", value: str) -> str:
    """Return pydantic's complaint about a value in plain words."""
    bounds = {name: f"{bound:g}" for name, bound in problem.get("ctx", {}).items() if isinstance(bound, (int, float))}
    match problem["type"]:
        case "value_error":
            return problem["msg"].removeprefix("Value error, ")
        case "int_parsing" | "int_type" | "int_from_float":
            return f"{value} is no whole number"
        case "float_parsing" | "float_type":
            return f"{value} is no number"
        case "bool_parsing" | "bool_type":
            return f"{value} is neither 1 nor 0"
        case "less_than_equal":
            return f"{value} is too large: {bounds['le']} at most"
        case "greater_than_equal":
            return f"{value} is too small: {bounds['ge']} at least"
        case "less_than":
            return f"{value} is too large: it must be below {bounds['lt']}"
        case "greater_than":
            return f"{value} is too small: it must be above {bounds['gt']}"
        case "literal_error":
            return f"{value} is no choice: {str(problem['ctx']['expected']).replace(chr(39), '')}"
        case "string_pattern_mismatch":
            return f"{value} may hold letters, digits, '.', '_' and '-' only, 64 at most"
    return f"{value}: {problem['msg']}"


def _in_file(file: Path) -> dict[str, str | None]:
    """Return the variables set in a `.env`."""
    from dotenv import dotenv_values

    return dotenv_values(file, encoding="utf-8") if file.is_file() else {}


def _warn_of_typos(file: Path) -> None:
    known = {variable(name) for name in Settings.model_fields} | {"STOCKOPS_STRATEGY"}
    for place, names in (("", list(os.environ)), (f" (in {file})", list(_in_file(file)))):
        for name in names:
            if name.startswith(PREFIX) and name not in known:
                close = difflib.get_close_matches(name, known, 1)
                log.warning("%s%s is not a setting%s", name, place, f"; did you mean {close[0]}?" if close else "")
