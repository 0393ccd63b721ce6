import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockops.errors import UsageError
from stockops.market import symbol_prefixes as prefixes
from stockops.market.exchange_tables import INDICES, SUFFIXES
from stockops.market.symbols import listed, parse
from tests.places import SHARED

AS_TYPED = {
    "aapl": "AAPL",
    "$AAPL": "AAPL",
    "AAPL.US": "AAPL",
    "AAPL.US.US": "AAPL",
    "NASDAQ:AAPL": "AAPL",
    "NYSE:IBM": "IBM",
    "NYSE:BRK.B": "BRK-B",
    "BRK.B": "BRK-B",
    "bf.b": "BF-B",
    "BRK/B": "BRK-B",
    "BRK.B.US": "BRK-B",
    "BTC/USD": "BTC-USD",
    "BTC_USD": "BTC-USD",
    "brk_b": "BRK-B",
    "EUR/USD": "EURUSD=X",
    "FX:EURUSD": "EURUSD=X",
    "OANDA:XAUUSD": "XAUUSD=X",
    "BINANCE:BTCUSDT": "BTCUSDT",
    "BTCUSD": "BTCUSD",
    "TVC:VIX": "^VIX",
    "SP:SPX": "^GSPC",
    "CBOE:VIX": "^VIX",
    "INDEXSP:.INX": "^GSPC",
    "XETR:DAX": "^GDAXI",
    "XETR:SAP": "SAP.DE",
    "LSE:VOD": "VOD.L",
    "LSE:VOD.L": "VOD.L",
    "LSE:BP.": "BP.L",
    "LSE:BT.A": "BT-A.L",
    "REI.UN.TO": "REI-UN.TO",
    "TSE:7203": "7203.T",
    "TSE:130A": "130A.T",
    "TSE:RY": "RY.TO",
    "HKEX:700": "0700.HK",
    "00700.HK": "0700.HK",
    "NSE:RELIANCE": "RELIANCE.NS",
    "CME_MINI:ES1!": "ES=F",
    '"AAPL"': "AAPL",
    "\u201cAAPL\u201d": "AAPL",
    "\ufeffAAPL": "AAPL",
    "\xa0AA\u200bPL\u2060 ": "AAPL",
    "AAPL.F": "AAPL.F",  # F, L, T and V are exchanges, not share classes
    "AAPL.L": "AAPL.L",
    "7203.T": "7203.T",
    "AAPL.V": "AAPL.V",
}
NOT_SYMBOLS = [
    "", " ", "../x", "A/B", "A/B/C", "A\\B", "..", ".T", "T.", "A..B", "A.-B", "-A", "A B", "A\0", "A\nB", "ÄÖ", "A:B",
    "A" * 17, "^", "^^GSPC", "A;rm", "$(x)", "A%2f", "*", "NASDAQ:", "LSE:", ":AAPL", "$$AAPL", "../USD", "\uff21",
]  # fmt: skip


@pytest.mark.parametrize("text", ["AAPL", "^GSPC", "BRK-B", "7203.T", "RELIANCE.NS", "M&M.NS", "EURUSD=X", "ES=F", "F"])
def test_symbols_as_yahoo_writes_them_are_accepted_unchanged(text: str) -> None:
    assert parse(text) == text


@pytest.mark.parametrize(("text", "symbol"), AS_TYPED.items())
def test_common_spellings_of_a_symbol_are_understood(text: str, symbol: str) -> None:
    assert parse(text) == symbol


def test_a_symbol_is_upper_cased_and_stripped(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "stockops.symbols"):
        assert parse(" brk-b\n") == "BRK-B"
    assert caplog.messages == []


def test_a_reinterpreted_symbol_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "stockops.symbols"):
        parse("nyse:brk.b")
    assert caplog.messages == ["NYSE:BRK.B is read as BRK-B"]


