"""The checkpoints that a call looks at to choose its model; without torch, so that the cache can ask too."""

import hashlib
from collections.abc import Mapping
from datetime import date

from stockops.ports import ModelStore
from stockops.records import ModelRef

Candidates = Mapping[ModelRef, bytes | None]  # first choice first; None where no file is


def read(ref: ModelRef, models: ModelStore, as_of: date | None) -> Candidates:
    """Return the files of every checkpoint that a call as of that day would look at."""
    return {place: models.read(place, place.checkpoint) for place in ref.places(as_of)}


def digest(candidates: Candidates) -> str:
    """Return a digest of their contents: while it stays, the same model is chosen."""
    parts = hashlib.sha256()
    for data in candidates.values():
        parts.update(b"none" if data is None else hashlib.sha256(data).digest())
    return parts.hexdigest()
