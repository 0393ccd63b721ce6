"""What a forecast reads of the market: without it the forecast is made all the same, and that is said."""

from typing import Any

import pytest

from stockops.market.ohlcv import OHLCV
from tests.price_builders import PriceFiles, history

INDEX = "^GSPC.csv"
HISTORY = history()


@pytest.fixture
def beside(files: PriceFiles) -> PriceFiles:
    """A folder with a ticker and a market that has the same sessions."""
    files.put(HISTORY)
    files.put(HISTORY[list(OHLCV)], INDEX)
    return files


def forecast(files: PriceFiles) -> tuple[dict[str, Any], str]:
    result = files("predict-child")
    assert result.code == 0, result.err
    return result.document, result.err


def width(document: dict[str, Any]) -> float:
    low, high = document["predictions"]["next_day"]["close_80"]
    return float(high - low)


def test_a_missing_market_is_said_and_costs_no_forecast(beside: PriceFiles) -> None:
    whole, said = forecast(beside)
    assert whole["degraded"] == []
    assert "without" not in said
    index = (beside.folder / INDEX).read_bytes()
    (beside.folder / INDEX).unlink()
    poorer, said = forecast(beside)
    assert poorer["degraded"] == ["market history"]
    assert "AAPL: a forecast without the history of ^GSPC" in said
    assert width(poorer) != width(whole)
    assert poorer["predictions"]["next_day"]["close"] > 0
    again, _ = forecast(beside)  # it was no outage, so it is kept as long as the files are what they are
    assert (again["cached"], again["degraded"]) == (True, ["market history"])
    beside.put(index, INDEX)
    restored, _ = forecast(beside)
    assert restored["predictions"] == whole["predictions"]
    assert restored["degraded"] == []


@pytest.mark.parametrize("content", [b"", b"Date,Open\n2020-01-02,x\n", b"\x00\x01\x02", b"PAR1 and nothing else"])
def test_a_market_that_cannot_be_read_is_one_that_is_missing(beside: PriceFiles, content: bytes) -> None:
    beside.put(content, INDEX)
    document, said = forecast(beside)
    assert document["degraded"] == ["market history"]
    assert said.count("without the history of ^GSPC") == 1


def test_a_market_that_ended_earlier_is_said(beside: PriceFiles) -> None:
    beside.put(HISTORY[list(OHLCV)].iloc[:-9], INDEX)
    document, said = forecast(beside)
    assert document["degraded"] == ["market history"]
    assert "too early to tell of the market" in said


def test_one_that_ended_days_before_still_tells(beside: PriceFiles) -> None:
    beside.put(HISTORY[list(OHLCV)].iloc[:-2], INDEX)
    assert forecast(beside)[0]["degraded"] == []


def test_a_child_is_trained_without_its_market(beside: PriceFiles) -> None:
    (beside.folder / INDEX).unlink()
    result = beside("train-child", "--epochs", "1")
    assert result.code == 0, result.err
    assert result.document["degraded"] == ["market history"]
    assert result.err.count("without the history of ^GSPC") == 1
