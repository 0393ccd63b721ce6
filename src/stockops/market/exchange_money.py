"""Tables and parsers for money: ISO 4217 currencies, minor units, coins, and pairs of them."""

import re

_ISO_4217_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP
    LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
    PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS
    TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XCD XCG XDR XOF XPD
    XPF XPT YER ZAR ZMW ZWG ZWL
"""
ISO_4217 = frozenset(_ISO_4217_CODES.split())

# Vendors' codes for a hundredth of a currency, in which shares are quoted -> its usual code and its name.
MINOR_UNITS = {
    "GBp": ("GBp", "pence (GBp)"), "GBX": ("GBp", "pence (GBp)"), "GBx": ("GBp", "pence (GBp)"),
    "ILA": ("ILA", "agorot (ILA)"), "ILa": ("ILA", "agorot (ILA)"),
    "ZAc": ("ZAc", "cents (ZAc)"), "ZAC": ("ZAc", "cents (ZAc)"),
    "USX": ("USX", "US cents"), "USc": ("USX", "US cents"), "USx": ("USX", "US cents"),
}  # fmt: skip

# Currencies that trade in pairs. Not every ISO code: ALL, TOP and SOS are also coins.
_TRADED_CODES = """
    AED ARS AUD BGN BRL CAD CHF CLP CNH CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW KWD MXN MYR NGN
    NOK NZD PEN PHP PKR PLN QAR RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR
"""
TRADED = frozenset(_TRADED_CODES.split())
_METALS = frozenset({"XAG", "XAU", "XPD", "XPT"})
_STABLE_COINS = frozenset({"BUSD", "DAI", "FDUSD", "TUSD", "USDC", "USDT"})
_COINS_CODES = """
    AAVE ADA ALGO APT ARB ATOM AVAX AXS BCH BNB BONK BTC CRV DASH DOGE DOT EGLD ENA EOS ETC ETH FIL FLOKI FTM GRT
    HBAR HYPE ICP IMX INJ JUP KAS LDO LINK LTC LUNA MANA MATIC MKR NEAR ONDO OP PEPE POL QNT RENDER RUNE SAND SEI
    SHIB SOL STX SUI TAO THETA TIA TON TRUMP TRX UNI VET WIF WLD XBT XLM XMR XRP XTZ ZEC
"""
_COINS = frozenset(_COINS_CODES.split())
QUOTES = TRADED | _STABLE_COINS | {"BNB", "BTC", "ETH", "SOL", "XBT"}


def _any(codes: frozenset[str]) -> str:
    return "|".join(sorted(codes, key=lambda code: (-len(code), code)))


_JOINED_COINS = re.compile(f"(?:{_any(_COINS | _STABLE_COINS)})({_any(QUOTES)})(?:[.-]?P|-?PERP)?")
_JOINED_CURRENCIES = re.compile(f"(?:{_any(TRADED | _METALS)})({_any(TRADED)})")
_APART = re.compile(f"([A-Z0-9]+)-({_any(QUOTES)})")


def exchange_rate(symbol: str) -> str | None:
    """Return the quote currency of an exchange rate (EURUSD=X, JPY=X, EURUSD, EUR-USD), else None."""
    if symbol.endswith("=X"):
        return symbol[-5:-2]
    if pair := _JOINED_CURRENCIES.fullmatch(symbol):
        return pair[1]
    pair = _APART.fullmatch(symbol)
    return pair[2] if pair and pair[1] in TRADED | _METALS and pair[2] in TRADED else None


def crypto_quote(symbol: str) -> str | None:
    """Return what a coin is quoted in (BTC-USD, ETH-BTC, BTCUSD, ETHUSDT), None if the symbol is not such a pair."""
    if pair := _APART.fullmatch(symbol):
        return pair[2]
    pair = _JOINED_COINS.fullmatch(symbol)
    return pair[1] if pair else None