@pytest.mark.parametrize("text", NOT_SYMBOLS)
def test_an_invalid_symbol_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a ticker symbol"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NASDQ:AAPL", "'NASDQ' is no known exchange; did you mean NASDAQ:?"),
        ("TVC:GOLD", "no index of TVC by that name"),
        ("CME:ESZ26", "such as ES=F"),
        ("A\x07B", r"'A\\x07B' is not"),
        ("A" * 900, r"'A{40}\.\.\.' is not"),
    ],
)
def test_a_refusal_says_what_the_problem_is(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(text)


_NAMES = st.from_regex(r"[A-Za-z0-9]{1,6}([./-][A-Za-z0-9]{1,4}){0,2}(=[XF])?(1!)?", fullmatch=True)
_PREFIXES = st.sampled_from(["", "$", "^", *(f"{prefix}:" for prefix in sorted(prefixes.KNOWN))])
_SUFFIXES = st.sampled_from(["", ".US", *(f".{suffix}" for suffix in sorted(SUFFIXES))])


@given(prefix=_PREFIXES, name=_NAMES, suffix=_SUFFIXES)
def test_a_parsed_symbol_parses_to_itself(prefix: str, name: str, suffix: str) -> None:
    try:
        symbol = parse(prefix + name + suffix)
    except UsageError:
        return
    assert parse(symbol) == symbol


@given(st.text(max_size=20))
def test_any_text_is_parsed_to_a_safe_symbol_or_refused(text: str) -> None:
    try:
        symbol = parse(text)
    except UsageError:
        return
    assert symbol.isascii()
    assert not set(symbol) & set("/\\: \0")
    assert parse(symbol) == symbol


def test_every_index_in_the_tables_parses_to_itself() -> None:
    named = [symbol for table in prefixes.INDICES.values() for symbol in table.values()]
    assert [parse(symbol) for symbol in (*named, *INDICES)] == [*named, *INDICES]


def test_every_prefix_leads_to_exactly_one_exchange() -> None:
    groups = [
        prefixes.NEW_YORK, set(prefixes.SUFFIX_OF), prefixes.COINS, prefixes.CURRENCIES, prefixes.FUTURES,
        prefixes.INDEX_PROVIDERS,
    ]  # fmt: skip
    assert sum(map(len, groups)) == len(prefixes.KNOWN)
    assert set(prefixes.INDICES) <= prefixes.KNOWN
    without_calendar = {"CA", "KW", "QA"}  # Cairo, Kuwait and Doha
    assert set(prefixes.SUFFIX_OF.values()) - without_calendar <= set(SUFFIXES)


def test_parsing_symbols_imports_no_heavy_library() -> None:
    code = "import sys, stockops.market.symbols; print({'pandas', 'numpy', 'exchange_calendars'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("\ufeffAAPL\r\n\r\nmsft  # mine\r\nAAPL\r\n", ["AAPL", "msft", "AAPL"]),
        ("NASDAQ:AAPL,NYSE:IBM,TVC:VIX\n", ["NASDAQ:AAPL", "NYSE:IBM", "TVC:VIX"]),
        ("###MY INDICES,TVC:VIX,###STOCKS,NASDAQ:AAPL", ["TVC:VIX", "NASDAQ:AAPL"]),
        ("### my stocks, all of them\n###mine, too\n# more\nAAPL # first, best\n", ["AAPL"]),
        ("AAPL; MSFT\tIBM\nKO XOM\nko xom", ["AAPL", "MSFT", "IBM", "KO", "XOM", "ko", "xom"]),
        ("\ufeffSymbol,Name\r\nAAPL,Apple Inc.\r\nBRK.B,Berkshire\r\n", ["AAPL", "BRK.B"]),
        ('Name;"TICKER"\n"Apple; #1";"AAPL"\n\n# no; more\nSAP SE;SAP.DE\nshort\n', ["AAPL", "SAP.DE"]),
        ("Code,Symbol\n1,AAPL\n", ["AAPL"]),
        ("ticker\naapl\n", ["aapl"]),
        ("", []),
        ("\n# nothing\n", []),
    ],
)
def test_the_symbols_of_a_file_are_listed(text: str, symbols: list[str]) -> None:
    assert listed(text) == symbols


@pytest.mark.parametrize("line", ["AAPL,Apple Inc.", "Apple Inc"])
def test_a_line_that_is_not_a_symbol_list_is_refused_as_a_whole(line: str) -> None:
    assert listed(f"MSFT\n{line}\n") == ["MSFT", line]
    with pytest.raises(UsageError, match=f"'{line}'"):
        parse(line)


@pytest.mark.parametrize("name", ["bom_crlf.txt", "nasdaq.csv", "tradingview.txt"])
def test_files_found_in_practice_are_read(name: str) -> None:
    folder = SHARED / "cases" / "104-tickers-file"
    if not folder.is_dir():
        pytest.skip("the files are not available")
    assert all(parse(symbol) for symbol in listed((folder / name).read_text(encoding="utf-8")))
