"""The calendar and the currency of prices, and how far behind the prices may be."""

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


def test_london_midnights_in_utc_are_read_as_london_days(files: PriceFiles) -> None:
    table = history(symbol="VOD.L")
    files.lend_model("VOD.L")
    text = at_midnight(table, "Europe/London")
    assert " 23:00:00+00:00" in text.splitlines()[-1]  # dated the day before
    found, err = files.forecast(text, ticker="VOD.L")
    assert found == files.forecast(table, ticker="VOD.L")[0]
    assert found["last_date"] == LAST.isoformat()
    assert found["next_business_days"] == [f"2024-07-0{day}" for day in range(1, 6)]  # July 4 included
    assert "missing" not in err


def test_new_york_sessions_are_rejected_for_a_london_symbol(files: PriceFiles) -> None:
    table = history(500)
    files.lend_model("VOD.L")
    refused = files.refusal(table, ticker="VOD.L")
    assert "VOD.L: 10 bars lie on days when XLON is closed" in refused.err
    found, _ = files.forecast(table, "--calendar", "XNYS", ticker="VOD.L")
    assert (found["data"]["calendar"], "2024-07-04" in found["next_business_days"]) == ("XNYS", False)


@pytest.mark.parametrize("symbol", ["VOD.L", "FOO"])
def test_the_calendar_that_a_hint_suggests_fits_the_bars(files: PriceFiles, symbol: str) -> None:
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
def test_cryptocurrencies_trade_on_sundays(files: PriceFiles, symbol: str, currency: str) -> None:
    files.lend_model(symbol)
    found, err = files.forecast(EVERY_DAY, ticker=symbol)
    assert found["next_business_days"][0] == SUNDAY.isoformat()
    assert (found["data"]["calendar"], found["data"]["currency"]) == ("24/7", currency)
    assert "missing" not in err


def test_weekend_bars_are_rejected_for_a_new_york_symbol(files: PriceFiles) -> None:
    refused = files.refusal(EVERY_DAY)
    assert "AAPL: 85 bars lie on Saturdays and Sundays, when XNYS is closed" in refused.err
    found, _ = files.forecast(EVERY_DAY, "--calendar", "24/7")
    assert found["next_business_days"][0] == SUNDAY.isoformat()


def test_the_calendar_of_one_symbol_can_be_set_in_the_env_file(files: PriceFiles) -> None:
    (files.cli.home / ".env").write_text('STOCKOPS_CALENDAR="FOO=24/7"\n')
    files.lend_model("FOO")
    found, _ = files.forecast(EVERY_DAY, ticker="FOO")
    assert (found["data"]["calendar"], found["next_business_days"][0]) == ("24/7", SUNDAY.isoformat())
    other, _ = files.forecast(TABLE)
    assert (other["data"]["calendar"], other["next_business_days"][0]) == ("XNYS", MONDAY.isoformat())


def test_an_unknown_calendar_is_a_usage_error_whose_hint_names_valid_ones(files: PriceFiles) -> None:
    files.put(TABLE)
    refused = files("predict-child", "--calendar", "Nowhere")
    assert refused.code == 2
    assert "no calendar is called 'Nowhere'" in refused.err
    assert set(re.findall(r"XNYS|XLON|24/7|from-data", refused.document["error"]["hint"])) >= {"XNYS", "from-data"}
    for name in ("XNYS", "from-data"):
        assert files.forecast(TABLE, "--calendar", name)[0]["data"]["calendar"] == name


def test_the_sessions_of_an_unknown_exchange_are_inferred_from_its_bars(files: PriceFiles) -> None:
    days = pd.date_range(end=date(2024, 6, 27), periods=600)
    table = dated(TABLE, days[days.dayofweek.isin([6, 0, 1, 2, 3])])  # Sunday to Thursday
    files.lend_model("ABC.ZZ")
    warn_weekdays.cache_clear()  # logged once per process
    found, err = files.forecast(table, ticker="ABC.ZZ")
    assert err.count("no calendar for symbols that end in .ZZ") == 1
    assert "sessions are read off its bars" in err
    assert found["data"]["calendar"] == "from-data"
    assert found["next_business_days"] == [SUNDAY.isoformat(), *(f"2024-07-0{day}" for day in range(1, 5))]


def test_a_given_currency_is_in_the_report_and_none_is_invented(files: PriceFiles) -> None:
    files.lend_model("VOD.L")
    files.put(history(symbol="VOD.L"), "VOD.L.csv")
    given, omitted = files("analyze", "--currency", "GBp", ticker="VOD.L"), files("analyze", ticker="VOD.L")
    close = rf"[Ll]ast close (of )?{given.document['last_price']:,.2f}"
    assert re.search(rf"{close} pence \(GBp\)", given.document["report"])
    assert (given.document["data"]["currency"], omitted.document["data"]["currency"]) == ("GBp", None)
    assert re.search(rf"{close} (the|on)", omitted.document["report"])
    assert not re.search(r"GBp|pence|USD", omitted.document["report"])
    per_symbol = files("predict-child", "--currency", "VOD.L=GBX", ticker="VOD.L")
    assert per_symbol.document["data"]["currency"] == "GBp"


