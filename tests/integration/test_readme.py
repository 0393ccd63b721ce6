"""The README matches the code."""

import re
import shlex
import tomllib

import pytest

from stockops import settings
from stockops.errors import ExitCode
from tests.integration.cli import Cli
from tests.integration.commands.test_cli_shell import COMMANDS
from tests.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_commands_in_the_readme_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"<!-- run: .*?-->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block
    lines = block[1].splitlines()
    assert {shlex.split(line)[1] for line in lines} == {command[0] for command in COMMANDS}
    cli.setenv(STOCKOPS_SOURCE="", STOCKOPS_AS_OF="", STOCKOPS_FEATURE_STORE="", STOCKOPS_TRACKING="")
    monkeypatch.chdir(cli.home)
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "stockops"
        result = cli(*arguments)
        assert result.code == 0, f"{line}\n{result.err}"
        assert result.rows[0]["schema"] == 1


def test_the_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    quick_start = README.split("## Quick start")[1].split("```sh\n")[1].split("```")[0]
    assert quick_start == "make demo\nmake test\n"
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_exit_code_is_in_its_table() -> None:
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)] == [int(code) for code in ExitCode]


def test_every_variable_is_in_its_table_with_its_default() -> None:
    table = README.split("\n## Environment")[1].split("\n## ")[0]
    for name, field in settings.Settings.model_fields.items():
        variable = settings.variable(name)
        [row] = [line for line in table.splitlines() if line.startswith("| ") and f"`{variable}`" in line]
        if isinstance(field.default, str | int | float) and field.default and not name.endswith("_url"):
            assert f"`{field.default:g}`" in row if isinstance(field.default, float) else f"`{field.default}`" in row, (
                row
            )


def test_the_example_environment_names_real_variables() -> None:
    known = {settings.variable(name) for name in settings.Settings.model_fields}
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) <= known


def test_the_changelog_has_an_unreleased_section_and_every_pin_is_allowed() -> None:
    from packaging.requirements import Requirement

    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["sample"], *extras["baselines"], *extras["ray"], *extras["dev"]]:
        requirement = Requirement(text)
        [pinned] = [version for name, version in pins.items() if _same(name, requirement.name)]
        assert requirement.specifier.contains(pinned), text
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _same(one: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()
