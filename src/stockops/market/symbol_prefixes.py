"""Tables of the exchange prefixes used by TradingView and Google Finance, and of their indices."""

NEW_YORK = frozenset({
    "AMEX", "ARCA", "ARCX", "BATS", "CBOE", "CBOEBZX", "IEX", "MUTF", "NASDAQ", "NYSE", "NYSEAMERICAN", "NYSEARCA",
    "NYSEMKT", "OTC", "OTCMKTS", "OTCPINK", "US", "XNAS", "XNYS",
})  # fmt: skip
# Yahoo suffixes of all other exchanges.
SUFFIX_OF = {
    "AMS": "AS", "AQUIS": "AQ", "ASX": "AX", "ATHEX": "AT", "ATH": "AT", "BCBA": "BA", "BCS": "SN", "BER": "BE",
    "BET": "BD", "BIST": "IS", "BIT": "MI", "BKK": "BK", "BME": "MC", "BMFBOVESPA": "SA", "BVMF": "SA", "BMV": "MX",
    "BOM": "BO", "BSE": "BO", "BVB": "RO", "BVC": "CL", "CPH": "CO", "CSE": "CN", "CVE": "V", "DUS": "DU", "EBR": "BR",
    "EGX": "CA", "ELI": "LS", "EPA": "PA", "ETR": "DE", "FRA": "F", "FWB": "F", "HAM": "HM", "HAN": "HA", "HEL": "HE",
    "HKEX": "HK", "HKG": "HK", "IDX": "JK", "IST": "IS", "JKT": "JK", "JSE": "JO", "KLSE": "KL", "KOSDAQ": "KQ",
    "KOSPI": "KS", "KRX": "KS", "KSE": "KW", "LON": "L", "LSE": "L", "LSIN": "IL", "MIL": "MI", "MOEX": "ME",
    "MCX": "ME", "MUN": "MU", "MYX": "KL", "NEO": "NE", "NSE": "NS", "NZE": "NZ", "NZX": "NZ", "OMXCOP": "CO",
    "OMXHEX": "HE", "OMXICE": "IC", "OMXRSE": "RG", "OMXSTO": "ST", "OMXTSE": "TL", "OMXVSE": "VS", "OSL": "OL",
    "PSE": "PS", "PSECZ": "PR", "PSX": "KA", "QSE": "QA", "RSE": "RG", "SET": "BK", "SGX": "SI", "SHA": "SS",
    "SHE": "SZ", "SIX": "SW", "SSE": "SS", "STO": "ST", "STU": "SG", "SWB": "SG", "SWX": "SW", "SZSE": "SZ",
    "TADAWUL": "SR", "TASE": "TA", "TLV": "TA", "TPE": "TW", "TPEX": "TWO", "TSE": "T", "TSX": "TO", "TSXV": "V",
    "TWSE": "TW", "TYO": "T", "VIE": "VI", "VTX": "SW", "WSE": "WA", "GPW": "WA", "XETR": "DE", "XETRA": "DE",
}  # fmt: skip
COINS = frozenset({
    "BINANCE", "BINANCEUS", "BITFINEX", "BITGET", "BITHUMB", "BITSTAMP", "BITTREX", "BYBIT", "COINBASE", "CRYPTO",
    "CRYPTOCOM", "GATEIO", "GEMINI", "HTX", "HUOBI", "KRAKEN", "KUCOIN", "MEXC", "OKX", "POLONIEX", "UPBIT",
})  # fmt: skip
CURRENCIES = frozenset({
    "CURRENCY", "FOREXCOM", "FX", "FX_IDC", "FXCM", "ICMARKETS", "IDC", "OANDA", "PEPPERSTONE", "SAXO",
})  # fmt: skip
FUTURES = frozenset({
    "CBOT", "CBOT_MINI", "CME", "CME_MINI", "COMEX", "COMEX_MINI", "ICEUS", "NYBOT", "NYMEX", "NYMEX_MINI",
})  # fmt: skip
INDEX_PROVIDERS = frozenset({"DJ", "HSI", "INDEXCBOE", "INDEXDJX", "INDEXNASDAQ", "INDEXSP", "NASDAQDJ", "SP", "TVC"})
KNOWN = NEW_YORK | SUFFIX_OF.keys() | COINS | CURRENCIES | FUTURES | INDEX_PROVIDERS

# Indices with their exchange's prefix; without one, DAX and SPX may be anything.
INDICES = {
    "ASX": {"XJO": "^AXJO", "XAO": "^AORD"},
    "BME": {"IBC": "^IBEX"},
    "BMFBOVESPA": {"IBOV": "^BVSP"},
    "BSE": {"SENSEX": "^BSESN"},
    "CBOE": {"SPX": "^GSPC", "VIX": "^VIX", "VVIX": "^VVIX", "RUT": "^RUT", "OEX": "^OEX"},
    "DJ": {"DJI": "^DJI", "DJT": "^DJT", "DJU": "^DJU", "DJA": "^DJA"},
    "HSI": {"HSI": "^HSI"},
    "INDEXCBOE": {"VIX": "^VIX", "SPX": "^GSPC"},
    "INDEXDJX": {".DJI": "^DJI", "DJI": "^DJI"},
    "INDEXNASDAQ": {".IXIC": "^IXIC", "IXIC": "^IXIC", "NDX": "^NDX"},
    "INDEXSP": {".INX": "^GSPC", "INX": "^GSPC", "SPX": "^GSPC"},
    "KRX": {"KOSPI": "^KS11", "KOSDAQ": "^KQ11"},
    "NASDAQ": {"IXIC": "^IXIC", "NDX": "^NDX", "SOX": "^SOX"},
    "NASDAQDJ": {"IXIC": "^IXIC", "NDX": "^NDX"},
    "NSE": {"NIFTY": "^NSEI", "BANKNIFTY": "^NSEBANK", "INDIAVIX": "^INDIAVIX"},
    "NYSE": {"NYA": "^NYA"},
    "OMXSTO": {"OMXS30": "^OMX"},
    "SIX": {"SMI": "^SSMI"},
    "SP": {"SPX": "^GSPC", "OEX": "^OEX", "MID": "^MID", "SML": "^SP600"},
    "TSX": {"TSX": "^GSPTSE"},
    "TVC": {
        "AEX": "^AEX", "CAC40": "^FCHI", "DEU40": "^GDAXI", "DAX": "^GDAXI", "DJI": "^DJI", "DXY": "DX-Y.NYB",
        "HSI": "^HSI", "IBEX35": "^IBEX", "IXIC": "^IXIC", "KOSPI": "^KS11", "NDQ": "^NDX", "NDX": "^NDX",
        "NI225": "^N225", "NYA": "^NYA", "RUT": "^RUT", "SENSEX": "^BSESN", "SPX": "^GSPC", "STI": "^STI",
        "SX5E": "^STOXX50E", "UKX": "^FTSE", "US05Y": "^FVX", "US10Y": "^TNX", "US30Y": "^TYX", "VIX": "^VIX",
    },
    "TWSE": {"TAIEX": "^TWII"},
    "XETR": {"DAX": "^GDAXI", "MDAX": "^MDAXI", "TDXP": "^TECDAX"},
}  # fmt: skip
