"""The home folder as a thing that can be unwell: no room, no right to write, half a checkpoint."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from stockops.adapters.whole_files import said
from stockops.errors import ModelDamagedError, TryAgainError

_LEAST_FREE = 200 * 2**20  # a ticker's artifacts take two megabytes


def check_home(home: Path) -> str:
    """Return the home and the room there; raise what a command that writes would meet."""
    with said(home):
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            free = shutil.disk_usage(home).free
    if free < _LEAST_FREE:
        raise TryAgainError(f"{free / 2**20:.0f} MB free in {home}", "free some space")
    return f"{home}, {free / 2**30:.1f} GB free"


def check_models(home: Path) -> str:
    """Return how many models there are; raise ModelDamagedError naming those that are not whole.

    A checkpoint is a zip archive: its checksums tell without loading torch.
    """
    found = sorted((home / "outputs").glob("*/*_model.pt"))
    damaged = [path for path in found if not _is_whole(path)]
    if damaged:
        names = ", ".join(path.relative_to(home).as_posix() for path in damaged)
        raise ModelDamagedError(f"not whole: {names}", "train anew, the parent first")
    if not found:
        return "none trained yet; run: stockops train-parent"
    children = sum(path.name.endswith("_child_model.pt") for path in found)
    return f"{len(found) - children} parent, {children} children"


def _is_whole(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
