"""A parent of many: what it learns from, what its card says, and who is left out."""

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


def file(cli: Cli) -> str:
    return str(cli.home / "universe.txt")


def card(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "outputs" / "parent" / "^GSPC_parent_model.json").read_text()))


def test_a_parent_learns_from_the_index_and_each_of_the_universe_once_and_its_card_names_them(market: Cli) -> None:
    result = market("train-parent", "--universe", file(market), "--epochs", "1")
    assert result.code == 0, result.err
    assert result.document["degraded"] == []
    members = card(market.home)["panel"]
    assert [member["ticker"] for member in members] == ["^GSPC", *TICKERS]
    assert len({member["bars"] for member in members}) == 4
    assert all(member["rows"] == ROWS for member in members)
    assert card(market.home)["fit"]["batch_size"] == 256
    child = market("train-child", "--ticker", "KO", "--epochs", "1")
    assert child.code == 0, child.err
    assert child.document["parent"]["panel"] == 4
    assert market("predict-child", "--ticker", "KO").code == 0


def test_another_universe_is_another_parent_and_the_same_is_fresh(market: Cli) -> None:
    market.setenv(STOCKOPS_UNIVERSE=file(market))
    assert market("train-parent", "--epochs", "1").code == 0
    call = ("train-child", "--ticker", "^GSPC", "--skip-fresh", "--epochs", "1")
    assert market(*call).document["status"] == "fresh"
    (market.home / "data" / "KO.csv").write_text(to_csv(bars(ROWS, seed=77)))
    assert market(*call).document["status"] == "completed"
    (market.home / "universe.txt").write_text("AAPL\nKO\n")
    assert market(*call).document["status"] == "completed"
    assert market(*call).document["status"] == "fresh"


def test_who_cannot_be_learnt_from_is_left_out_and_that_is_said(market: Cli) -> None:
    (market.home / "universe.txt").write_text("AAPL\nNOPE\nYOUNG\n")
    (market.home / "data" / "YOUNG.csv").write_text(to_csv(bars(120)))
    result = market("train-parent", "--universe", file(market), "--epochs", "1")
    assert result.code == 0, result.err
    assert result.document["degraded"] == ["universe"]
    assert "NOPE is left out of what the parent learns from" in result.err
    assert "YOUNG is left out of what the parent learns from" in result.err
    assert [member["ticker"] for member in card(market.home)["panel"]] == ["^GSPC", "AAPL"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("NOPE\n", 3, "no ticker of the universe can be learnt from"),
        ("^GSPC\n", 2, "universe.txt names no ticker"),
        ("", 2, "universe.txt names no ticker"),
        ("AAPL\nnot a symbol!\n", 2, "'symbol!' is not a ticker symbol"),
        (None, 2, "--universe"),
    ],
)
def test_a_universe_of_nobody_is_refused(market: Cli, text: str | None, code: int, said: str) -> None:
    path = market.home / "universe.txt"
    path.unlink() if text is None else path.write_text(text)
    result = market("train-parent", "--universe", str(path), "--epochs", "1")
    assert result.code == code
    assert said in result.err
    assert not (market.home / "outputs" / "parent").exists()


def test_a_backtest_leaves_the_tested_ticker_out_of_the_panel_unless_told_otherwise(market: Cli) -> None:
    start = bars(ROWS).index[START_ROW].date().isoformat()
    call = ("backtest", "--ticker", "KO", "--start", start, "--epochs", "1", "--baselines", "none")
    result = market(*call, "--universe", file(market))
    assert result.code == 0, result.err
    assert result.document["panel"] == ["AAPL", "MSFT"]
    with_it = market(*call, "--universe", file(market), "--keep-tested")
    assert with_it.document["panel"] == ["AAPL", "KO", "MSFT"]
    assert with_it.document["channels"] != result.document["channels"]
    shown = on_a_terminal("show", "backtest", "--ticker", "KO", home=market.home, stdout=None)
    assert " others, KO among them." in shown
    plain = market(*call)
    assert plain.document["panel"] == []
    assert plain.document["channels"] != result.document["channels"]


def test_a_backtest_of_another_kind_of_parent_is_not_quoted(market: Cli) -> None:
    start = bars(ROWS).index[START_ROW].date().isoformat()
    assert market("backtest", "--ticker", "KO", "--start", start, "--epochs", "1", "--baselines", "none").code == 0
    assert market("train-child", "--ticker", "KO", "--epochs", "1").document["backtest"] is not None
    assert market("train-parent", "--universe", file(market), "--epochs", "1").code == 0
    assert market("train-child", "--ticker", "KO", "--epochs", "1").document["backtest"] is None
