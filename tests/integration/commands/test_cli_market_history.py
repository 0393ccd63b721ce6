"""The market history behind a forecast: without it the forecast is still made, and reported as degraded."""

from typing import Any

import pytest

from stockops.market.ohlcv import OHLCV
from tests.price_builders import PriceFiles, history

INDEX = "^GSPC.csv"
HISTORY = history()


@pytest.fixture
def with_market(files: PriceFiles) -> PriceFiles:
    """A folder with the prices of a ticker and of a market with the same sessions."""
    files.put(HISTORY)
    files.put(HISTORY[list(OHLCV)], INDEX)
    return files


def forecast(files: PriceFiles) -> tuple[dict[str, Any], str]:
    result = files("predict-child")
    assert result.code == 0, result.err
    return result.document, result.err


def interval_width(document: dict[str, Any]) -> float:
    low, high = document["predictions"]["next_day"]["close_80"]
    return float(high - low)


def test_a_missing_market_is_reported_and_the_forecast_still_made(with_market: PriceFiles) -> None:
    complete, err = forecast(with_market)
    assert complete["degraded"] == []
    assert "without" not in err
    index = (with_market.folder / INDEX).read_bytes()
    (with_market.folder / INDEX).unlink()
    degraded, err = forecast(with_market)
    assert degraded["degraded"] == ["market history"]
    assert "AAPL: a forecast without the history of ^GSPC" in err
    assert interval_width(degraded) != interval_width(complete)
    assert degraded["predictions"]["next_day"]["close"] > 0
    again, _ = forecast(with_market)  # not an outage: it stays cached while the files are unchanged
    assert (again["cached"], again["degraded"]) == (True, ["market history"])
    with_market.put(index, INDEX)
    restored, _ = forecast(with_market)
    assert restored["predictions"] == complete["predictions"]
    assert restored["degraded"] == []


@pytest.mark.parametrize("content", [b"", b"Date,Open\n2020-01-02,x\n", b"\x00\x01\x02", b"PAR1 and nothing else"])
def test_an_unreadable_market_counts_as_missing(with_market: PriceFiles, content: bytes) -> None:
    with_market.put(content, INDEX)
    document, err = forecast(with_market)
    assert document["degraded"] == ["market history"]
    assert err.count("without the history of ^GSPC") == 1


def test_a_market_that_ends_too_early_is_reported(with_market: PriceFiles) -> None:
    with_market.put(HISTORY[list(OHLCV)].iloc[:-9], INDEX)
    document, err = forecast(with_market)
    assert document["degraded"] == ["market history"]
    assert "too early to tell of the market" in err


def test_a_market_that_ends_two_sessions_earlier_is_still_used(with_market: PriceFiles) -> None:
    with_market.put(HISTORY[list(OHLCV)].iloc[:-2], INDEX)
    assert forecast(with_market)[0]["degraded"] == []


def test_a_child_is_trained_without_its_market(with_market: PriceFiles) -> None:
    (with_market.folder / INDEX).unlink()
    result = with_market("train-child", "--epochs", "1")
    assert result.code == 0, result.err
    assert result.document["degraded"] == ["market history"]
    assert result.err.count("without the history of ^GSPC") == 1