def test_an_unknown_currency_is_a_usage_error_whose_hint_names_valid_ones(files: PriceFiles) -> None:
    files.put(TABLE)
    refused = files("predict-child", "--currency", "Quid")
    assert refused.code == 2
    assert refused.document["error"]["message"] == "'Quid' is not a currency"
    one, other = re.findall(r"code such as (\w+) or (\w+)", refused.document["error"]["hint"])[0]
    for code in (one, other):
        assert files.forecast(TABLE, "--currency", code)[0]["data"]["currency"] == code


def test_a_file_that_ends_before_the_as_of_day_is_used_and_reported_as_behind(files: PriceFiles) -> None:
    files.cli.setenv(STOCKOPS_AS_OF="2024-07-08")
    found, err = files.forecast(TABLE)
    assert f"AAPL: history ends {LAST}, 5 session(s) before 2024-07-08" in err
    assert (found["data"]["behind"], found["degraded"]) == (5, ["stale prices"])
    analysis = files("analyze")
    assert analysis.code == 0
    assert analysis.document["degraded"] == ["stale prices"]
    opening = "\n".join(analysis.document["report"].splitlines()[:8])  # after the finding of the backtest
    assert f"These prices end on {LAST}: 5 sessions are missing since." in opening
    for command in ("train-child", "monitor-ticker"):
        result = files(command)
        assert (result.code, result.document["data"]["behind"]) == (0, 5)
        assert result.document["degraded"] == ["stale prices"]


def test_a_backtest_describes_its_prices(files: PriceFiles) -> None:
    files.put(history(260, seed=1), "^GSPC.csv")
    files.put(TABLE)
    result = files("backtest", "--baselines", "none", "--as-of", "2024-07-08", "--start", "2024-03-25")
    assert result.code == 0, result.err
    assert result.document["data"] == {
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
    assert "stale prices" in result.document["degraded"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YahooServer]:
    with yahoo_server(tmp_path_factory.mktemp("tls")) as running:
        yield running


@pytest.fixture
def yahoo(trained: Cli, server: YahooServer) -> Cli:
    """A CLI whose vendor serves the bars that a test puts into `server.tables`."""
    trained.setenv(STOCKOPS_SOURCE="yahoo", STOCKOPS_AS_OF="", STOCKOPS_HTTP_ATTEMPTS="1", **server.env)
    server.tables["^GSPC"] = bars_until(0)
    for ref in (PARENT, ModelRef.of("AAPL")):
        lend(trained.home, ref, "yahoo", datetime.now(UTC).date() - timedelta(days=60))
    return trained


def bars_until(sessions_ago: int) -> pd.DataFrame:
    """Return bars with an Adj Close that end `sessions_ago` sessions before the last completed one."""
    new_york = calendar.of("AAPL")
    last = new_york.last_completed(datetime.now(UTC))
    days = new_york.sessions(last - timedelta(days=700), last)
    table = dated(TABLE, days[: len(days) - sessions_ago])
    return table.assign(**{"Adj Close": table["Close"]})


def test_an_outdated_live_history_is_rejected_unless_allowed(yahoo: Cli, server: YahooServer) -> None:
    table = server.tables["AAPL"] = bars_until(30)
    last = f"{table.index[-1]:%Y-%m-%d}"
    for command in ("predict-child", "analyze"):
        refused = yahoo(command, "--ticker", "AAPL")
        assert refused.code == 3
        message = f"AAPL: history ends on {last}, 30 sessions ago: delisted or renamed?"
        assert refused.document["error"]["message"] == message
    suggested = re.findall(r"(--as-of|--max-behind) (\S+)\b", refused.document["error"]["hint"])
    assert [option for option, _ in suggested] == ["--as-of", "--max-behind"]
    for options, behind in zip([*suggested, ("--max-behind", "100")], (0, 30, 30), strict=True):
        found = yahoo("predict-child", "--ticker", "AAPL", *options)
        assert found.code == 0, found.err
        assert (found.document["last_date"], found.document["data"]["behind"]) == (last, behind)
        assert found.document["degraded"] == (["stale prices"] if behind else [])
    assert yahoo("analyze", "--ticker", "AAPL", "--max-behind", "100").code == 0
    training = yahoo("train-child", "--ticker", "AAPL")
    assert (training.code, training.document["data"]["behind"]) == (0, 30)
    assert training.document["degraded"] == ["stale prices"]


def test_a_yahoo_row_without_an_open_is_left_out_and_logged(yahoo: Cli, server: YahooServer) -> None:
    table = server.tables["AAPL"] = bars_until(0)
    table.iloc[250, 0] = float("nan")
    found = yahoo("predict-child", "--ticker", "AAPL")
    assert found.code == 0, found.err
    assert f"AAPL: 1 row with a price missing left out, the last of {table.index[250]:%Y-%m-%d}" in found.err
    assert "AAPL: 1 session(s) missing" in found.err
    data = found.document["data"]
    assert (data["rows"], data["behind"], data["currency"]) == (len(table) - 1, 0, "USD")
