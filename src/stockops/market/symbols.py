"""Ticker symbols as Yahoo writes them, checked before they touch a path, a key or a URL."""

import re

from stockops.errors import UsageError

_PATTERN = re.compile(r"\^?[A-Z0-9](?:[A-Z0-9&]|[.=-](?=[A-Z0-9])){0,14}")


def parse(text: str) -> str:
    """Return the symbol in upper case; raise UsageError for anything that is not one.

    Letters, digits and `&`, single `.`, `=` or `-` between them, `^` in front of an index:
    AAPL, ^GSPC, BRK-B, 7203.T, M&M.NS, EURUSD=X, BTC-USD.
    """
    symbol = text.strip().upper()
    if not _PATTERN.fullmatch(symbol):
        raise UsageError(
            f"{text!r} is not a ticker symbol",
            "symbols look like AAPL, BRK-B, ^GSPC or 7203.T (up to 16 characters)",
        )
    return symbol
