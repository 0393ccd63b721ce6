"""Models as files under `outputs/`: the one place that knows their names and folders."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from stockops.adapters.locks import locked
from stockops.adapters.whole_files import write_together
from stockops.records import MARKET, PARENT, ModelRef

OUTPUTS = "outputs"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Port ModelStore."""

    home: Path
    lock_timeout_seconds: float

    def read(self, ref: ModelRef, what: str) -> bytes | None:
        """Return one artifact of a model, or None where there is none."""
        try:
            return self._path(ref, what).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, ref: ModelRef, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Write a model's artifacts in the order given."""
        paths = {self._path(ref, what): data for what, data in files.items()}
        write_together(paths)
        return tuple(path.relative_to(self.home).as_posix() for path in paths)

    def refs(self) -> list[ModelRef]:
        """Return the models that have a checkpoint."""
        folders = sorted((self.home / OUTPUTS).glob("*/"))
        children = [ModelRef("child", folder.name) for folder in folders if folder.name not in ("as_of", MARKET)]
        return [ref for ref in (PARENT, *children) if self._path(ref, ref.checkpoint).is_file()]

    def lock(self, ref: ModelRef) -> AbstractContextManager[object]:
        """Keep other processes from training the same model."""
        folder = self._folder(ref)
        return locked(folder / ".lock", self.lock_timeout_seconds, f"another process is training {ref.ticker}")

    def name(self, ref: ModelRef, what: str) -> str:
        """Return the path below the home, for messages."""
        return self._path(ref, what).relative_to(self.home).as_posix()

    def _path(self, ref: ModelRef, what: str) -> Path:
        return self._folder(ref) / (what if "/" in what else f"{ref.ticker}_{what}")

    def _folder(self, ref: ModelRef) -> Path:
        """A model trained on the way to a look back lies apart, so that it never replaces a newer one."""
        root = self.home / OUTPUTS
        if ref.as_of is not None:
            root = root / "as_of" / ref.as_of.isoformat()
        return root / ("parent" if ref.kind == "parent" else ref.ticker)
