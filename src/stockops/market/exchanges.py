"""Where a symbol trades: the calendar of its sessions and the unit of its prices."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """calendar: a name of `exchange_calendars`, or "weekdays"; unit: what prices are quoted in."""

    calendar: str
    unit: str


# Yahoo's symbol suffixes; calendars are ISO 10383 codes, units ISO 4217 ("GBp" is pence).
_SUFFIXES = {
    "AS": ("XAMS", "EUR"), "AT": ("ASEX", "EUR"), "AX": ("XASX", "AUD"), "BA": ("XBUE", "ARS"),
    "BD": ("XBUD", "HUF"), "BK": ("XBKK", "THB"), "BO": ("XBOM", "INR"), "BR": ("XBRU", "EUR"),
    "CN": ("XTSE", "CAD"), "CO": ("XCSE", "DKK"), "DE": ("XETR", "EUR"), "DU": ("XDUS", "EUR"),
    "F": ("XFRA", "EUR"), "HE": ("XHEL", "EUR"), "HK": ("XHKG", "HKD"), "HM": ("XHAM", "EUR"),
    "IC": ("XICE", "ISK"), "IR": ("XDUB", "EUR"), "IS": ("XIST", "TRY"), "JK": ("XIDX", "IDR"),
    "JO": ("XJSE", "ZAc"), "KL": ("XKLS", "MYR"), "KQ": ("XKRX", "KRW"), "KS": ("XKRX", "KRW"),
    "L": ("XLON", "GBp"), "LS": ("XLIS", "EUR"), "MC": ("XMAD", "EUR"), "MI": ("XMIL", "EUR"),
    "MX": ("XMEX", "MXN"), "NE": ("XTSE", "CAD"), "NS": ("XBOM", "INR"), "NZ": ("XNZE", "NZD"),
    "OL": ("XOSL", "NOK"), "PA": ("XPAR", "EUR"), "PR": ("XPRA", "CZK"), "PS": ("XPHS", "PHP"),
    "RG": ("XRIS", "EUR"), "SA": ("BVMF", "BRL"), "SG": ("XSTU", "EUR"), "SI": ("XSES", "SGD"),
    "SN": ("XSGO", "CLP"), "SR": ("XSAU", "SAR"), "SS": ("XSHG", "CNY"), "ST": ("XSTO", "SEK"),
    "SW": ("XSWX", "CHF"), "SZ": ("XSHG", "CNY"), "T": ("XTKS", "JPY"), "TA": ("XTAE", "ILA"),
    "TL": ("XTAL", "EUR"), "TO": ("XTSE", "CAD"), "TW": ("XTAI", "TWD"), "TWO": ("XTAI", "TWD"),
    "V": ("XTSE", "CAD"), "VI": ("XWBO", "EUR"), "WA": ("XWAR", "PLN"),
}  # fmt: skip
_INDICES = {
    "^AEX": "XAMS", "^AXJO": "XASX", "^BSESN": "XBOM", "^BVSP": "BVMF", "^FCHI": "XPAR", "^FTSE": "XLON",
    "^GDAXI": "XETR", "^GSPTSE": "XTSE", "^HSI": "XHKG", "^KS11": "XKRX", "^MXX": "XMEX", "^N225": "XTKS",
    "^NSEI": "XBOM", "^SSMI": "XSWX", "^STI": "XSES", "^STOXX50E": "XETR", "^TWII": "XTAI",
}  # fmt: skip
_CRYPTO = re.compile(r"[A-Z0-9]+-(USD|EUR|GBP|JPY|BTC|ETH|USDT|USDC)")


def of(symbol: str) -> Exchange:
    """Return the exchange of a checked symbol: New York where nothing says otherwise."""
    if symbol.startswith("^"):
        return Exchange(_INDICES.get(symbol, "XNYS"), "points")
    if pair := _CRYPTO.fullmatch(symbol):
        return Exchange("24/7", pair[1])
    if symbol.endswith("=X"):
        return Exchange("24/5", symbol[-5:-2])
    if symbol.endswith("=F"):
        return Exchange("us_futures", "USD")
    if "." not in symbol:
        return Exchange("XNYS", "USD")
    return Exchange(*_SUFFIXES.get(symbol.rsplit(".", 1)[1], ("weekdays", "currency of its exchange")))


def written(price: float) -> str:
    """Return a price as a person writes it: cents, or four digits of one below one."""
    return f"{price:,.2f}" if abs(price) >= 1 else f"{price:.4g}"
