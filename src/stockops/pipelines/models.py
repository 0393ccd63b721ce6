"""Which stored model a call may use, and where a model that it trains belongs.

A call that looks back (`--as-of`) must not use a model that has seen later sessions. Such a model is left
where it is; what is trained instead, on the way, is kept apart under `outputs/as_of/DAY/`.
"""

import logging
from dataclasses import dataclass, replace
from datetime import date

from stockops.errors import ModelMissingError
from stockops.forecasting.checkpoint import Checkpoint, unpack
from stockops.pipelines import candidates
from stockops.ports import ModelStore
from stockops.records import ModelRef

log = logging.getLogger("stockops.models")


@dataclass(frozen=True, slots=True)
class Found:
    """A model that a call may use, where it lies, and the digest of all that was looked at to choose it."""

    place: ModelRef
    checkpoint: Checkpoint
    fingerprint: str


def find(ref: ModelRef, *, models: ModelStore, as_of: date | None) -> Found | None:
    """Return the model that a call as of that day may use; None where there is none.

    Raises ModelDamagedError for a checkpoint that is not whole.
    """
    looked_at = candidates.read(ref, models, as_of)
    for place, data in looked_at.items():
        if data is None:
            continue
        checkpoint = unpack(data, models.name(place, place.checkpoint), f"train it anew: {place.command}")
        if as_of is None or checkpoint.trained_to <= as_of:
            return Found(place, checkpoint, candidates.digest(looked_at))
    return None


def place_for_healing(ref: ModelRef, *, models: ModelStore, as_of: date | None) -> ModelRef:
    """Return where a model trained on the way goes: its own place, or apart when a newer one lies there."""
    if as_of is None or models.read(ref, ref.checkpoint) is None:
        return ref
    log.warning(
        "%s was trained on sessions after --as-of %s: another is trained and kept apart",
        models.name(ref, ref.checkpoint),
        as_of,
    )
    return replace(ref, as_of=as_of)


def missing(ref: ModelRef, as_of: date | None) -> ModelMissingError:
    """Return the error for a model that is not there, or knows too much, and is not to be trained now."""
    who = "parent model" if ref.kind == "parent" else f"child model for {ref.ticker}"
    if as_of is None:
        return ModelMissingError(f"no {who}", f"run: {ref.command}")
    return ModelMissingError(f"no {who} trained on nothing after {as_of}", "let one be trained: --on-missing train")


def warn_if_ahead(checkpoint: Checkpoint, origin: date) -> None:
    """Say that a model knows sessions after the origin of what it is used for (without --as-of only)."""
    if checkpoint.trained_to > origin:
        log.warning(
            "the model of %s has seen sessions to %s, after %s: give --as-of %s for a result without look-ahead",
            checkpoint.card["ticker"],
            checkpoint.trained_to,
            origin,
            origin,
        )
