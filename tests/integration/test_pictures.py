"""The text in plots: the last backtest's result or a note that there is none, and no figure without its label."""

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
DRIFT = ("drift as of", "volatility ratio", "Daily change of")  # describes the data, not the model


def text_lines(plot: Path) -> list[str]:
    """Return the lines of text in a plot."""
    with Image.open(plot) as image:
        return str(image.info["Description"]).splitlines()


@pytest.fixture(autouse=True)
def _plots_on(cli: Cli) -> None:
    cli.setenv(STOCKOPS_PLOTS="on")


@pytest.fixture(scope="module")
def plotted_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with every plot of AAPL except a backtest's; copy it, never write to it."""
    home = tmp_path_factory.mktemp("plotted")
    commands = ("train-child", "predict-child", "monitor-ticker")
    prepare(home, *((command, "--ticker", "AAPL") for command in commands), STOCKOPS_PLOTS="on")
    return home


@pytest.fixture
def plotted(cli: Cli, plotted_home: Path) -> Cli:
    shutil.copytree(plotted_home, cli.home, dirs_exist_ok=True)
    return cli


@pytest.fixture(scope="module")
def tested_home(tmp_path_factory: pytest.TempPathFactory, plotted_home: Path) -> Path:
    """The same, with a backtest and its plot."""
    home = tmp_path_factory.mktemp("tested")
    shutil.copytree(plotted_home, home, dirs_exist_ok=True)
    prepare(home, ("backtest", "--ticker", "AAPL", "--start", "2006-01-03"), STOCKOPS_PLOTS="on")
    return home


def test_every_plot_states_the_backtest_result_or_that_there_is_none(plotted: Cli, tested_home: Path) -> None:
    folder = plotted.home / "outputs/AAPL"
    for name in ("predictions", "residuals", "forecast"):
        assert UNTESTED in text_lines(folder / f"AAPL_{name}.png")
    shutil.copytree(tested_home, plotted.home, dirs_exist_ok=True)
    for command in ("predict-child", "train-child"):
        assert plotted(command, "--ticker", "AAPL").code == 0
    for name in ("predictions", "residuals", "forecast"):
        verdict = text_lines(folder / f"AAPL_{name}.png")[1]
        assert re.fullmatch(r"Close .+ \(skill .+\) in the backtest of 2006-01-03 to 2006-06-30", verdict)


def test_no_plot_shows_a_figure_without_its_label(tested_home: Path) -> None:
    plots = sorted(tested_home.rglob("outputs/**/*.png"))
    assert {path.name for path in plots} >= {"AAPL_predictions.png", "latest_drift.png", "latest_backtest.png"}
    for path in plots:
        lines = text_lines(path)
        assert len(lines) > 2, path
        for line in lines:
            assert not FIGURE.search(line) or LABELLED.search(line) or any(word in line for word in DRIFT), (path, line)


def test_held_out_windows_are_distinguished_from_training_windows(plotted: Cli) -> None:
    for name, quantity in (("predictions", "forecast"), ("residuals", "residual")):
        lines = text_lines(plotted.home / f"outputs/AAPL/AAPL_{name}.png")
        assert f"{quantity}, windows it learned from" in lines
        assert "held out of the training" in lines


def test_forecasts_beyond_the_horizon_are_marked_as_extrapolated(plotted: Cli) -> None:
    plot = plotted.home / "outputs/AAPL/AAPL_forecast.png"
    beyond = "beyond 5 sessions: extrapolated, not scored"
    assert beyond not in text_lines(plot)
    assert plotted("predict-child", "--ticker", "AAPL", "--days", "6").code == 0
    assert beyond in text_lines(plot)


def test_a_plot_states_an_old_model_and_borrowed_ranges(plotted: Cli) -> None:
    assert plotted("predict-child", "--ticker", "AAPL", "--as-of", "2006-12-29").code == 0
    lines = text_lines(plotted.home / "outputs/AAPL/AAPL_forecast.png")
    assert "model trained to 2006-06-30, 126 sessions ago" in lines
    assert "its own history is short: ranges calibrated on ^GSPC" in lines


def test_a_plot_states_that_prices_end_early(files: PriceFiles) -> None:
    files.cli.setenv(STOCKOPS_AS_OF="2024-07-08")
    files.forecast(history())
    assert "prices end 5 sessions too early" in text_lines(files.cli.home / "outputs/AAPL/AAPL_forecast.png")


def test_a_backtest_of_another_strategy_is_not_quoted(plotted: Cli) -> None:
    other = ("--start", "2006-01-03", "--strategy", "fine_tune", "--baselines", "none")
    assert plotted("backtest", "--ticker", "AAPL", *other).code == 0
    trained = plotted("train-child", "--ticker", "AAPL")
    assert trained.document["backtest"] is None
    assert UNTESTED in text_lines(plotted.home / "outputs/AAPL/AAPL_predictions.png")
    plotted.setenv(STOCKOPS_PLOTS="off")
    assert plotted("train-child", "--ticker", "AAPL", "--strategy", "fine_tune").document["backtest"] is not None
