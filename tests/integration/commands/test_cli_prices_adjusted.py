"""Suspicious prices, rejected, repaired or trusted as `--prices` says; adjusted closes, splits and dividends."""

import json
import re
from typing import Any

import pandas as pd

from stockops.market.ohlcv import PRICES
from stockops.records import ModelRef
from tests.price_builders import LENT_TO, PriceFiles, before_split, halted, history, lend

TABLE = history()
SPLIT = 60  # sessions ago
RAW = before_split(TABLE, 20, SPLIT)
ROW = len(TABLE) - SPLIT  # the first row after the split, counted from 0
DAY, PREVIOUS_DAY = (f"{TABLE.index[row]:%Y-%m-%d}" for row in (ROW, ROW - 1))
GUESS = "a 20-for-1 split that the rows before are not adjusted for"
REPAIR = {"date": DAY, "kind": "split", "what": f"{GUESS}: earlier prices multiplied by 0.05, volumes by 20"}


def scale_bar(table: pd.DataFrame, row: int, factor: float) -> pd.DataFrame:
    """Return the bars with the prices of one row multiplied by a factor."""
    scaled = table.astype(float)
    scaled.loc[table.index[row], list(PRICES)] *= factor
    return scaled


def test_an_unadjusted_split_is_rejected_with_one_line(files: PriceFiles) -> None:
    refused = files.refusal(RAW)
    (before, after), (volume_before, volume_after) = (RAW[name].iloc[[ROW - 1, ROW]] for name in ("Close", "Volume"))
    assert refused.err == (
        f"stockops: AAPL: row {ROW + 1} ({DAY}) is hard to believe: close {after:,.2f} after {before:,.2f} "
        f"on {PREVIOUS_DAY} ({after / before - 1:+.1%}, volume {volume_after / volume_before:.2g} times that) "
        f"looks like {GUESS}; "
        "let --prices repair adjust what is certain, or take them as they are with --prices trust\n"
    )
    assert refused.document["error"]["kind"] == "data"


def test_a_repaired_split_gives_the_model_and_forecast_of_the_adjusted_file(files: PriceFiles) -> None:
    models, forecasts = [], []
    for table, options in ((TABLE, ()), (RAW, ("--prices", "repair"))):
        files.put(table)
        trained = files("train-child", *options)
        assert trained.code == 0, trained.err
        models.append(trained)
        forecasts.append(files.forecast(table, *options))
    (_, adjusted_file), (trained, repaired_file) = zip(models, forecasts, strict=True)
    assert repaired_file[0]["predictions"] == adjusted_file[0]["predictions"]
    assert repaired_file[0]["history"] == adjusted_file[0]["history"]
    assert adjusted_file[0]["data"]["repairs"] == []
    card = json.loads((files.cli.home / "outputs/AAPL/AAPL_child_model.json").read_text())
    for data in (trained.document["data"], repaired_file[0]["data"], card["data"]):
        assert data["repairs"] == [REPAIR]
    skipped = files("train-child", "--skip-fresh", "--prices", "repair").document
    assert (skipped["status"], skipped["data"]) == ("fresh", trained.document["data"])
    for err in (trained.err, repaired_file[1]):
        assert err.count(f"AAPL: repaired {DAY}: {REPAIR['what']}") == 1
    assert (trained.document["degraded"], repaired_file[0]["degraded"]) == ([], [])


def test_a_repair_is_logged_once_when_a_forecast_trains_its_model(files: PriceFiles) -> None:
    _, err = files.forecast(RAW, "--prices", "repair", ticker="NEW")
    assert err.count(f"NEW: repaired {DAY}") == 1


def test_a_trusted_split_is_used_and_reported_in_every_result(files: PriceFiles) -> None:
    files.put(RAW)
    for command in ("train-child", "predict-child", "analyze"):
        result = files(command, "--prices", "trust")
        assert result.code == 0, result.err
        assert result.document["degraded"] == ["suspicious prices"]
        assert result.document["data"]["repairs"] == []
    again = files("predict-child", "--prices", "trust").document
    assert (again["cached"], again["degraded"]) == (True, ["suspicious prices"])
    assert files("predict-child").code == 3  # the cached forecast does not apply without trust
    _, err = files.forecast(RAW, "--prices", "trust")
    assert f"AAPL: trusting 1 suspicious bar(s), the first of {DAY}: {GUESS}" in err


def test_a_split_five_days_ago_is_rejected_or_repaired(files: PriceFiles, plain: dict[str, Any]) -> None:
    recent = before_split(TABLE, 20, 5)
    refused = files.refusal(recent)
    assert f"({TABLE.index[-5]:%Y-%m-%d}) is hard to believe" in refused.err
    assert f"looks like {GUESS}" in refused.err
    found, _ = files.forecast(recent, "--prices", "repair")
    assert found["predictions"] == plain["predictions"]
    files.put(recent)
    analysis = files("analyze", "--prices", "repair")
    assert analysis.document["data"]["repairs"] == found["data"]["repairs"] != []
    assert not re.search(r"-9\d\.\d\d %", analysis.document["report"])


