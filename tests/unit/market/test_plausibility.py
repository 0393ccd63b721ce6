"""Hits and false alarms of the price check, on histories like a market's and on real ones where they are at hand."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockops.adapters.market_data import price_plain
from stockops.adapters.market_data.sample_feed import SampleFeed
from stockops.market import adjustment, calendar, ohlcv, plausibility
from stockops.market.ohlcv import PRICES
from stockops.market.suspicion import Suspicion
from tests.builders import bars, market, rescaled
from tests.places import SHARED

DATA = SHARED / "data"
SERIES = int(os.environ.get("TEST_SERIES", "300"))  # by hand: 10,000


def plain(path: Path) -> pd.DataFrame:
    table = price_plain.table(path.read_bytes())
    assert table is not None
    return table


def kinds(found: tuple[Suspicion, ...]) -> list[tuple[str, int]]:
    return [(suspicion.kind, suspicion.row) for suspicion in found]


@pytest.mark.parametrize(("new", "old"), [(2, 1), (3, 1), (4, 1), (10, 1), (20, 1), (1, 5), (1, 10), (1, 20)])
@pytest.mark.parametrize("row", [60, 200, 399])
def test_a_split_that_nobody_adjusted_for_is_named_with_its_ratio(new: int, old: int, row: int) -> None:
    [found] = plausibility.find(rescaled(market(), slice(row), new / old, old / new))
    assert (found.kind, found.row) == ("split", row)
    assert f"a {new}-for-{old} split" in found.guess
    assert (found.prices, found.volumes) == (old / new, new / old)


@pytest.mark.parametrize("factor", [100.0, 0.01])
@pytest.mark.parametrize("row", [60, 200, 390])
def test_a_change_of_unit_is_no_split(factor: float, row: int) -> None:
    [found] = plausibility.find(rescaled(market(), slice(row), factor))
    assert kinds((found,)) == [("unit", row)]
    assert found.certain
    assert found.prices == pytest.approx(1 / factor)


@pytest.mark.parametrize("factor", [100.0, 0.01, 10.0, 0.1, 3.0, 0.5])
@pytest.mark.parametrize("bars_away", [1, 2])
def test_a_bar_far_away_that_comes_back_is_a_bad_tick(factor: float, bars_away: int) -> None:
    found = plausibility.find(rescaled(market(), slice(200, 200 + bars_away), factor))
    assert kinds(found) == [("tick", 200)]
    assert found[0].end == 200 + bars_away


@pytest.mark.parametrize("factor", [100.0, 0.01, 10.0, 0.1, 2.0, 0.5])
def test_a_bar_far_away_at_the_end_is_suspicious_and_never_certain(factor: float) -> None:
    [found] = plausibility.find(rescaled(market(), slice(399, 400), factor))
    assert found.row == 399
    assert not found.certain


def test_a_high_that_nobody_else_saw_is_a_bad_tick() -> None:
    table = market()
    table.loc[table.index[200], "High"] = 100 * table["High"].iloc[200]
    [found] = plausibility.find(table)
    assert kinds((found,)) == [("tick", 200)]
    assert "High" in found.guess


def test_bars_that_repeat_with_their_volume_are_a_feed_that_is_stuck() -> None:
    table = market()
    table.iloc[398:] = table.iloc[397].to_numpy()
    assert kinds(plausibility.find(table)) == [("repeated", 398)]


def test_prices_of_another_series_are_suspicious_without_any_ratio() -> None:
    table = market()
    table.iloc[:200, :4] *= 34.6
    table.iloc[:200, 4] /= 500
    [found] = plausibility.find(table)
    assert (found.kind, found.row, found.certain) == ("foreign", 200, False)


def test_an_index_is_never_split() -> None:
    table = rescaled(market(), slice(200), 2.0, 0.5)
    assert kinds(plausibility.find(table)) == [("split", 200)]
    assert plausibility.find(table, splits=False) == ()


def news(table: pd.DataFrame, row: int, move: float, crowd: float, width: float) -> pd.DataFrame:
    """Return a table in which a price moved overnight by that much, in heavy trading and a wide day, and stayed."""
    after = rescaled(table, slice(row, None), move)
    for column, factor in (("High", 1 + width), ("Low", 1 - width), ("Volume", crowd)):
        after.loc[after.index[row], column] = factor * after[column].iloc[row]
    after.iloc[row + 1 : row + 15, 4] *= np.linspace(crowd / 3, 1, 14)
    return after


@pytest.mark.parametrize(
    ("move", "crowd", "width"),
    [
        (0.48, 13.0, 0.07),  # AAPL, 2000-09-29
        (1.48, 10.0, 0.10),  # ARM, 2024-02-08
        (5.0, 80.0, 0.30),  # a biotech after its trial
        (0.3, 40.0, 0.20),  # and another
        (0.77, 3.0, 0.12),  # an index in October 1987
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_news_is_no_defect(move: float, crowd: float, width: float, seed: int) -> None:
    assert plausibility.find(news(market(seed=seed), 200, move, crowd, width)) == ()


@pytest.mark.parametrize("seed", range(5))
def test_a_penny_stock_doubles_by_a_tick_and_that_is_no_split(seed: int) -> None:
    rng = np.random.default_rng(seed)
    close = np.maximum(np.cumsum(rng.integers(-1, 2, 400)) % 4, 1) * 0.0001
    table = bars(400).assign(Open=close, High=close, Low=close, Close=close)
    assert plausibility.find(table) == ()


@pytest.mark.parametrize("steady", [False, True])
def test_series_with_heavy_tails_raise_no_alarm(steady: bool) -> None:
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(SERIES):
        step = rng.standard_t(3, 1_000) * 0.015 / np.sqrt(3)
        close = 100 * np.exp(np.cumsum(step))
        open_ = np.r_[100.0, close[:-1]] if steady else close * np.exp(rng.normal(0, 0.004, 1_000))
        high, low = (edge(open_, close) * np.exp(way * np.abs(rng.normal(0, 0.004, 1_000)))
                     for edge, way in ((np.maximum, 1), (np.minimum, -1)))  # fmt: skip
        volume = 1e6 * np.exp(rng.normal(0, 0.3, 1_000))
        found += len(
            plausibility.find(pd.DataFrame(dict(zip(ohlcv.OHLCV, (open_, high, low, close, volume), strict=True))))
        )
    assert found == 0


@pytest.mark.parametrize("symbol", ["^GSPC", "AAPL", "GOOG", "IBM", "MSFT"])
def test_the_samples_raise_no_alarm(symbol: str) -> None:
    raw = SampleFeed().bars(symbol, ohlcv.FIRST_DAY, calendar.of(symbol).known[-1].date()).table
    assert plausibility.find(adjustment.adjust(raw).bars) == ()


@pytest.mark.skipif(not DATA.is_dir(), reason="real histories are not at hand")
def test_real_histories_raise_no_alarm() -> None:
    flagged = {}
    for path in sorted(DATA.glob("*.csv")):
        found = plausibility.find(adjustment.adjust(plain(path)).bars)
        if found:
            flagged[path.stem] = kinds(found)
    assert flagged == {}


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="real histories are not at hand")
def test_defects_planted_into_real_histories_are_found() -> None:
    rng = np.random.default_rng(3)
    histories = [adjustment.adjust(plain(path)).bars for path in sorted(DATA.glob("*.csv"))]
    shares = [table for table in histories if table["Close"].iloc[-1] < 5_000]  # not the index
    tries, missed = int(os.environ.get("TEST_PLANTED", "300")), []
    for _ in range(tries):
        table = shares[rng.integers(len(shares))]
        row = len(table) - 1 if rng.random() < 0.1 else int(rng.integers(30, len(table)))
        what = rng.choice(["split", "unit", "tick"])
        if what == "split":
            ratio = float(rng.choice([2, 3, 4, 5, 7, 10, 20, 1 / 4, 1 / 5, 1 / 10, 1 / 20]))
            bent = rescaled(table, slice(row), ratio, 1 / ratio)
        elif what == "unit":
            bent = rescaled(table, slice(row), float(rng.choice([100, 0.01])))
        else:
            bent = rescaled(table, slice(row, row + 1), float(rng.choice([100, 0.01, 10, 0.1])))
        if not any(found.row <= row < found.end for found in plausibility.find(bent)):
            missed.append((what, row))
    assert len(missed) <= 0.01 * tries, missed


def test_every_row_counts_as_it_stands_in_a_short_table() -> None:
    assert plausibility.find(market(3)) == ()
    assert plausibility.find(market(1)) == ()


def test_the_prices_are_not_changed() -> None:
    table = rescaled(market(), slice(200), 4.0, 0.25)
    before = table.copy()
    plausibility.find(table)
    pd.testing.assert_frame_equal(table, before)
    assert list(PRICES) == ["Open", "High", "Low", "Close"]
