"""Price files as vendors and spreadsheets write them: read as intended, or rejected with the reason."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.builders import to_csv
from tests.price_builders import (
    LAST,
    PriceFiles,
    dated,
    downloaded,
    history,
    hourly,
    newest_first,
    of_alpha_vantage,
    of_excel,
    of_nasdaq,
    with_adjusted,
)

TABLE = history()


def with_empty_adjusted(table: pd.DataFrame) -> str:
    return to_csv(table.assign(**{"Adj Close": ""}))


def with_trailing_commas(table: pd.DataFrame) -> str:
    header, *rows = to_csv(table).splitlines()
    return "\n".join([header, *(f"{row}," for row in rows)])


@pytest.mark.parametrize(
    "export",
    [
        lambda table: downloaded(table, "AAPL"),
        of_nasdaq,
        of_alpha_vantage,
        newest_first,
        of_excel,
        with_empty_adjusted,
        with_trailing_commas,
    ],
    ids=["yf.download", "nasdaq.com", "Alpha Vantage", "newest first", "Excel", "empty Adj Close", "trailing commas"],
)
def test_a_vendor_file_gives_the_forecast_of_a_plain_file(
    files: PriceFiles, export: Callable[[pd.DataFrame], str | bytes], plain: dict[str, Any]
) -> None:
    found, err = files.forecast(export(TABLE))
    assert found == plain
    assert found["data"]["rows"] == 300
    assert found["last_date"] == LAST.isoformat()
    assert ("newest first: sorted" in err) == (export in (of_nasdaq, of_alpha_vantage, newest_first))


def test_a_row_without_any_price_is_left_out_and_logged(files: PriceFiles) -> None:
    without = TABLE.drop(index=TABLE.index[200])
    day = f"{TABLE.index[200]:%Y-%m-%d}"
    lines = to_csv(TABLE).splitlines()
    lines[201] = f"{day},null,null,null,null,null"
    found, err = files.forecast("\n".join(lines))
    assert f"AAPL: 1 row without any price left out, the last of {day}" in err
    assert found == files.forecast(without)[0]


def test_a_row_with_one_missing_price_is_rejected(files: PriceFiles) -> None:
    lines = to_csv(TABLE).splitlines()
    day, _, rest = lines[201].split(",", 2)
    lines[201] = f"{day},,{rest}"
    assert f"AAPL: row 201 ({day}) has no number for Open" in files.refusal("\n".join(lines)).err
    del lines[201]  # the remedy: correct or remove that row
    files.forecast("\n".join(lines))


def test_an_adjusted_close_is_used_under_another_column_name(files: PriceFiles, plain: dict[str, Any]) -> None:
    adjusted = with_adjusted(TABLE)
    found, _ = files.forecast(to_csv(adjusted).replace("Adj Close", "Adjusted_close"))
    assert found == files.forecast(adjusted)[0]
    assert found["predictions"] != plain["predictions"]


def test_weekly_bars_are_rejected_as_weekly(files: PriceFiles) -> None:
    weekly = dated(TABLE, pd.date_range(end=LAST, periods=len(TABLE), freq="W-FRI"))
    refused = files.refusal(weekly)
    assert refused.err == ("stockops: AAPL.csv has weekly bars: daily bars are needed; download the daily prices\n")
    assert "STOCKOPS_MAX_MISSING_SESSIONS" not in refused.out


def test_hourly_bars_are_rejected_as_hourly(files: PriceFiles) -> None:
    assert files.refusal(hourly(TABLE)).document["error"] == {
        "kind": "data",
        "message": "AAPL.csv has several bars a day (hourly?): daily bars are needed",
        "hint": "download the daily prices",
    }


def test_a_date_in_the_future_is_rejected(files: PriceFiles) -> None:
    lines = to_csv(TABLE).splitlines()
    lines[-1] = lines[-1].replace("2024-", "2062-", 1)
    refused = files.refusal("\n".join(lines))
    assert "AAPL: row 300 (2062-06-28) lies in the future; correct the date of that row" in refused.err
    assert "MAX_MISSING" not in refused.err
    lines[-1] = lines[-1].replace("2062-", "2024-", 1)
    files.forecast("\n".join(lines))


def test_a_gap_is_rejected_unless_allowed_as_the_hint_says(files: PriceFiles) -> None:
    gappy = TABLE.drop(index=TABLE.index[200:210])
    refused = files.refusal(gappy)
    before, after = (f"{TABLE.index[row]:%Y-%m-%d}" for row in (199, 210))
    assert f"AAPL: 10 sessions of XNYS are missing between {before} and {after}" in refused.err
    name, _, value = refused.document["error"]["hint"].split()[-1].partition("=")
    files.cli.setenv(**{name: value})
    _, err = files.forecast(gappy)
    assert f"10 session(s) missing, the last after {before}" in err


@pytest.mark.parametrize(("name", "typed"), [("BRK-B.csv", "BRK.B"), ("BRK.B.csv", "BRK-B")])
def test_a_share_class_is_found_with_a_dot_or_a_dash(files: PriceFiles, name: str, typed: str) -> None:
    files.put(TABLE, name)
    training = files("train-child", ticker=typed)
    assert training.code == 0, training.err
    assert (training.document["ticker"], training.document["data"]["rows"]) == ("BRK-B", 300)
    assert ("BRK.B is read as BRK-B" in training.err) == (typed == "BRK.B")


def test_an_exchange_prefix_is_stripped_and_logged(files: PriceFiles) -> None:
    files.put(TABLE)
    result = files("predict-child", ticker="NASDAQ:AAPL")
    assert result.code == 0, result.err
    assert result.document["ticker"] == "AAPL"
    assert "NASDAQ:AAPL is read as AAPL" in result.err


LISTS = {
    "Windows": (b"\xef\xbb\xbfAAPL\r\n\r\nmsft  # mine\r\nAAPL\r\n", ["AAPL", "MSFT"]),
    "TradingView": (b"NASDAQ:AAPL,NYSE:IBM,TVC:VIX\n", ["AAPL", "IBM", "^VIX"]),
    "with a header": (b"\xef\xbb\xbfSymbol,Name\nAAPL,Apple Inc.\nBRK.B,Berkshire\n", ["AAPL", "BRK-B"]),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_ticker_list_is_read_as_exported(files: PriceFiles, name: str) -> None:
    text, symbols = LISTS[name]
    (files.folder / "list.txt").write_bytes(text)
    for symbol in symbols:
        files.put(TABLE, f"{symbol}.csv")
    result = files.cli("predict-child", "--tickers-file", str(files.folder / "list.txt"), "--on-missing", "fail")
    assert result.code == 4, result.err  # the first has a model, the others none
    assert [row["ticker"] for row in result.rows] == symbols
    assert [row["error"]["kind"] for row in result.rows[1:]] == ["model"] * len(symbols[1:])
    assert result.rows[0]["last_date"] == LAST.isoformat()


def test_a_ticker_list_with_a_byte_order_mark_is_read_from_a_pipe(files: PriceFiles) -> None:
    files.put(TABLE)
    command = [sys.executable, "-m", "stockops", "predict-child", "--tickers-file", "-"]
    piped = subprocess.run(command, input=b"\xef\xbb\xbfaapl # mine\r\n", capture_output=True, env=os.environ)
    assert piped.returncode == 0, piped.stderr
    assert b'"ticker": "AAPL"' in piped.stdout
