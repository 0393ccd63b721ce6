"""The roles of a price file's columns: a table of vendors' names, and the parsing of headers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stockops.adapters.market_data.source_files import spellings
from stockops.errors import DataError
from stockops.market import ohlcv
from stockops.wording import one_line

DATE, TICKER, CURRENCY = "Date", "Ticker", "Currency"
NEEDED = (DATE, *ohlcv.OHLCV)

# If a file has two names for one role, the one further left here wins. Names are compared as `plain` returns them.
_NAMES = {
    DATE: "date datetime timestamp time tradedate tradingdate day t datum",
    "Open": "open o openprice opening 1open eröffn eröffnung erster ouv ouverture",
    "High": "high h highprice dayhigh max hoch plushaut",
    "Low": "low l lowprice daylow min tief plusbas",
    "Close": "close c closeprice closelast closing last lastprice price schluss schlusskurs dernier",
    ohlcv.ADJUSTED: "adjclose adjustedclose closeadj closeadjusted adjusted adjcloseprice adjustedcloseprice",
    "Volume": "volume v vol tradingvolume totalvolume tottrdqty totaltradedquantity sharestraded tickvol stuecke",
    ohlcv.DIVIDENDS: "dividends dividend dividendamount divcash exdividend",
    ohlcv.SPLITS: "stocksplits splits splitratio splitcoefficient splitfactor",
    TICKER: "ticker symbol tickers symbols tickersymbol",
    CURRENCY: "currency",
}
ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_RANK = {name: rank for names in _NAMES.values() for rank, name in enumerate(names.split())}
# Names that count as dates only if their cells are: an unnamed index, or the name of the column axis.
_INDEX = ("", "unnamed0", "index", "indexlevel0", "price")
_LONGEST_NAME = 60
_NUMBERED = re.compile(r"^\s*\d+[a-z]?\.\s+")  # Alpha Vantage: "1. open", "5. adjusted close"
_PAIR = re.compile(r"""^\(\s*['"](.*?)['"]\s*,\s*['"](.*?)['"]\s*\)$""")  # two header rows merged: ('Close', 'AAPL')


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its index, its name, and its symbol if the header gives one."""

    place: int
    name: str
    ticker: str = ""


def plain(name: str) -> str:
    """Return a column's name normalized as in ROLES: "5. adjusted close" to "adjustedclose"."""
    return "".join(char for char in _NUMBERED.sub("", name).lower() if char.isalnum() or char == "%")


def is_of(ticker: str, symbol: str) -> bool:
    """Return whether a file's ticker means the symbol: AAPL.US and NASDAQ:AAPL for AAPL, brk.b for BRK-B."""
    name = ticker.strip()
    return name.isascii() and name.upper().rpartition(":")[2] in spellings(symbol)


def columns(header: Sequence[str], tickers: Sequence[str], symbol: str) -> list[Column]:
    """Return the columns of a header row and, if the file has one, the row of tickers next to it."""
    return [_column(place, name, tickers, symbol) for place, name in enumerate(header)]


def prices_in(row: Sequence[str], symbol: str) -> int:
    """Return how many of Open, High, Low and Close a row names: 4 for a header, 0 for data."""
    names = [name for name in row if len(name) <= _LONGEST_NAME]
    if len(names) < 2:  # a line split at the wrong separator
        return 0
    roles = {ROLES.get(plain(column.name)) for column in columns(names, (), symbol)}
    return len(roles & set(ohlcv.PRICES))


def of_symbol(found: Sequence[Column], symbol: str, name: str) -> list[Column]:
    """Return the columns of one symbol or of no symbol; raise DataError if the file has only other symbols'."""
    mine = [column for column in found if not column.ticker or is_of(column.ticker, symbol)]
    if not any(column.ticker for column in mine) and any(column.ticker for column in found):
        raise another(name, symbol, [column.ticker for column in found if column.ticker])
    return mine


def another(name: str, symbol: str, tickers: Sequence[str]) -> DataError:
    """Return the error for a file with only other symbols."""
    shown = _listed(list(dict.fromkeys(tickers)), 5)
    return DataError(f"{name} holds {shown}, not {symbol}", f"save the bars of {symbol} as {symbol}.csv")


def by_role(found: Sequence[Column], dated: Callable[[int], bool], name: str) -> dict[str, list[Column]]:
    """Return the columns of each role: those with its best-ranked name, possibly several.

    dated: returns whether the column at an index holds dates. Raise DataError if a required role is missing.
    """
    roles: dict[str, list[Column]] = {}
    for role in _NAMES:
        named = [column for column in found if ROLES.get(plain(column.name)) == role]
        best = min((_RANK[plain(column.name)] for column in named), default=0)
        roles[role] = [column for column in named if _RANK[plain(column.name)] == best]
    if not roles[DATE]:
        roles[DATE] = [column for column in found if plain(column.name) in _INDEX and dated(column.place)][:1]
    taken = {column.place for column in roles[DATE]}
    roles["Close"] = [column for column in roles["Close"] if column.place not in taken]
    if missing := [role for role in NEEDED if not roles[role]]:
        raise _lacking(name, missing, found)
    return {role: those for role, those in roles.items() if those}


def _column(place: int, name: str, tickers: Sequence[str], symbol: str) -> Column:
    ticker = tickers[place].strip() if place < len(tickers) else ""
    if pair := _PAIR.match(name.strip()):
        name, ticker = pair.groups() if plain(pair[1]) in ROLES else (pair[2], pair[1])
    return Column(place, name if plain(name) in ROLES else _without(symbol, name), ticker)


def _without(symbol: str, name: str) -> str:
    """Return a name without the symbol before or after it: AAPL.Open, Close_AAPL."""
    own = re.escape(symbol)
    return re.sub(rf"^\s*{own}[._ -]|[._ -]{own}\s*$", "", name, flags=re.IGNORECASE)


def _lacking(name: str, missing: Sequence[str], found: Sequence[Column]) -> DataError:
    shown = _listed([column.name for column in found], 12)
    return DataError(f"{name} has no column {', '.join(missing)} (it has {shown})", f"needed are {', '.join(NEEDED)}")


def _listed(names: Sequence[str], most: int) -> str:
    return ", ".join([one_line(name, 20) for name in names[:most]] + ["..."] * (len(names) > most))
