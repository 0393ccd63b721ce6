"""The files that the sources `csv` and `sample` read, and digests of their content; does not import pandas."""

import hashlib
import importlib.util
import os
import re
from pathlib import Path
from urllib.parse import unquote

from stockops.adapters.storage import regular_files
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.errors import DataError, UsageError
from stockops.records import MARKET

_INDEX = ("arch", "data/sp500/sp500.csv.gz")
_STOCKS = ("bokeh_sampledata", "_data/stocks.csv.gz")
_NAME = re.compile(r"(?P<stem>.+)\.(?:csv|tsv|txt|parquet|pq)(?:\.gz|\.zip)?", re.IGNORECASE)
_VENDOR = ".US"  # what Stooq and EODHD append to every US symbol


def csv(directory: Path, symbol: str) -> Path:
    """Return the file with the bars of a symbol, or the expected path if there is none.

    `<SYMBOL>.csv` comes first, then the only file with another spelling of the symbol or another extension:
    aapl.us.txt, AAPL.parquet, BRK_B.csv for BRK-B, GSPC.csv for ^GSPC. Raise DataError if several match.
    """
    exact = directory / f"{symbol}.csv"
    if os.path.exists(exact):  # unlike Path.exists, False in an unreadable folder
        return exact
    found = [path for path in price_files(directory) if _is_of(_stem(path), symbol)]
    if len(found) > 1:
        message = f"both {found[0].name} and {found[1].name} in {directory} may hold {symbol}"
        raise DataError(message, f"rename the right one {exact.name}")
    return found[0] if found else exact


def price_files(directory: Path) -> list[Path]:
    """Return the files of a folder that may hold prices, sorted; none if it cannot be listed."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [directory / name for name in sorted(names) if _NAME.fullmatch(name)]


def spellings(symbol: str) -> set[str]:
    """Return vendors' spellings of a symbol, in upper case: BRK-B, BRK.B, BRK_B; ^GSPC also without its caret."""
    name = symbol.upper()
    names = {name}
    if name.startswith("^"):
        names |= {name[1:], f"_{name[1:]}"}
    names |= {re.sub(r"(?<=.)[.\-]", separator, each) for each in names for separator in "._-"}
    return names | {f"{each}{_VENDOR}" for each in names}


def sample(symbol: str) -> Path:
    """Return the packaged file with a symbol's prices; raise UsageError if its package is not installed."""
    package, path = _INDEX if symbol == MARKET else _STOCKS
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UsageError(
            f"--source sample needs the package {package}", "install it: pip install '.[sample]' in a clone of stockops"
        )
    return Path(spec.origin).parent / path


def digest(path: Path) -> str:
    """Return a digest of a file's content; "" if it cannot be read."""
    try:
        return hashlib.sha256(regular_files.read(path)).hexdigest()
    except (OSError, NotAFileError):
        return ""


def _stem(path: Path) -> str:
    named = _NAME.fullmatch(path.name)
    return unquote(named["stem"]) if named else ""


def _is_of(stem: str, symbol: str) -> bool:
    return stem.isascii() and stem.upper() in spellings(symbol)  # some letters become ASCII in upper case
