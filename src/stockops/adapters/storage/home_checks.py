"""Health check of the home folder: writable, with enough free space."""

import shutil
import tempfile
from pathlib import Path

from stockops.adapters.storage.atomic_write import translate_errors
from stockops.errors import TryAgainError

_LEAST_FREE = 200 * 2**20  # a ticker's artifacts take 2 MB


def check_home(home: Path) -> str:
    """Return the home and its free space; raise UsageError if it is not writable, TryAgainError if space is low."""
    with translate_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            free = shutil.disk_usage(home).free
    if free < _LEAST_FREE:
        raise TryAgainError(f"{free / 2**20:.0f} MB free in {home}", "free some space")
    return f"{home}, {free / 2**30:.1f} GB free"
