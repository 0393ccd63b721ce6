"""Parses ticker symbols as typed into Yahoo's form, and checks them before they reach a path, a key or a URL."""

import difflib
import logging
import re
import unicodedata

from stockops.errors import UsageError
from stockops.market import symbol_prefixes as prefixes
from stockops.market.exchange_money import QUOTES, TRADED, exchange_rate
from stockops.market.exchange_tables import SUFFIXES
from stockops.market.symbol_lists import listed

__all__ = ["listed", "parse"]

log = logging.getLogger("stockops.symbols")

_PATTERN = re.compile(r"\^?[A-Z0-9](?:[A-Z0-9&]|[.=-](?=[A-Z0-9])){0,14}")
_QUOTATION_MARKS = "\"'`\u201c\u201d\u2018\u2019\u201e"
_SHOWN = 40  # characters of the input in an error


def parse(text: str) -> str:
    """Return a symbol in canonical form, Yahoo's; raises UsageError if the text is not a symbol.

    That form has letters, digits and `&`, single `.`, `=` or `-` between them, `^` in front of an index, up to 16
    characters: AAPL, ^GSPC, BRK-B, 7203.T, M&M.NS, EURUSD=X, BTC-USD. $AAPL, AAPL.US, BRK.B, NYSE:BRK.B, LSE:VOD,
    HKEX:700, BTC/USD and BTC_USD are accepted, too; a symbol that is changed is logged.
    """
    typed = _visible(text)
    symbol = _canonical(typed)
    if not _PATTERN.fullmatch(symbol):
        raise _refused(text, "symbols look like AAPL, BRK-B, ^GSPC or 7203.T (up to 16 characters)")
    if symbol != typed:
        log.info("%s is read as %s", typed, symbol)
    return symbol


def _visible(text: str) -> str:
    """Return the text in upper case without invisible characters (a BOM, zero-width ones) and quotation marks."""
    seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
    bare = seen.strip().strip(_QUOTATION_MARKS).strip()
    if not bare.isascii():
        raise _refused(text, "symbols have plain letters and digits only")
    return bare.upper()


def _canonical(typed: str) -> str:
    symbol = typed.removeprefix("$")
    if ":" in symbol:
        symbol = _listed_on(*symbol.split(":", 1), typed=typed)
    symbol = re.sub(r"(\.US)+$", "", symbol)
    symbol = symbol.replace("_", "-")
    if "/" in symbol:
        symbol = _with_slash(symbol)
    return _with_dots(symbol)


def _listed_on(prefix: str, name: str, *, typed: str) -> str:
    """Return the symbol of a name with an exchange prefix, such as LSE:VOD."""
    if index := prefixes.INDICES.get(prefix, {}).get(name):
        return index
    if prefix not in prefixes.KNOWN:
        raise _unknown_prefix(prefix, typed)
    if prefix in prefixes.INDEX_PROVIDERS:
        raise _refused(typed, "write the index as Yahoo does, such as ^GSPC", f"no index of {prefix} by that name")
    if prefix in prefixes.FUTURES:
        if not name.endswith("1!"):
            raise _refused(typed, "write the future as Yahoo does, such as ES=F", "of futures only 1! is read")
        return f"{name[:-2]}=F"
    if prefix in prefixes.CURRENCIES:
        return f"{name}=X" if exchange_rate(name) and "=" not in name and "-" not in name else name
    if prefix not in prefixes.SUFFIX_OF:
        return name
    suffix = prefixes.SUFFIX_OF[prefix]
    if prefix == "TSE" and not name[:1].isdigit():
        suffix = "TO"  # Google's Toronto: every code of Tokyo begins with a digit
    return f"{name.removesuffix('.' + suffix).rstrip('.')}.{suffix}"  # LSE:BP. is BP


def _unknown_prefix(prefix: str, typed: str) -> UsageError:
    near = difflib.get_close_matches(prefix, prefixes.KNOWN, n=1)
    hint = f"did you mean {near[0]}:?" if near else "write the symbol as Yahoo does, such as VOD.L or 7203.T"
    return _refused(typed, hint, f"{_shown(prefix)} is no known exchange")


def _with_slash(symbol: str) -> str:
    """Return the symbol of one with a slash: BTC/USD is a pair, BRK/B a share class."""
    base, rest = symbol.split("/", 1)
    if base in TRADED and rest in TRADED:
        return f"{base}{rest}=X"
    is_class = len(base) > 1 and base.isalpha() and len(rest) == 1
    return f"{base}-{rest}" if rest in QUOTES or is_class else symbol


def _with_dots(symbol: str) -> str:
    """Keep the dot before an exchange suffix; any other is a share class, which Yahoo writes with a dash."""
    base, dot, last = symbol.rpartition(".")
    if not dot:
        return symbol
    if last in SUFFIXES:
        if last == "HK" and base.isdigit():
            base = f"{int(base):04}"
        return f"{base.replace('.', '-')}.{last}"
    return f"{base}-{last}" if len(last) == 1 and last.isalpha() else symbol


def _refused(text: str, hint: str, why: str = "") -> UsageError:
    return UsageError(f"{_shown(text)} is not a ticker symbol" + (f": {why}" if why else ""), hint)


def _shown(text: str) -> str:
    """Return the input for an error message: cut to 40 characters, unprintable ones escaped."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
