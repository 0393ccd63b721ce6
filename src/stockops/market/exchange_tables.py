"""Tables of the `exchange_calendars` calendar of each Yahoo suffix and index.

Suffixes as in Yahoo's list of exchanges (help.yahoo.com, SLN2310) and `yfinance.const`. Deliberately missing, for lack
of a calendar in the library: Cairo .CA, Caracas .CR, Colombo .CM, Doha .QA, Dubai .AE, Hanoi .VN, Kuwait .KW, Cboe
Europe .XC and .XD, EuroTLX .TI.
"""

# ISO 10383 codes, mostly. Exchanges that share their holidays share a calendar: India's two, China's two, Canada's
# four, Korea's two, Taiwan's two, and Germany's trading floors, which use Frankfurt's.
SUFFIXES = {
    "AQ": "XLON", "AS": "XAMS", "AT": "ASEX", "AX": "XASX", "BA": "XBUE", "BD": "XBUD", "BE": "XFRA", "BK": "XBKK",
    "BM": "XFRA", "BO": "XBOM", "BR": "XBRU", "CL": "XBOG", "CN": "XTSE", "CO": "XCSE", "DE": "XETR", "DU": "XDUS",
    "F": "XFRA", "HA": "XFRA", "HE": "XHEL", "HK": "XHKG", "HM": "XHAM", "IC": "XICE", "IL": "XLON", "IR": "XDUB",
    "IS": "XIST", "JK": "XIDX", "JO": "XJSE", "KA": "XKAR", "KL": "XKLS", "KQ": "XKRX", "KS": "XKRX", "L": "XLON",
    "LS": "XLIS", "MC": "XMAD", "ME": "XMOS", "MI": "XMIL", "MU": "XFRA", "MX": "XMEX", "NE": "XTSE", "NS": "XBOM",
    "NX": "XPAR", "NZ": "XNZE", "OL": "XOSL", "PA": "XPAR", "PR": "XPRA", "PS": "XPHS", "RG": "XRIS", "RO": "XBSE",
    "SA": "BVMF", "SAU": "XSAU", "SG": "XSTU", "SI": "XSES", "SN": "XSGO", "SR": "XSAU", "SS": "XSHG", "ST": "XSTO",
    "SW": "XSWX", "SZ": "XSHG", "T": "XTKS", "TA": "XTAE", "TL": "XTAL", "TO": "XTSE", "TW": "XTAI", "TWO": "XTAI",
    "V": "XTSE", "VI": "XWBO", "VS": "XLIT", "WA": "XWAR", "XA": "XASX",
    "CBT": "us_futures", "CME": "us_futures", "CMX": "us_futures", "NYB": "us_futures", "NYM": "us_futures",
}  # fmt: skip

_NEW_YORK = """
    ^DJA ^DJI ^DJT ^DJU ^DWCF ^FVX ^GSPC ^GVZ ^HGX ^IRX ^IXIC ^KBW ^BKX ^MID ^NDX ^NDXT ^NBI ^NQUSBLM ^NYA ^NYFANG
    ^OEX ^OSX ^OVX ^QMI ^RUA ^RUI ^RUT ^RVX ^SKEW ^SML ^SOX ^SP1500 ^SP400 ^SP500TR ^SP600 ^SPX ^SPXEW ^TNX ^TYX ^UTY
    ^VIX ^VIX1D ^VIX3M ^VIX6M ^VIX9D ^VVIX ^VXD ^VXN ^W5000 ^XAL ^XAU ^XAX ^XCI ^XEO ^XNG ^XOI ^DRG ^BTK ^HUI ^NWX
    ^BANK ^INSR ^INDS ^IXBK ^IXF ^IXT ^TRAN ^UTIL ^NXTQ
    ^SP500-10 ^SP500-15 ^SP500-20 ^SP500-25 ^SP500-30 ^SP500-35 ^SP500-40 ^SP500-45 ^SP500-50 ^SP500-55 ^SP500-60
"""
_BOMBAY = """
    ^BSESN ^CNXAUTO ^CNXCMDT ^CNXCONSUM ^CNXENERGY ^CNXFIN ^CNXFMCG ^CNXINFRA ^CNXIT ^CNXMEDIA ^CNXMETAL ^CNXMNC
    ^CNXPHARMA ^CNXPSE ^CNXPSUBANK ^CNXREALTY ^CNXSC ^CNXSERVICE ^CRSLDX ^CRSMID ^INDIAVIX ^NSEBANK ^NSEI ^NSEMDCP50
"""
# Calendars of indices whose symbol has no suffix.
INDICES = {
    "^AEX": "XAMS", "^AMX": "XAMS", "^AORD": "XASX", "^AXJO": "XASX", "^ATX": "XWBO", "^BFX": "XBRU", "^BUX": "XBUD",
    "^BVSP": "BVMF", "^CAC": "XPAR", "^FCHI": "XPAR", "^SBF120": "XPAR", "^FTAS": "XLON", "^FTLC": "XLON",
    "^FTMC": "XLON", "^FTSE": "XLON", "^GDAXI": "XETR", "^MDAXI": "XETR", "^SDAXI": "XETR", "^TECDAX": "XETR",
    "^STOXX": "XETR", "^STOXX50E": "XETR", "^V1X": "XETR", "^GSPTSE": "XTSE", "^HSCE": "XHKG", "^HSI": "XHKG",
    "^HSIL": "XHKG", "^IBEX": "XMAD", "^IPSA": "XSGO", "^ISEQ": "XDUB", "^JKLQ45": "XIDX", "^JKSE": "XIDX",
    "^KLSE": "XKLS", "^KS11": "XKRX", "^KS200": "XKRX", "^KQ11": "XKRX", "^MERV": "XBUE", "^MXX": "XMEX",
    "^N225": "XTKS", "^N300": "XTKS", "^TOPX": "XTKS", "^NZ50": "XNZE", "^OMX": "XSTO", "^OMXSPI": "XSTO",
    "^OMXS30": "XSTO", "^OMXC20": "XCSE", "^OMXC25": "XCSE", "^OMXH25": "XHEL", "^OMXHPI": "XHEL", "^OMXIPI": "XICE",
    "^OMXRGI": "XRIS", "^OMXTGI": "XTAL", "^OMXVGI": "XLIT", "^OSEAX": "XOSL", "^OBX": "XOSL", "^PSEI": "XPHS",
    "^PSI20": "XLIS", "^PX": "XPRA", "^SSEC": "XSHG", "^SSMI": "XSWX", "^STI": "XSES", "^TWII": "XTAI",
    "^TWOII": "XTAI", "^WIG": "XWAR", "^WIG20": "XWAR", "^XU030": "XIST", "^XU100": "XIST",
    **dict.fromkeys(_NEW_YORK.split(), "XNYS"),
    **dict.fromkeys(_BOMBAY.split(), "XBOM"),
}  # fmt: skip
