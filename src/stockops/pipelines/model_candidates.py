"""The checkpoints that a call considers when choosing its model. Imports no torch, so the cache can use it."""

import hashlib
from collections.abc import Mapping
from datetime import date

from stockops.ports import ModelStore
from stockops.records import ModelRef

Candidates = Mapping[ModelRef, bytes | None]  # in order of preference; None for a missing file


def read(ref: ModelRef, models: ModelStore, as_of: date | None) -> Candidates:
    """Return the content of every checkpoint that a call as of that day would consider."""
    return {place: models.read(place, place.checkpoint) for place in ref.places(as_of)}


def digest(candidates: Candidates) -> str:
    """Return a digest of their contents; while it is unchanged, the same model is chosen."""
    parts = hashlib.sha256()
    for data in candidates.values():
        parts.update(b"none" if data is None else hashlib.sha256(data).digest())
    return parts.hexdigest()
