"""Which files the sources `csv` and `sample` read, and what is in them as a digest; without pandas."""

import hashlib
import importlib.util
from pathlib import Path

from stockops.errors import UsageError
from stockops.records import MARKET

_INDEX = ("arch", "data/sp500/sp500.csv.gz")
_STOCKS = ("bokeh_sampledata", "_data/stocks.csv.gz")


def csv(directory: Path, symbol: str) -> Path:
    """Return where the bars of a symbol are to be."""
    return directory / f"{symbol}.csv"


def sample(symbol: str) -> Path:
    """Return the packaged file that holds a symbol; UsageError when its package is not installed."""
    package, path = _INDEX if symbol == MARKET else _STOCKS
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UsageError(f"--source sample needs the package {package}", "install it: pip install 'stockops[sample]'")
    return Path(spec.origin).parent / path


def digest(path: Path) -> str:
    """Return a digest of a file's content; of nothing, where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
