"""Whole commands with Yahoo, the default source, configured by environment variables only."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from stockops.market import calendar
from tests.builders import bars
from tests.integration.adapters.test_news_feeds import article
from tests.integration.cli import WITHOUT_SERVICES, Cli, run
from tests.loopback_yahoo import YahooServer, yahoo_server

AS_OF = "2016-02-26"
QUICK = {"STOCKOPS_EPOCHS": "1", "STOCKOPS_HTTP_ATTEMPTS": "2", "STOCKOPS_HTTP_WAIT_SECONDS": "0.01"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YahooServer]:
    with yahoo_server(tmp_path_factory.mktemp("tls")) as running:
        for seed, symbol in enumerate(("AAPL", "^GSPC")):
            running.tables[symbol] = bars(320, seed=seed).assign(**{"Adj Close": lambda table: table["Close"]})
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def yahoo(
    server: YahooServer, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Cli:
    """A CLI that uses the loopback server, in an empty home; it runs in this process."""
    cli = Cli(tmp_path, capfd, monkeypatch)
    cli.setenv(**server.env, **QUICK)
    return cli


def test_prices_come_from_yahoo_first_and_then_from_disk(server: YahooServer, home: Path) -> None:
    command = ("predict-child", "--ticker", "AAPL", "--as-of", AS_OF, "--no-cache")
    env = {**server.env, **QUICK, **WITHOUT_SERVICES}
    first = run(*command, home=home, env=env)
    assert first.code == 0, first.err
    assert first.document["source"] == "yahoo"
    assert first.document["last_date"] == AS_OF
    assert first.document["data"]["currency"] == "USD"  # from the chart: the symbol does not imply it
    assert {path.name for path in (home / "cache/prices/yahoo").glob("*.csv")} == {"AAPL.csv", "^GSPC.csv"}
    assert json.loads((home / "cache/prices/yahoo/AAPL.json").read_text())["currency"] == "USD"
    server.mode = "429"  # any further request would fail
    requests_before = len(server.requests)
    assert run(*command, home=home, env=env).document == first.document
    assert len(server.requests) == requests_before


def test_a_rate_limit_exits_75_rather_than_forecast_from_older_prices(
    yahoo: Cli, server: YahooServer, home: Path
) -> None:
    yahoo.setenv(STOCKOPS_HOME=str(home))
    server.mode = "429"
    result = yahoo("predict-child", "--ticker", "AAPL", "--as-of", "2016-03-18")
    assert result.code == 75
    assert result.document["error"]["kind"] == "try_again"
    assert "yahoo: rate limited (attempt 2 of 2)" in result.err


def test_an_unknown_symbol_exits_3_and_writes_nothing(yahoo: Cli, server: YahooServer) -> None:
    server.mode = "ok"
    result = yahoo("train-child", "--ticker", "NOPE", "--as-of", AS_OF)
    assert result.code == 3
    assert "yahoo knows no symbol NOPE" in result.err
    assert not (yahoo.home / "outputs/NOPE").exists()


def test_a_future_as_of_exits_2(yahoo: Cli) -> None:
    future = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    result = yahoo("predict-child", "--ticker", "AAPL", "--as-of", future)
    assert result.code == 2
    assert "is in the future" in result.err


def test_todays_incomplete_bar_is_ignored(yahoo: Cli, server: YahooServer) -> None:
    server.mode = "ok"
    now = datetime.now(UTC)
    bitcoin = calendar.of("BTC-USD")
    completed = bitcoin.last_completed(now)  # trades around the clock, so today's session is always incomplete
    days = bitcoin.sessions(completed - timedelta(days=318), now.date())
    table = bars(len(days)).set_axis(pd.DatetimeIndex(days, name="Date"))
    server.tables["BTC-USD"] = table.assign(**{"Adj Close": table["Close"]})
    new_york = calendar.of("^GSPC").sessions(days[0], days[-1])
    server.tables["^GSPC"] = server.tables["BTC-USD"].loc[new_york]
    result = yahoo("predict-child", "--ticker", "BTC-USD")
    assert result.code == 0, result.err
    assert date.fromisoformat(result.document["last_date"]) == completed
    assert now.date() > completed
    assert result.document["next_business_days"][0] == (completed + timedelta(days=1)).isoformat()
    again = yahoo("predict-child", "--ticker", "BTC-USD").document
    assert again == result.document | {"cached": True}
    [entry] = yahoo("cache", "list").document["entries"]
    assert datetime.fromisoformat(entry["fresh_until"]) == bitcoin.out_at(completed + timedelta(days=1))
    _check_analysis(yahoo, server, now)


def _check_analysis(yahoo: Cli, server: YahooServer, now: datetime) -> None:
    """Check that an analysis of a current forecast cites current news, or none if Yahoo serves none."""
    hour = timedelta(hours=1)
    server.news["BTC-USD"] = [
        article("an hour ago", (now - hour).isoformat()),
        article("tomorrow", (now + 24 * hour).isoformat()),
        article("last month", (now - 30 * 24 * hour).isoformat()),
    ]
    analysis = yahoo("analyze", "--ticker", "BTC-USD").document
    assert [item["headline"] for item in analysis["news"]] == ["an hour ago"]
    assert (analysis["degraded"], "looks back" in analysis["report"]) == ([], False)
    server.mode = "500"
    without_news = yahoo("analyze", "--ticker", "BTC-USD").document
    assert (without_news["degraded"], without_news["news"]) == (["news"], [])
    assert "*No news: its source does not serve." in without_news["report"]
    server.mode = "ok"


def test_a_forecast_from_late_prices_is_not_cached(yahoo: Cli, server: YahooServer) -> None:
    now = datetime.now(UTC)
    apple = calendar.of("AAPL")
    days = apple.sessions(now.date() - timedelta(days=470), apple.last_completed(now))[:-1]
    late = bars(len(days)).set_axis(pd.DatetimeIndex(days, name="Date"))
    server.mode, before = "ok", dict(server.tables)
    server.tables.update({symbol: late.assign(**{"Adj Close": late["Close"]}) for symbol in ("AAPL", "^GSPC")})
    for _ in range(2):
        result = yahoo("predict-child", "--ticker", "AAPL")
        assert result.document["cached"] is False
        assert "1 session(s) before" in result.err
    server.tables.update(before)