def test_a_bar_at_a_hundred_times_the_price_is_rejected_or_repaired(files: PriceFiles, plain: dict[str, Any]) -> None:
    wrong = scale_bar(TABLE, 250, 100)
    refused = files.refusal(wrong)
    day = f"{TABLE.index[250]:%Y-%m-%d}"
    assert f"AAPL: row 251 ({day}) is hard to believe" in refused.err
    assert "looks like 100 times the price, away for one session and back: another unit" in refused.err
    found, err = files.forecast(wrong, "--prices", "repair")
    assert found["predictions"] == plain["predictions"]
    assert [(repair["date"], repair["kind"]) for repair in found["data"]["repairs"]] == [(day, "tick")]
    assert err.count(f"AAPL: repaired {day}") == 1


def test_an_ambiguous_bar_stays_rejected_until_corrected_or_trusted(files: PriceFiles, plain: dict[str, Any]) -> None:
    wrong = scale_bar(TABLE, 299, 5.7)  # the last row: no later one shows what happened
    for policy in ("strict", "repair"):
        refused = files.refusal(wrong, "--prices", policy)
        assert f"AAPL: row 300 ({TABLE.index[299]:%Y-%m-%d}) is hard to believe" in refused.err
        assert refused.document["error"]["hint"] == "correct the rows, or take them as they are with --prices trust"
    found, _ = files.forecast(wrong, "--prices", "trust")
    assert found["degraded"] == ["suspicious prices"]
    assert plain["degraded"] == []  # from the correct rows


def test_the_policy_can_be_set_in_the_environment(files: PriceFiles) -> None:
    files.cli.setenv(STOCKOPS_PRICES="repair")
    assert files.forecast(RAW)[0]["data"]["repairs"] == [REPAIR]


def test_an_adjusted_close_adjusts_prices_and_volume_for_a_split(files: PriceFiles, plain: dict[str, Any]) -> None:
    raw = RAW.copy()
    raw.insert(4, "Adj Close", TABLE["Close"])
    found, _ = files.forecast(raw)
    assert found == plain


def test_declared_splits_and_dividends_adjust_the_earlier_bars(files: PriceFiles, plain: dict[str, Any]) -> None:
    fraction, ex_row = 0.05, 100
    dividend = fraction * TABLE["Close"].iloc[ex_row - 1] / (1 - fraction)
    unadjusted = TABLE.astype(float)
    unadjusted.loc[TABLE.index[:ex_row], list(PRICES)] /= 1 - fraction
    raw = before_split(unadjusted, 20, SPLIT).assign(**{"Dividends": 0.0, "Stock Splits": 0.0})
    raw.loc[TABLE.index[ROW], "Stock Splits"] = 20.0
    raw.loc[TABLE.index[ex_row], "Dividends"] = 20 * dividend
    found, err = files.forecast(raw)
    assert found == plain
    assert "AAPL: 1 declared split adjusted for" in err
    assert "AAPL: 1 declared dividend adjusted for" in err


def test_declared_dividends_and_splits_are_not_applied_to_adjusted_prices(
    files: PriceFiles, plain: dict[str, Any]
) -> None:
    declared = TABLE.assign(**{"Dividends": 0.0, "Stock Splits": 0.0})
    declared.loc[TABLE.index[ROW], "Stock Splits"] = 20.0
    declared.loc[TABLE.index[100], "Dividends"] = 0.05 * TABLE["Close"].iloc[99]
    found, err = files.forecast(declared)
    assert found == plain
    assert "AAPL: prices are adjusted for the declared dividends already" in err


def widths(document: dict[str, Any]) -> list[float]:
    return [high - low for day in document["predictions"]["week"] for low, high in (day["close_80"], day["close_95"])]


def test_a_halt_is_reported_and_does_not_narrow_the_intervals(files: PriceFiles) -> None:
    untraded = halted(TABLE, 30)
    before_halt, _ = files.forecast(untraded[:-30])
    found, err = files.forecast(untraded)
    since = f"{TABLE.index[-31]:%Y-%m-%d}"
    assert f"AAPL: no trade in the last 30 sessions, since {since}" in err
    assert found["degraded"] == ["stale prices"]
    assert (found["data"]["untraded"], before_halt["data"]["untraded"]) == (30, 0)
    assert all(wide >= normal for wide, normal in zip(widths(found), widths(before_halt), strict=True))
    analysis = files("analyze")
    assert analysis.document["degraded"] == ["stale prices"]
    assert "no trade in the last 30 sessions" in analysis.document["report"].split("\n## ")[0]


def test_a_model_whose_card_lacks_repairs_still_forecasts(files: PriceFiles) -> None:
    card = lend(files.cli.home, ModelRef.of("AAPL"), "csv", LENT_TO).card
    assert card.data.repairs is None
    found, _ = files.forecast(RAW, "--prices", "repair")
    assert found["model_version"] == card.model_version
    assert found["data"]["repairs"] == [REPAIR]
