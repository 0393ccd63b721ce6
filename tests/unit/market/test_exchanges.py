import exchange_calendars
import pytest

from stockops.errors import UsageError
from stockops.market import exchanges
from stockops.market.exchange_tables import INDICES, SUFFIXES


@pytest.mark.parametrize(
    ("symbol", "name", "unit"),
    [
        ("AAPL", "XNYS", None),
        ("BRK-B", "XNYS", None),
        ("^GSPC", "XNYS", "points"),
        ("^N225", "XTKS", "points"),
        ("^TASI.SR", "XSAU", "points"),  # the suffix decides, for an index too
        ("^TA125.TA", "XTAE", "points"),
        ("^SET.BK", "XBKK", "points"),
        ("^CASE30", "unknown", "points"),  # Cairo; not New York
        ("7203.T", "XTKS", None),
        ("SHEL.L", "XLON", None),  # pence, pounds, dollars or euros
        ("RELIANCE.NS", "XBOM", None),
        ("APG1L.VS", "XLIT", None),
        ("COMI.CA", "unknown", None),
        ("ABC.XX", "unknown", None),
        ("600519", "unknown", None),
        ("ES=F", "us_futures", None),
        ("CLZ26.NYM", "us_futures", None),
        ("BTC-USD", "24/7", "USD"),
        ("BTC-CAD", "24/7", "CAD"),
        ("ETH-BTC", "24/7", "BTC"),
        ("BTC-USDT", "24/7", "USDT"),
        ("BTCUSD", "24/7", "USD"),
        ("XBTEUR", "24/7", "EUR"),
        ("ETHUSDT", "24/7", "USDT"),
        ("DOGEUSD", "24/7", "USD"),
        ("BTCUSDT-P", "24/7", "USDT"),
        ("EURUSD=X", "24/5", "USD"),
        ("JPY=X", "24/5", "JPY"),
        ("EURUSD", "24/5", "USD"),
        ("EUR-USD", "24/5", "USD"),
        ("XAUUSD", "24/5", "USD"),
    ],
)
def test_a_symbol_gives_its_exchange_and_a_unit_only_if_certain(symbol: str, name: str, unit: str | None) -> None:
    assert exchanges.of(symbol) == exchanges.Exchange(name, unit)


def test_every_exchange_in_the_tables_has_a_calendar() -> None:
    known = set(exchange_calendars.get_calendar_names(include_aliases=False))
    assert {*SUFFIXES.values(), *INDICES.values()} <= known


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("usd", "USD"), (" EUR ", "EUR"), ("GBP", "GBP"), ("GBp", "GBp"), ("GBX", "GBp"), ("gbx", "GBp"),
        ("ILA", "ILA"), ("ZAc", "ZAc"), ("ZAC", "ZAc"), ("ZAR", "ZAR"), ("USX", "USX"), ("USc", "USX"),
    ],
)  # fmt: skip
def test_a_currency_is_normalized(text: str, code: str) -> None:
    assert exchanges.currency(text) == code


@pytest.mark.parametrize(
    ("code", "description"),
    [
        ("USD", "USD"), ("GBP", "GBP"), ("GBp", "pence (GBp)"), ("GBX", "pence (GBp)"), ("ILA", "agorot (ILA)"),
        ("ZAc", "cents (ZAc)"), ("ZAC", "cents (ZAc)"), ("USX", "US cents"), ("USc", "US cents"), ("points", "points"),
    ],
)  # fmt: skip
def test_currencies_and_minor_units_are_described(code: str, description: str) -> None:
    assert exchanges.describe_currency(code) == description


@pytest.mark.parametrize("text", ["", "US", "DOLLAR", "XYZ", "U$D", "BTC"])
def test_an_unknown_currency_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a currency; use a code such as"):
        exchanges.currency(text)


@pytest.mark.parametrize(("price", "text"), [(1234.5, "1,234.50"), (0.00012345, "0.0001234"), (-1.0, "-1.00")])
def test_a_price_is_formatted_for_reading(price: float, text: str) -> None:
    assert exchanges.written(price) == text
