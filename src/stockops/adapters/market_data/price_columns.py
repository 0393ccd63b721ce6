"""Which column of a price file is what: the names that vendors give, as a table, and the header they stand in."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stockops.adapters.market_data.source_files import spellings
from stockops.errors import DataError
from stockops.market import ohlcv
from stockops.wording import one_line

DATE, TICKER, CURRENCY = "Date", "Ticker", "Currency"
NEEDED = (DATE, *ohlcv.OHLCV)

# Of two names that a file has for one role the one further left counts. Compared are small letters, digits and %.
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
# Names that hold dates only where their cells do: an index without a name, or the name of all columns.
_INDEX = ("", "unnamed0", "index", "indexlevel0", "price")
_LONGEST_NAME = 60
_NUMBERED = re.compile(r"^\s*\d+[a-z]?\.\s+")  # Alpha Vantage: "1. open", "5. adjusted close"
_PAIR = re.compile(r"""^\(\s*['"](.*?)['"]\s*,\s*['"](.*?)['"]\s*\)$""")  # two header rows made one: ('Close', 'AAPL')


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where it stands, what it is called, of which symbol it is where a header row says so."""

    place: int
    name: str
    ticker: str = ""


def plain(name: str) -> str:
    """Return a column's name as ROLES has it: "5. adjusted close" and "Adj_Close" alike."""
    return "".join(char for char in _NUMBERED.sub("", name).lower() if char.isalnum() or char == "%")


def is_of(ticker: str, symbol: str) -> bool:
    """Tell whether a file's ticker is the symbol: AAPL.US, NASDAQ:AAPL and brk.b for BRK-B."""
    name = ticker.strip()
    return name.isascii() and name.upper().rpartition(":")[2] in spellings(symbol)


def columns(header: Sequence[str], tickers: Sequence[str], symbol: str) -> list[Column]:
    """Return the columns of a header row and, where the file has one, the row of tickers beside it."""
    return [_column(place, name, tickers, symbol) for place, name in enumerate(header)]


def prices_in(row: Sequence[str], symbol: str) -> int:
    """Return how many of Open, High, Low and Close a row names: 4 in a header, 0 in data."""
    names = [name for name in row if len(name) <= _LONGEST_NAME]
    if len(names) < 2:  # a line cut at another separator than its own
        return 0
    roles = {ROLES.get(plain(column.name)) for column in columns(names, (), symbol)}
    return len(roles & set(ohlcv.PRICES))


def of_symbol(found: Sequence[Column], symbol: str, name: str) -> list[Column]:
    """Return the columns of one symbol, those of none among them; DataError naming those that a file has instead."""
    mine = [column for column in found if not column.ticker or is_of(column.ticker, symbol)]
    if not any(column.ticker for column in mine) and any(column.ticker for column in found):
        raise another(name, symbol, [column.ticker for column in found if column.ticker])
    return mine


def another(name: str, symbol: str, tickers: Sequence[str]) -> DataError:
    """Return the error for a file of other symbols."""
    shown = _listed(list(dict.fromkeys(tickers)), 5)
    return DataError(f"{name} holds {shown}, not {symbol}", f"save the bars of {symbol} as {symbol}.csv")


def by_role(found: Sequence[Column], dated: Callable[[int], bool], name: str) -> dict[str, list[Column]]:
    """Return the columns of each role: those of its best name, of which there may be several.

    dated: tells whether the cells at a place hold dates. DataError for a role that is needed and missing.
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
    """Return a name without the symbol before or behind it: AAPL.Open, Close_AAPL."""
    own = re.escape(symbol)
    return re.sub(rf"^\s*{own}[._ -]|[._ -]{own}\s*$", "", name, flags=re.IGNORECASE)


def _lacking(name: str, missing: Sequence[str], found: Sequence[Column]) -> DataError:
    shown = _listed([column.name for column in found], 12)
    return DataError(f"{name} has no column {', '.join(missing)} (it has {shown})", f"needed are {', '.join(NEEDED)}")


def _listed(names: Sequence[str], most: int) -> str:
    return ", ".join([one_line(name, 20) for name in names[:most]] + ["..."] * (len(names) > most))
