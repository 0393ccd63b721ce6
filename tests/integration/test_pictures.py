"""What pictures say in letters: the last backtest's verdict, or that there is none, and no figure without its label."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.integration.cli import Cli, prepare
from tests.price_builders import PriceFiles, history

UNTESTED = "not tested on unseen sessions: run stockops backtest --ticker AAPL"
FIGURE = re.compile(r"\d\s?%|(?:skill|score|RMSE|MSE|R2|error)\D*\d", re.IGNORECASE)
LABELLED = re.compile(r"range|in the backtest of|windows it learned from|^levels: |^\w+: shift of")
DRIFT = ("drift as of", "volatility ratio", "Daily change of")  # what the data did, nothing of the model


def said(picture: Path) -> list[str]:
    """The letters of a picture, line by line."""
    with Image.open(picture) as image:
        return str(image.info["Description"]).splitlines()


@pytest.fixture(autouse=True)
def _drawn(cli: Cli) -> None:
    cli.setenv(STOCKOPS_PLOTS="on")


@pytest.fixture(scope="module")
def pictured_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with every picture of AAPL but a backtest's; copy it, never write to it."""
    home = tmp_path_factory.mktemp("pictured")
    commands = ("train-child", "predict-child", "monitor-ticker")
    prepare(home, *((command, "--ticker", "AAPL") for command in commands), STOCKOPS_PLOTS="on")
    return home


@pytest.fixture
def pictured(cli: Cli, pictured_home: Path) -> Cli:
    shutil.copytree(pictured_home, cli.home, dirs_exist_ok=True)
    return cli


@pytest.fixture(scope="module")
def tested_home(tmp_path_factory: pytest.TempPathFactory, pictured_home: Path) -> Path:
    """The same, with a backtest and its picture."""
    home = tmp_path_factory.mktemp("tested")
    shutil.copytree(pictured_home, home, dirs_exist_ok=True)
    prepare(home, ("backtest", "--ticker", "AAPL", "--start", "2006-01-03"), STOCKOPS_PLOTS="on")
    return home


def test_every_picture_says_what_the_model_is_worth(pictured: Cli, tested_home: Path) -> None:
    folder = pictured.home / "outputs/AAPL"
    for name in ("predictions", "residuals", "forecast"):
        assert UNTESTED in said(folder / f"AAPL_{name}.png")
    shutil.copytree(tested_home, pictured.home, dirs_exist_ok=True)
    for command in ("predict-child", "train-child"):
        assert pictured(command, "--ticker", "AAPL").code == 0
    for name in ("predictions", "residuals", "forecast"):
        verdict = said(folder / f"AAPL_{name}.png")[1]
        assert re.fullmatch(r"Close .+ \(skill .+\) in the backtest of 2006-01-03 to 2006-06-30", verdict)


def test_no_picture_has_a_figure_without_its_label(tested_home: Path) -> None:
    pictures = sorted(tested_home.rglob("outputs/**/*.png"))
    assert {path.name for path in pictures} >= {"AAPL_predictions.png", "latest_drift.png", "latest_backtest.png"}
    for path in pictures:
        lines = said(path)
        assert len(lines) > 2, path
        for line in lines:
            assert not FIGURE.search(line) or LABELLED.search(line) or any(word in line for word in DRIFT), (path, line)


def test_windows_held_out_are_told_from_those_learned_from(pictured: Cli) -> None:
    for name, what in (("predictions", "forecast"), ("residuals", "residual")):
        lines = said(pictured.home / f"outputs/AAPL/AAPL_{name}.png")
        assert f"{what}, windows it learned from" in lines
        assert "held out of the training" in lines


def test_what_is_beyond_the_horizon_is_drawn_apart(pictured: Cli) -> None:
    picture = pictured.home / "outputs/AAPL/AAPL_forecast.png"
    beyond = "beyond 5 sessions: extrapolated, not scored"
    assert beyond not in said(picture)
    assert pictured("predict-child", "--ticker", "AAPL", "--days", "6").code == 0
    assert beyond in said(picture)


def test_an_old_model_and_borrowed_ranges_are_said_in_the_picture(pictured: Cli) -> None:
    assert pictured("predict-child", "--ticker", "AAPL", "--as-of", "2006-12-29").code == 0
    lines = said(pictured.home / "outputs/AAPL/AAPL_forecast.png")
    assert "model trained to 2006-06-30, 126 sessions ago" in lines
    assert "its own history is short: ranges calibrated on ^GSPC" in lines


def test_prices_that_end_early_are_said_in_the_picture(files: PriceFiles) -> None:
    files.cli.setenv(STOCKOPS_AS_OF="2024-07-08")
    files.forecast(history())
    assert "prices end 5 sessions too early" in said(files.cli.home / "outputs/AAPL/AAPL_forecast.png")


def test_a_backtest_of_another_strategy_is_not_quoted(pictured: Cli) -> None:
    other = ("--start", "2006-01-03", "--strategy", "fine_tune", "--baselines", "none")
    assert pictured("backtest", "--ticker", "AAPL", *other).code == 0
    trained = pictured("train-child", "--ticker", "AAPL")
    assert trained.document["backtest"] is None
    assert UNTESTED in said(pictured.home / "outputs/AAPL/AAPL_predictions.png")
    pictured.setenv(STOCKOPS_PLOTS="off")
    assert pictured("train-child", "--ticker", "AAPL", "--strategy", "fine_tune").document["backtest"] is not None
