"""Cached results of slow work: files under `cache/`, named by a digest of their inputs (port BlobCache)."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from stockops.adapters.storage import regular_files
from stockops.adapters.storage.atomic_write import write_whole
from stockops.adapters.storage.locks import locked
from stockops.adapters.storage.regular_files import NotAFileError

log = logging.getLogger("stockops.cache")


@dataclass(frozen=True, slots=True)
class FileBlobCache:
    """Port BlobCache."""

    folder: Path
    lock_timeout_seconds: float

    def get(self, key: str) -> bytes | None:
        """Return a file's bytes, or None if it is missing or unreadable."""
        try:
            return regular_files.read(self.folder / key)
        except FileNotFoundError:
            return None
        except NotAFileError as exc:
            log.warning("%s %s: it is made anew", self.folder / key, exc)
            return None

    def put(self, key: str, data: bytes) -> None:
        """Write a file."""
        write_whole(self.folder / key, data)

    def lock(self, key: str) -> AbstractContextManager[object]:
        """Lock a key with a lock file named after it."""
        return locked(self.folder / f".{key}.lock", self.lock_timeout_seconds, f"another process is making {key}")
