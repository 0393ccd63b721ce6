"""What took long to make, as files under `cache/` by the digest of what they were made from (port Shelf)."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from stockops.adapters.locks import locked
from stockops.adapters.whole_files import write_whole


@dataclass(frozen=True, slots=True)
class FileShelf:
    """Port Shelf."""

    folder: Path
    lock_timeout_seconds: float

    def get(self, key: str) -> bytes | None:
        """Return a file's bytes, or None where there is none."""
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Write a file."""
        write_whole(self.folder / key, data)

    def making(self, key: str) -> AbstractContextManager[object]:
        """Hold a lock file of that name."""
        return locked(self.folder / f".{key}.lock", self.lock_timeout_seconds, f"another process is making {key}")
