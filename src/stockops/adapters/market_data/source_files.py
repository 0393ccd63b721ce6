"""Which files the sources `csv` and `sample` read, and what is in them as a digest; without pandas."""

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
_VENDOR = ".US"  # what Stooq and EODHD put behind every American symbol


def csv(directory: Path, symbol: str) -> Path:
    """Return the file that holds the bars of a symbol; where there is none, the one that is expected.

    `<SYMBOL>.csv` comes first, then the one file that says the same symbol in another spelling or has another ending:
    aapl.us.txt, AAPL.parquet, BRK_B.csv for BRK-B, GSPC.csv for ^GSPC. DataError names two that do.
    """
    exact = directory / f"{symbol}.csv"
    if os.path.exists(exact):  # unlike Path.exists, False in a folder that may not be read
        return exact
    found = [path for path in price_files(directory) if _is_of(_stem(path), symbol)]
    if len(found) > 1:
        message = f"both {found[0].name} and {found[1].name} in {directory} may hold {symbol}"
        raise DataError(message, f"rename the right one {exact.name}")
    return found[0] if found else exact


def price_files(directory: Path) -> list[Path]:
    """Return the files of a folder that may hold prices, sorted; none where it cannot be listed."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [directory / name for name in sorted(names) if _NAME.fullmatch(name)]


def spellings(symbol: str) -> set[str]:
    """Return how vendors write a symbol, in capitals: BRK-B, BRK.B, BRK_B; ^GSPC without its caret too."""
    name = symbol.upper()
    names = {name}
    if name.startswith("^"):
        names |= {name[1:], f"_{name[1:]}"}
    names |= {re.sub(r"(?<=.)[.\-]", separator, each) for each in names for separator in "._-"}
    return names | {f"{each}{_VENDOR}" for each in names}


def sample(symbol: str) -> Path:
    """Return the packaged file that holds a symbol; UsageError when its package is not installed."""
    package, path = _INDEX if symbol == MARKET else _STOCKS
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UsageError(
            f"--source sample needs the package {package}", "install it: pip install '.[sample]' in a clone of stockops"
        )
    return Path(spec.origin).parent / path


def digest(path: Path) -> str:
    """Return a digest of a file's content; of nothing, where it cannot be read."""
    try:
        return hashlib.sha256(regular_files.read(path)).hexdigest()
    except (OSError, NotAFileError):
        return ""


def _stem(path: Path) -> str:
    named = _NAME.fullmatch(path.name)
    return unquote(named["stem"]) if named else ""


def _is_of(stem: str, symbol: str) -> bool:
    return stem.isascii() and stem.upper() in spellings(symbol)  # some letters become ASCII in upper case
