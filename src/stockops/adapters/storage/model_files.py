"""Models as files under `outputs/`; the only module that knows their names and folders."""

import logging
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from stockops.adapters.storage import regular_files
from stockops.adapters.storage.atomic_write import write_together
from stockops.adapters.storage.locks import locked
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.errors import ModelDamagedError
from stockops.records import MARKET, PARENT, ModelRef

log = logging.getLogger("stockops.models")

OUTPUTS, APART = "outputs", "as_of"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Port ModelStore."""

    home: Path
    lock_timeout_seconds: float

    def read(self, ref: ModelRef, what: str) -> bytes | None:
        """Return one artifact of a model, or None if there is none.

        If the path is not a readable file, raise ModelDamagedError for a checkpoint, else log a warning, return None.
        """
        try:
            return regular_files.read(self._path(ref, what))
        except FileNotFoundError:
            return None
        except NotAFileError as exc:
            line = f"{self.name(ref, what)} {exc}"
            if what == ref.checkpoint:
                raise ModelDamagedError(line, f"move it away, then train anew: {ref.command}") from None
            log.warning("%s: going on without it", line)
            return None

    def write(self, ref: ModelRef, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Write a model's artifacts in the order given."""
        paths = {self._path(ref, what): data for what, data in files.items()}
        write_together(paths)
        return tuple(path.relative_to(self.home).as_posix() for path in paths)

    def refs(self, *, apart: bool = False) -> list[ModelRef]:
        """Return the models that have a checkpoint, valid or not; apart: include as-of models."""
        root = self.home / OUTPUTS
        found = _refs_of(root, None)
        for day in sorted((root / APART).glob("*/")) if apart else ():
            try:
                found += _refs_of(day, date.fromisoformat(day.name))
            except ValueError:
                continue  # not a stockops folder
        return [ref for ref in found if os.path.lexists(self._path(ref, ref.checkpoint))]

    def lock(self, ref: ModelRef) -> AbstractContextManager[object]:
        """Lock a model against training by other processes."""
        folder = self._folder(ref)
        return locked(folder / ".lock", self.lock_timeout_seconds, f"another process is training {ref.ticker}")

    def name(self, ref: ModelRef, what: str) -> str:
        """Return the path relative to the home, for messages."""
        return self._path(ref, what).relative_to(self.home).as_posix()

    def _path(self, ref: ModelRef, what: str) -> Path:
        return self._folder(ref) / (what if "/" in what else f"{ref.ticker}_{what}")

    def _folder(self, ref: ModelRef) -> Path:
        """Return the folder of a model; as-of models have their own, so that they never replace a newer one."""
        root = self.home / OUTPUTS
        if ref.as_of is not None:
            root = root / APART / ref.as_of.isoformat()
        return root / ("parent" if ref.kind == "parent" else ref.ticker)


def _refs_of(root: Path, as_of: date | None) -> list[ModelRef]:
    names = [folder.name for folder in sorted(root.glob("*/")) if folder.name not in (APART, "parent", MARKET)]
    return [replace(PARENT, as_of=as_of), *(ModelRef("child", name, as_of) for name in names)]
