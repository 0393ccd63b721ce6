"""Whose sessions prices are of, in which currency they are, and how old they may be."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from stockops.market import calendar
from stockops.market.calendar_sessions import warn_weekdays
from stockops.records import PARENT, ModelRef
from tests.integration.cli import Cli
from tests.loopback_yahoo import YahooServer, yahoo_server
from tests.price_builders import LAST, PriceFiles, at_midnight, dated, history, lend

TABLE = history()
SATURDAY = date(2024, 6, 29)
SUNDAY, MONDAY = date(2024, 6, 30), date(2024, 7, 1)
EVERY_DAY = dated(TABLE, pd.date_range(end=SATURDAY, periods=len(TABLE)))


def test_midnights_of_london_in_utc_are_the_days_of_london(files: PriceFiles) -> None:
    table = history(symbol="VOD.L")
    files.lend_model("VOD.L")
    text = at_midnight(table, "Europe/London")
    assert " 23:00:00+00:00" in text.splitlines()[-1]  # of the day before
    found, said = files.forecast(text, ticker="VOD.L")
    assert found == files.forecast(table, ticker="VOD.L")[0]
    assert found["last_date"] == LAST.isoformat()
    assert found["next_business_days"] == [f"2024-07-0{day}" for day in range(1, 6)]  # the Fourth among them
    assert "missing" not in said


def test_sessions_of_new_york_are_none_of_london(files: PriceFiles) -> None:
    table = history(500)
    files.lend_model("VOD.L")
    refused = files.refusal(table, ticker="VOD.L")
    assert "VOD.L: 10 bars lie on days when XLON is closed" in refused.err
    found, _ = files.forecast(table, "--calendar", "XNYS", ticker="VOD.L")
    assert (found["data"]["calendar"], "2024-07-04" in found["next_business_days"]) == ("XNYS", False)


@pytest.mark.parametrize("symbol", ["VOD.L", "FOO"])
def test_every_calendar_that_a_refusal_names_is_one_that_the_bars_keep(files: PriceFiles, symbol: str) -> None:
    table = history(500) if symbol == "VOD.L" else EVERY_DAY
    files.lend_model(symbol)
    hint = files.refusal(table, ticker=symbol).document["error"]["hint"]
    [name] = [name for name in ("from-data", "24/7") if name in hint]
    assert name == ("from-data" if symbol == "VOD.L" else "24/7")
    found, _ = files.forecast(table, "--calendar", name, ticker=symbol)
    assert found["data"]["calendar"] == name


@pytest.mark.parametrize(
    ("symbol", "currency"), [("BTC-USD", "USD"), ("BTC-CAD", "CAD"), ("BTCUSD", "USD"), ("XBTEUR", "EUR")]
)
def test_coins_trade_on_sundays(files: PriceFiles, symbol: str, currency: str) -> None:
    files.lend_model(symbol)
    found, said = files.forecast(EVERY_DAY, ticker=symbol)
    assert found["next_business_days"][0] == SUNDAY.isoformat()
    assert (found["data"]["calendar"], found["data"]["currency"]) == ("24/7", currency)
    assert "missing" not in said


def test_weekend_bars_under_a_symbol_of_new_york_are_refused(files: PriceFiles) -> None:
    refused = files.refusal(EVERY_DAY)
    assert "AAPL: 85 bars lie on Saturdays and Sundays, when XNYS is closed" in refused.err
    found, _ = files.forecast(EVERY_DAY, "--calendar", "24/7")
    assert found["next_business_days"][0] == SUNDAY.isoformat()


def test_a_calendar_of_one_symbol_stands_in_the_env_file(files: PriceFiles) -> None:
    (files.cli.home / ".env").write_text('STOCKOPS_CALENDAR="FOO=24/7"\n')
    files.lend_model("FOO")
    found, _ = files.forecast(EVERY_DAY, ticker="FOO")
    assert (found["data"]["calendar"], found["next_business_days"][0]) == ("24/7", SUNDAY.isoformat())
    other, _ = files.forecast(TABLE)
    assert (other["data"]["calendar"], other["next_business_days"][0]) == ("XNYS", MONDAY.isoformat())


def test_a_calendar_that_does_not_exist_is_2_and_the_hint_names_ones_that_do(files: PriceFiles) -> None:
    files.put(TABLE)
    refused = files("predict-child", "--calendar", "Nowhere")
    assert refused.code == 2
    assert "no calendar is called 'Nowhere'" in refused.err
    assert set(re.findall(r"XNYS|XLON|24/7|from-data", refused.document["error"]["hint"])) >= {"XNYS", "from-data"}
    for name in ("XNYS", "from-data"):
        assert files.forecast(TABLE, "--calendar", name)[0]["data"]["calendar"] == name


def test_an_unknown_exchange_is_said_and_its_weeks_are_those_of_its_bars(files: PriceFiles) -> None:
    days = pd.date_range(end=date(2024, 6, 27), periods=600)
    table = dated(TABLE, days[days.dayofweek.isin([6, 0, 1, 2, 3])])  # Sunday to Thursday
    files.lend_model("ABC.ZZ")
    warn_weekdays.cache_clear()  # it is said once a process
    found, said = files.forecast(table, ticker="ABC.ZZ")
    assert said.count("no calendar for symbols that end in .ZZ") == 1
    assert "sessions are read off its bars" in said
    assert found["data"]["calendar"] == "from-data"
    assert found["next_business_days"] == [SUNDAY.isoformat(), *(f"2024-07-0{day}" for day in range(1, 5))]


def test_a_currency_that_is_told_is_in_the_report_and_none_is_made_up(files: PriceFiles) -> None:
    files.lend_model("VOD.L")
    files.put(history(symbol="VOD.L"), "VOD.L.csv")
    told, untold = files("analyze", "--currency", "GBp", ticker="VOD.L"), files("analyze", ticker="VOD.L")
    close = rf"[Ll]ast close (of )?{told.document['last_price']:,.2f}"
    assert re.search(rf"{close} pence \(GBp\)", told.document["report"])
    assert (told.document["data"]["currency"], untold.document["data"]["currency"]) == ("GBp", None)
    assert re.search(rf"{close} (the|on)", untold.document["report"])
    assert not re.search(r"GBp|pence|USD", untold.document["report"])
    of_one = files("predict-child", "--currency", "VOD.L=GBX", ticker="VOD.L")
    assert of_one.document["data"]["currency"] == "GBp"


def test_a_currency_that_does_not_exist_is_2_and_the_hint_names_ones_that_do(files: PriceFiles) -> None:
    files.put(TABLE)
    refused = files("predict-child", "--currency", "Quid")
    assert refused.code == 2
    assert refused.document["error"]["message"] == "'Quid' is not a currency"
    one, other = re.findall(r"code such as (\w+) or (\w+)", refused.document["error"]["hint"])[0]
    for code in (one, other):
        assert files.forecast(TABLE, "--currency", code)[0]["data"]["currency"] == code


def test_a_file_that_ends_before_the_as_of_day_is_used_and_said_to_be_behind(files: PriceFiles) -> None:
    files.cli.setenv(STOCKOPS_AS_OF="2024-07-08")
    found, said = files.forecast(TABLE)
    assert f"AAPL: history ends {LAST}, 5 session(s) before 2024-07-08" in said
    assert (found["data"]["behind"], found["degraded"]) == (5, ["stale prices"])
    explained = files("analyze")
    assert explained.code == 0
    assert explained.document["degraded"] == ["stale prices"]
    first = "\n".join(explained.document["report"].splitlines()[:8])  # after what the backtest says
    assert f"These prices end on {LAST}: 5 sessions are missing since." in first
    for command in ("train-child", "monitor-ticker"):
        result = files(command)
        assert (result.code, result.document["data"]["behind"]) == (0, 5)
        assert result.document["degraded"] == ["stale prices"]


def test_a_backtest_says_what_its_prices_are(files: PriceFiles) -> None:
    files.put(history(260, seed=1), "^GSPC.csv")
    files.put(TABLE)
    tested = files("backtest", "--baselines", "none", "--as-of", "2024-07-08", "--start", "2024-03-25")
    assert tested.code == 0, tested.err
    assert tested.document["data"] == {
        "source": "csv",
        "rows": 300,
        "first": f"{TABLE.index[0]:%Y-%m-%d}",
        "last": LAST.isoformat(),
        "behind": 5,
        "untraded": 0,
        "currency": None,
        "calendar": "XNYS",
        "repairs": [],
    }
    assert "stale prices" in tested.document["degraded"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YahooServer]:
    with yahoo_server(tmp_path_factory.mktemp("tls")) as known:
        yield known


@pytest.fixture
def yahoo(trained: Cli, server: YahooServer) -> Cli:
    """A CLI on a vendor that knows what the tests put into `server.tables`."""
    trained.setenv(STOCKOPS_SOURCE="yahoo", STOCKOPS_AS_OF="", STOCKOPS_HTTP_ATTEMPTS="1", **server.env)
    server.tables["^GSPC"] = until(0)
    for ref in (PARENT, ModelRef.of("AAPL")):
        lend(trained.home, ref, "yahoo", datetime.now(UTC).date() - timedelta(days=60))
    return trained


def until(sessions_ago: int) -> pd.DataFrame:
    """Return bars, their Adj Close among them, up to so many sessions before the last one that is over."""
    new_york = calendar.of("AAPL")
    last = new_york.last_completed(datetime.now(UTC))
    days = new_york.sessions(last - timedelta(days=700), last)
    table = dated(TABLE, days[: len(days) - sessions_ago])
    return table.assign(**{"Adj Close": table["Close"]})


def test_a_live_history_of_long_ago_is_not_forecast_from_unless_told(yahoo: Cli, server: YahooServer) -> None:
    table = server.tables["AAPL"] = until(30)
    last = f"{table.index[-1]:%Y-%m-%d}"
    for command in ("predict-child", "analyze"):
        refused = yahoo(command, "--ticker", "AAPL")
        assert refused.code == 3
        message = f"AAPL: history ends on {last}, 30 sessions ago: delisted or renamed?"
        assert refused.document["error"]["message"] == message
    cures = re.findall(r"(--as-of|--max-behind) (\S+)\b", refused.document["error"]["hint"])
    assert [option for option, _ in cures] == ["--as-of", "--max-behind"]
    for cure, behind in zip([*cures, ("--max-behind", "100")], (0, 30, 30), strict=True):
        found = yahoo("predict-child", "--ticker", "AAPL", *cure)
        assert found.code == 0, found.err
        assert (found.document["last_date"], found.document["data"]["behind"]) == (last, behind)
        assert found.document["degraded"] == (["stale prices"] if behind else [])
    assert yahoo("analyze", "--ticker", "AAPL", "--max-behind", "100").code == 0
    trained = yahoo("train-child", "--ticker", "AAPL")
    assert (trained.code, trained.document["data"]["behind"]) == (0, 30)
    assert trained.document["degraded"] == ["stale prices"]


def test_a_row_of_yahoo_without_an_open_is_left_out_and_said(yahoo: Cli, server: YahooServer) -> None:
    table = server.tables["AAPL"] = until(0)
    table.iloc[250, 0] = float("nan")
    found = yahoo("predict-child", "--ticker", "AAPL")
    assert found.code == 0, found.err
    assert f"AAPL: 1 row with a price missing left out, the last of {table.index[250]:%Y-%m-%d}" in found.err
    assert "AAPL: 1 session(s) missing" in found.err
    data = found.document["data"]
    assert (data["rows"], data["behind"], data["currency"]) == (len(table) - 1, 0, "USD")
