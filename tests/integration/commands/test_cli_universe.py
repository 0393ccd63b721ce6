"""A parent trained on a universe of tickers: its panel, its card, and the tickers left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import bars, to_csv
from tests.integration.cli import Cli, on_a_terminal

TICKERS = ("AAPL", "KO", "MSFT")
ROWS, START_ROW = 260, 195  # little more than a model and a backtest need


@pytest.fixture
def market(cli: Cli) -> Cli:
    data = cli.home / "data"
    data.mkdir()
    for seed, symbol in enumerate(("^GSPC", *TICKERS)):
        (data / f"{symbol}.csv").write_text(to_csv(bars(ROWS, seed=seed)))
    (cli.home / "universe.txt").write_text("\n".join((*TICKERS, "^GSPC", "AAPL")) + "\n")
    cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(data), STOCKOPS_AS_OF="")
    return cli


def universe_file(cli: Cli) -> str:
    return str(cli.home / "universe.txt")


def parent_card(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "outputs" / "parent" / "^GSPC_parent_model.json").read_text()))


def test_a_parent_is_trained_on_each_ticker_once_and_lists_them_on_its_card(market: Cli) -> None:
    result = market("train-parent", "--universe", universe_file(market), "--epochs", "1")
    assert result.code == 0, result.err
    assert result.document["degraded"] == []
    members = parent_card(market.home)["panel"]
    assert [member["ticker"] for member in members] == ["^GSPC", *TICKERS]
    assert len({member["bars"] for member in members}) == 4
    assert all(member["rows"] == ROWS for member in members)
    assert parent_card(market.home)["fit"]["batch_size"] == 256
    child = market("train-child", "--ticker", "KO", "--epochs", "1")
    assert child.code == 0, child.err
    assert child.document["parent"]["panel"] == 4
    assert market("predict-child", "--ticker", "KO").code == 0


def test_a_parent_is_fresh_until_its_universe_changes(market: Cli) -> None:
    market.setenv(STOCKOPS_UNIVERSE=universe_file(market))
    assert market("train-parent", "--epochs", "1").code == 0
    call = ("train-child", "--ticker", "^GSPC", "--skip-fresh", "--epochs", "1")
    assert market(*call).document["status"] == "fresh"
    (market.home / "data" / "KO.csv").write_text(to_csv(bars(ROWS, seed=77)))
    assert market(*call).document["status"] == "completed"
    (market.home / "universe.txt").write_text("AAPL\nKO\n")
    assert market(*call).document["status"] == "completed"
    assert market(*call).document["status"] == "fresh"


def test_unusable_tickers_are_left_out_with_a_warning(market: Cli) -> None:
    (market.home / "universe.txt").write_text("AAPL\nNOPE\nYOUNG\n")
    (market.home / "data" / "YOUNG.csv").write_text(to_csv(bars(120)))
    result = market("train-parent", "--universe", universe_file(market), "--epochs", "1")
    assert result.code == 0, result.err
    assert result.document["degraded"] == ["universe"]
    assert "NOPE is left out of what the parent learns from" in result.err
    assert "YOUNG is left out of what the parent learns from" in result.err
    assert [member["ticker"] for member in parent_card(market.home)["panel"]] == ["^GSPC", "AAPL"]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("NOPE\n", 3, "no ticker of the universe can be learnt from"),
        ("^GSPC\n", 2, "universe.txt names no ticker"),
        ("", 2, "universe.txt names no ticker"),
        ("AAPL\nnot a symbol!\n", 2, "'symbol!' is not a ticker symbol"),
        (None, 2, "--universe"),
    ],
)
def test_a_universe_without_usable_tickers_is_rejected(market: Cli, text: str | None, code: int, message: str) -> None:
    path = market.home / "universe.txt"
    path.unlink() if text is None else path.write_text(text)
    result = market("train-parent", "--universe", str(path), "--epochs", "1")
    assert result.code == code
    assert message in result.err
    assert not (market.home / "outputs" / "parent").exists()


def test_a_backtest_excludes_the_tested_ticker_from_the_panel_by_default(market: Cli) -> None:
    start = bars(ROWS).index[START_ROW].date().isoformat()
    call = ("backtest", "--ticker", "KO", "--start", start, "--epochs", "1", "--baselines", "none")
    result = market(*call, "--universe", universe_file(market))
    assert result.code == 0, result.err
    assert result.document["panel"] == ["AAPL", "MSFT"]
    with_tested = market(*call, "--universe", universe_file(market), "--keep-tested")
    assert with_tested.document["panel"] == ["AAPL", "KO", "MSFT"]
    assert with_tested.document["channels"] != result.document["channels"]
    shown = on_a_terminal("show", "backtest", "--ticker", "KO", home=market.home, stdout=None)
    assert " others, KO among them." in shown
    without_universe = market(*call)
    assert without_universe.document["panel"] == []
    assert without_universe.document["channels"] != result.document["channels"]


def test_a_backtest_of_another_kind_of_parent_is_not_quoted(market: Cli) -> None:
    start = bars(ROWS).index[START_ROW].date().isoformat()
    assert market("backtest", "--ticker", "KO", "--start", start, "--epochs", "1", "--baselines", "none").code == 0
    assert market("train-child", "--ticker", "KO", "--epochs", "1").document["backtest"] is not None
    assert market("train-parent", "--universe", universe_file(market), "--epochs", "1").code == 0
    assert market("train-child", "--ticker", "KO", "--epochs", "1").document["backtest"] is None
