"""Market history beside a ticker's prices: requested once per batch, and optional for the forecast."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from stockops.errors import DataError
from stockops.market import calendar
from stockops.market.ohlcv import RawBars
from stockops.optional_services import OptionalServices
from stockops.pipelines.prices import PriceHistory
from stockops.records import MARKET, Clock, PriceOptions
from tests.builders import bars


@dataclass
class Feed:
    """A feed with some symbols that records which are requested."""

    tables: dict[str, pd.DataFrame]
    requested: list[str] = field(default_factory=list)
    name: str = "csv"
    live: bool = False

    def bars(self, symbol: str, first: date, last: date) -> RawBars:
        self.requested.append(symbol)
        if symbol not in self.tables:
            raise DataError(f"no file of {symbol}")
        return RawBars(self.tables[symbol])


def history(feed: Feed, optional: OptionalServices) -> PriceHistory:
    clock = Clock(datetime(2020, 1, 1, tzinfo=UTC))
    return PriceHistory(feed=feed, calendar_of=calendar.of, clock=clock, options=PriceOptions(), optional=optional)


TICKERS = ("AAPL", "KO", "MSFT")


@pytest.mark.parametrize("available", [True, False])
def test_a_batch_requests_the_market_history_once(available: bool, caplog: pytest.LogCaptureFixture) -> None:
    feed = Feed({symbol: bars(300) for symbol in (*TICKERS, *([MARKET] if available else []))})
    optional = OptionalServices()
    prices = history(feed, optional)
    for ticker in TICKERS:
        optional.begin()
        found = prices.market(prices.daily(ticker))
        assert (found is not None) is available
        assert optional.degraded == (() if available else ("market history",))
    assert feed.requested.count(MARKET) == 1
    warnings = [line for line in caplog.messages if "a forecast without the history of ^GSPC" in line]
    assert len(warnings) == (0 if available else 3)


def test_the_market_index_is_its_own_market_history() -> None:
    feed = Feed({MARKET: bars(300)})
    prices = history(feed, OptionalServices())
    index = prices.daily(MARKET)
    found = prices.market(index)
    assert found is not None
    assert found.bars is index.bars
    assert feed.requested == [MARKET]
