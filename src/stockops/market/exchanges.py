"""Where a symbol trades, and the unit of its prices if the symbol alone determines it."""

import difflib
from dataclasses import dataclass

from stockops.errors import UsageError
from stockops.market.exchange_money import ISO_4217, MINOR_UNITS, crypto_quote, exchange_rate
from stockops.market.exchange_tables import INDICES, SUFFIXES
from stockops.wording import one_line

UNKNOWN = "unknown"
POINTS = "points"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange. calendar: a name of `exchange_calendars`, or "unknown"; unit: of quoted prices, None if uncertain.

    A suffix does not determine the currency: London lists shares in pence, pounds, dollars and euros.
    """

    calendar: str
    unit: str | None


def of(symbol: str) -> Exchange:
    """Return the exchange of a checked symbol: New York for a plain one, "unknown" if it is in no table."""
    if symbol.startswith("^"):
        return Exchange(_index_calendar(symbol), POINTS)
    if quote := exchange_rate(symbol):
        return Exchange("24/5", quote)
    if quote := crypto_quote(symbol):
        return Exchange("24/7", quote)
    if symbol.endswith("=F"):
        return Exchange("us_futures", None)
    if "." in symbol:
        return Exchange(_suffix_calendar(symbol), None)
    return Exchange(UNKNOWN if symbol.isdigit() else "XNYS", None)  # no US symbol is a number


def _index_calendar(symbol: str) -> str:
    return _suffix_calendar(symbol) if "." in symbol else INDICES.get(symbol, UNKNOWN)


def _suffix_calendar(symbol: str) -> str:
    return SUFFIXES.get(symbol.rsplit(".", 1)[1], UNKNOWN)


def currency(text: str) -> str:
    """Return a currency in canonical form: an ISO 4217 code, or a minor unit such as GBp (also read from GBX).

    Case matters only for the minor units; raises UsageError if the text is not a currency.
    """
    code = text.strip()
    if not code.isascii():  # some letters become ASCII in upper case
        raise UsageError(f"{one_line(text, 20)!r} is not a currency", "use a code such as USD or GBp")
    if code in MINOR_UNITS:
        return MINOR_UNITS[code][0]
    if code.upper() in ISO_4217:
        return code.upper()
    if code.upper() in MINOR_UNITS:
        return MINOR_UNITS[code.upper()][0]
    near = difflib.get_close_matches(code[:20].upper(), ISO_4217, n=1)
    raise UsageError(
        f"{one_line(text, 20)!r} is not a currency", f"use a code such as {near[0] if near else 'USD'} or GBp"
    )


def stated_currency(text: object) -> str | None:
    """Return the currency stated by a file or a vendor in canonical form; None if it is not one."""
    try:
        return currency(text) if isinstance(text, str) else None
    except UsageError:
        return None


def describe_currency(code: str) -> str:
    """Return a currency for display: "pence (GBp)" for a minor unit, else the code itself."""
    return MINOR_UNITS[code][1] if code in MINOR_UNITS else code


def quoted(price: float, unit: str | None) -> str:
    """Return a price with its unit if known: 211.19 USD, 72.50 pence (GBp), 5,460.48 points."""
    return f"{written(price)} {describe_currency(unit)}" if unit else written(price)


def labelled(name: str, unit: str | None) -> str:
    """Return the name of an axis, with its unit in brackets if known."""
    return f"{name} ({unit})" if unit else name


def written(price: float) -> str:
    """Return a price for display: two decimals, or four significant digits below 1."""
    return f"{price:,.2f}" if abs(price) >= 1 else f"{price:.4g}"


def can_be_split(symbol: str) -> bool:
    """Return whether a symbol can split: a share or a fund, but not an index, currency, coin or future."""
    return of(symbol).unit is None and not symbol.endswith("=F")
