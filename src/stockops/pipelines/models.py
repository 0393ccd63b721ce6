"""Which stored model a call may use, and where a model that it trains belongs.

A call that looks back (`--as-of`) must not use a model that has seen later sessions. Such a model is left
where it is; what is trained instead, on the way, is kept apart under `outputs/as_of/DAY/`.
"""

import logging
from dataclasses import replace
from datetime import date

from stockops.errors import ModelMissingError
from stockops.forecasting.checkpoint import Checkpoint, unpack
from stockops.market.symbols import MARKET
from stockops.ports import ModelStore
from stockops.records import ModelRef

log = logging.getLogger("stockops.models")

PARENT = ModelRef("parent", MARKET)


def find(ref: ModelRef, *, models: ModelStore, as_of: date | None) -> tuple[ModelRef, Checkpoint] | None:
    """Return the model that a call as of that day may use and where it lies; None where there is none.

    Raises ModelDamagedError for a checkpoint that is not whole.
    """
    for place in (ref, replace(ref, as_of=as_of)) if as_of else (ref,):
        checkpoint = _load(place, models)
        if checkpoint is not None and (as_of is None or checkpoint.trained_to <= as_of):
            return place, checkpoint
    return None


def place_for_healing(ref: ModelRef, *, models: ModelStore, as_of: date | None) -> ModelRef:
    """Return where a model trained on the way goes: its own place, or apart when a newer one lies there."""
    if as_of is None or _load(ref, models) is None:
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


def _load(ref: ModelRef, models: ModelStore) -> Checkpoint | None:
    data = models.read(ref, ref.checkpoint)
    return None if data is None else unpack(data, models.name(ref, ref.checkpoint), f"train it anew: {ref.command}")
