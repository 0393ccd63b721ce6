"""Hits and false alarms of the plausibility check, on simulated histories and, where available, real ones."""

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
SERIES = int(os.environ.get("TEST_SERIES", "300"))  # 10,000 in manual runs


def load(path: Path) -> pd.DataFrame:
    table = price_plain.table(path.read_bytes())
    assert table is not None
    return table


def kinds(found: tuple[Suspicion, ...]) -> list[tuple[str, int]]:
    return [(suspicion.kind, suspicion.row) for suspicion in found]


@pytest.mark.parametrize(("new", "old"), [(2, 1), (3, 1), (4, 1), (10, 1), (20, 1), (1, 5), (1, 10), (1, 20)])
@pytest.mark.parametrize("row", [60, 200, 399])
def test_an_unadjusted_split_is_found_with_its_ratio(new: int, old: int, row: int) -> None:
    [found] = plausibility.find(rescaled(market(), slice(row), new / old, old / new))
    assert (found.kind, found.row) == ("split", row)
    assert f"a {new}-for-{old} split" in found.guess
    assert (found.prices, found.volumes) == (old / new, new / old)


@pytest.mark.parametrize("factor", [100.0, 0.01])
@pytest.mark.parametrize("row", [60, 200, 390])
def test_a_change_of_unit_is_not_taken_for_a_split(factor: float, row: int) -> None:
    [found] = plausibility.find(rescaled(market(), slice(row), factor))
    assert kinds((found,)) == [("unit", row)]
    assert found.certain
    assert found.prices == pytest.approx(1 / factor)


@pytest.mark.parametrize("factor", [100.0, 0.01, 10.0, 0.1, 3.0, 0.5])
@pytest.mark.parametrize("outliers", [1, 2])
def test_outlying_bars_that_revert_are_a_bad_tick(factor: float, outliers: int) -> None:
    found = plausibility.find(rescaled(market(), slice(200, 200 + outliers), factor))
    assert kinds(found) == [("tick", 200)]
    assert found[0].end == 200 + outliers


@pytest.mark.parametrize("factor", [100.0, 0.01, 10.0, 0.1, 2.0, 0.5])
def test_an_outlying_last_bar_is_suspicious_but_never_certain(factor: float) -> None:
    [found] = plausibility.find(rescaled(market(), slice(399, 400), factor))
    assert found.row == 399
    assert not found.certain


def test_an_isolated_high_is_a_bad_tick() -> None:
    table = market()
    table.loc[table.index[200], "High"] = 100 * table["High"].iloc[200]
    [found] = plausibility.find(table)
    assert kinds((found,)) == [("tick", 200)]
    assert "High" in found.guess


def test_bars_repeated_with_their_volume_are_suspicious() -> None:
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


def with_news(table: pd.DataFrame, row: int, move: float, volume: float, width: float) -> pd.DataFrame:
    """Return a table with a lasting overnight move, on a day of heavy volume and a wide range."""
    after = rescaled(table, slice(row, None), move)
    for column, factor in (("High", 1 + width), ("Low", 1 - width), ("Volume", volume)):
        after.loc[after.index[row], column] = factor * after[column].iloc[row]
    after.iloc[row + 1 : row + 15, 4] *= np.linspace(volume / 3, 1, 14)
    return after


