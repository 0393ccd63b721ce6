"""No row after `as_of` may influence any output."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders import bars, to_csv
from tests.integration.cli import Cli, prepare

ROWS = to_csv(bars(330)).splitlines()
CUT = 230
AS_OF = ROWS[CUT].split(",")[0]


def alter_rows(kind: str, lines: list[str]) -> list[str]:
    rng = random.Random(0)

    def nonsense(line: str) -> str:
        day = line.split(",")[0]
        if kind == "text":
            return f"{day},n/a,,?,-,x"
        if kind == "negative":
            return f"{day},-1,-2,-3,-4,-5"
        return f"{day}," + ",".join(str(rng.uniform(1, 1e6)) for _ in range(5))

    return [] if kind == "gone" else [nonsense(line) for line in lines]


def write_prices(folder: Path, kind: str | None, cut: int = CUT) -> None:
    folder.mkdir()
    later = ROWS[cut + 1 :] if kind is None else alter_rows(kind, ROWS[cut + 1 :])
    for symbol in ("AAPL", "^GSPC"):
        (folder / f"{symbol}.csv").write_text("\n".join([*ROWS[: cut + 1], *later]) + "\n")


Artifacts = dict[str, bytes]
Reference = Callable[[object, Callable[[Cli], Artifacts]], Artifacts]  # for a key, the artifacts of an unaltered run


@pytest.fixture(scope="module")
def _reference_artifacts() -> dict[object, Artifacts]:
    return {}


@pytest.fixture
def reference(
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
    _reference_artifacts: dict[object, Artifacts],
) -> Reference:
    """Return the artifacts to compare a case with, made once per key, in a separate home."""

    def get(key: object, make: Callable[[Cli], Artifacts]) -> Artifacts:
        if key not in _reference_artifacts:
            with pytest.MonkeyPatch.context() as environment:
                _reference_artifacts[key] = make(Cli(tmp_path_factory.mktemp("reference"), capfd, environment))
        return _reference_artifacts[key]

    return get


def train_and_forecast(cli: Cli, kind: str | None, plots: str) -> Artifacts:
    """Train and forecast as of a day, with later rows altered by `kind`; return stdout and the artifacts."""
    write_prices(cli.home / "data", kind)
    data = str(cli.home / "data")
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=data, STOCKOPS_AS_OF=AS_OF, STOCKOPS_PLOTS=plots)
    out = []
    for command in (("train-child", "--ticker", "AAPL"), ("predict-child", "--ticker", "AAPL"), ("predict-parent",)):
        document = cli(*command).document
        document.pop("duration_seconds", None)
        out.append(json.dumps(document))
    found = {name: (cli.home / name).read_bytes() for name in cli.files() if name.startswith("outputs/")}
    return found | {"stdout": "\n".join(out).encode()}


# Plots take most of the time of a call: they are drawn only where the later rows are valid prices.
@pytest.mark.parametrize(("kind", "plots"), [("random", "on"), ("negative", "off"), ("text", "off"), ("gone", "off")])
def test_rows_after_as_of_change_no_byte(cli: Cli, kind: str, plots: str, reference: Reference) -> None:
    expected = reference(plots, lambda reference_cli: train_and_forecast(reference_cli, None, plots))
    found = train_and_forecast(cli, kind, plots)
    models = {name for name in found if name.endswith(("_model.pt", "_model.json"))}
    assert len(models) == 4, "a parent and a child, a file and a card each"
    assert any(name.endswith("_forecast.png") for name in found) == (plots == "on")
    assert found.keys() == expected.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


GRID = ((260, "on"), (320, "off"))
CALL_FIELDS = {"timestamp", "duration_seconds", "made_at"}  # when a call was made and how long it took


def without_call_fields(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_call_fields(inner) for name, inner in value.items() if name not in CALL_FIELDS}
    return [without_call_fields(inner) for inner in value] if isinstance(value, list) else value


def run_every_command(cli: Cli, cut: int, kind: str | None, plots: str) -> Artifacts:
    """Run every command as of a day, with later rows altered by `kind`; return all documents and artifacts."""
    data, as_of = cli.home / "data", ROWS[cut].split(",")[0]
    write_prices(data, kind, cut)
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(data), STOCKOPS_AS_OF=as_of, STOCKOPS_PLOTS=plots)
    ticker, start = ("--ticker", "AAPL"), ROWS[cut - 65].split(",")[0]
    found = {}
    for command in (
        ("train-parent",),
        ("train-child", *ticker),
        ("predict-parent",),
        ("predict-child", *ticker, "--days", "8"),
        ("backtest", *ticker, "--start", start, "--forecasts", str(cli.home / "forecasts.csv")),
        ("analyze", *ticker),
        ("monitor-ticker", *ticker),
        ("monitor-parent",),
        ("train-child", *ticker, "--strategy", "fine_tune"),
    ):
        result = cli(*command)
        assert result.code == 0, result.err
        found[" ".join(word for word in command if not word.startswith("/"))] = json.dumps(
            without_call_fields(result.document)
        ).encode()
    for name in cli.files():
        if name.startswith(("outputs/", "forecasts")) and "agent_eval/eval_" not in name:
            content = (cli.home / name).read_bytes()
            has_call_fields = name.endswith(".json") and not name.endswith("_model.json")
            found[name] = json.dumps(without_call_fields(json.loads(content))).encode() if has_call_fields else content
    return found


@pytest.mark.parametrize(("cut", "plots"), GRID)
def test_no_command_uses_rows_after_as_of(cli: Cli, cut: int, plots: str, reference: Reference) -> None:
    """The promise of docs/as-of.md, byte by byte, for several days and every command."""
    expected = reference(cut, lambda reference_cli: run_every_command(reference_cli, cut, None, plots))
    found = run_every_command(cli, cut, "random", plots)
    assert len(found) > 30
    assert sum(name.endswith(".png") for name in found) == (9 if plots == "on" else 0)
    assert found.keys() == expected.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


@pytest.fixture(scope="module")
def newer_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose models were trained on every row; copy it, never write to it."""
    home = tmp_path_factory.mktemp("newer")
    write_prices(home / "data", None)
    source = {"STOCKOPS_SOURCE": "csv", "STOCKOPS_DATA_DIR": str(home / "data"), "STOCKOPS_AS_OF": ""}
    prepare(home, ("train-child", "--ticker", "AAPL"), **source)
    return home