@pytest.mark.parametrize(
    ("move", "volume", "width"),
    [
        (0.48, 13.0, 0.07),  # AAPL, 2000-09-29
        (1.48, 10.0, 0.10),  # ARM, 2024-02-08
        (5.0, 80.0, 0.30),  # a biotech after its trial
        (0.3, 40.0, 0.20),  # and another
        (0.77, 3.0, 0.12),  # an index in October 1987
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_move_on_news_is_not_a_defect(move: float, volume: float, width: float, seed: int) -> None:
    assert plausibility.find(with_news(market(seed=seed), 200, move, volume, width)) == ()


@pytest.mark.parametrize("seed", range(5))
def test_a_penny_stock_that_doubles_in_one_tick_is_not_a_split(seed: int) -> None:
    rng = np.random.default_rng(seed)
    close = np.maximum(np.cumsum(rng.integers(-1, 2, 400)) % 4, 1) * 0.0001
    table = bars(400).assign(Open=close, High=close, Low=close, Close=close)
    assert plausibility.find(table) == ()


@pytest.mark.parametrize("gapless", [False, True])
def test_series_with_heavy_tails_raise_no_alarm(gapless: bool) -> None:
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(SERIES):
        step = rng.standard_t(3, 1_000) * 0.015 / np.sqrt(3)
        close = 100 * np.exp(np.cumsum(step))
        open_ = np.r_[100.0, close[:-1]] if gapless else close * np.exp(rng.normal(0, 0.004, 1_000))
        high, low = (edge(open_, close) * np.exp(sign * np.abs(rng.normal(0, 0.004, 1_000)))
                     for edge, sign in ((np.maximum, 1), (np.minimum, -1)))  # fmt: skip
        volume = 1e6 * np.exp(rng.normal(0, 0.3, 1_000))
        found += len(
            plausibility.find(pd.DataFrame(dict(zip(ohlcv.OHLCV, (open_, high, low, close, volume), strict=True))))
        )
    assert found == 0


@pytest.mark.parametrize("symbol", ["^GSPC", "AAPL", "GOOG", "IBM", "MSFT"])
def test_the_samples_raise_no_alarm(symbol: str) -> None:
    raw = SampleFeed().bars(symbol, ohlcv.FIRST_DAY, calendar.of(symbol).known[-1].date()).table
    assert plausibility.find(adjustment.adjust(raw).bars) == ()


@pytest.mark.skipif(not DATA.is_dir(), reason="real histories are not available")
def test_real_histories_raise_no_alarm() -> None:
    flagged = {}
    for path in sorted(DATA.glob("*.csv")):
        found = plausibility.find(adjustment.adjust(load(path)).bars)
        if found:
            flagged[path.stem] = kinds(found)
    assert flagged == {}


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="real histories are not available")
def test_defects_planted_into_real_histories_are_found() -> None:
    rng = np.random.default_rng(3)
    histories = [adjustment.adjust(load(path)).bars for path in sorted(DATA.glob("*.csv"))]
    shares = [table for table in histories if table["Close"].iloc[-1] < 5_000]  # not the index
    tries, missed = int(os.environ.get("TEST_PLANTED", "300")), []
    for _ in range(tries):
        table = shares[rng.integers(len(shares))]
        row = len(table) - 1 if rng.random() < 0.1 else int(rng.integers(30, len(table)))
        kind = rng.choice(["split", "unit", "tick"])
        if kind == "split":
            ratio = float(rng.choice([2, 3, 4, 5, 7, 10, 20, 1 / 4, 1 / 5, 1 / 10, 1 / 20]))
            defective = rescaled(table, slice(row), ratio, 1 / ratio)
        elif kind == "unit":
            defective = rescaled(table, slice(row), float(rng.choice([100, 0.01])))
        else:
            defective = rescaled(table, slice(row, row + 1), float(rng.choice([100, 0.01, 10, 0.1])))
        if not any(found.row <= row < found.end for found in plausibility.find(defective)):
            missed.append((kind, row))
    assert len(missed) <= 0.01 * tries, missed


def test_a_short_table_raises_no_alarm() -> None:
    assert plausibility.find(market(3)) == ()
    assert plausibility.find(market(1)) == ()


def test_the_check_does_not_modify_the_table() -> None:
    table = rescaled(market(), slice(200), 4.0, 0.25)
    before = table.copy()
    plausibility.find(table)
    pd.testing.assert_frame_equal(table, before)
    assert list(PRICES) == ["Open", "High", "Low", "Close"]