@pytest.fixture
def newer(cli: Cli, newer_home: Path) -> Cli:
    shutil.copytree(newer_home, cli.home, dirs_exist_ok=True)
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(cli.home / "data"), STOCKOPS_AS_OF="")
    return cli


def test_a_look_back_neither_uses_nor_replaces_models_of_later_sessions(newer: Cli) -> None:
    before = {name: (newer.home / name).read_bytes() for name in newer.files()}
    result = newer("predict-child", "--ticker", "AAPL", "--as-of", AS_OF)
    assert result.document["trained_to"] == result.document["last_date"] == AS_OF
    assert "was trained on later sessions and stays" in result.err
    added = {name for name in newer.files() if name not in before}
    assert {name.rsplit("/", 2)[0] for name in added} == {f"outputs/as_of/{AS_OF}"}
    assert all((newer.home / name).read_bytes() == data for name, data in before.items())
    again = newer("predict-child", "--ticker", "AAPL", "--as-of", AS_OF, "--on-missing", "fail")
    assert again.document == result.document | {"cached": True}


def test_a_look_back_equals_a_run_on_that_day(newer: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    expected = newer("predict-child", "--ticker", "AAPL", "--as-of", AS_OF).document
    newer.setenv(STOCKOPS_HOME=str(tmp_path_factory.mktemp("that_day")))
    assert newer("predict-child", "--ticker", "AAPL", "--as-of", AS_OF).document == expected


def test_an_older_model_serves_a_later_day(cli: Cli) -> None:
    write_prices(cli.home / "data", None)
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(cli.home / "data"), STOCKOPS_AS_OF=AS_OF)
    version = cli("train-child", "--ticker", "AAPL").document["model_version"]
    later = cli("predict-child", "--ticker", "AAPL", "--as-of", ROWS[CUT + 50].split(",")[0]).document
    assert later["model_version"] == version
    assert later["trained_to"] < later["last_date"]


def test_without_as_of_a_parent_of_later_sessions_is_used_with_a_warning(newer: Cli) -> None:
    (newer.home / "data" / "AAPL.csv").write_text("\n".join(ROWS[: CUT + 1]) + "\n")
    result = newer("train-child", "--ticker", "AAPL")
    assert result.code == 0
    assert "the model of ^GSPC has seen sessions to" in result.err
    assert f"give --as-of {AS_OF} for a result without look-ahead" in result.err
