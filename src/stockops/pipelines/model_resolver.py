"""Which stored model a call may use, where a model that it trains goes, and how old a model is.

A call that looks back (`--as-of`) must not use a model that has seen later sessions. Such a model stays in place;
the one trained instead, on demand or by name, goes to `outputs/as_of/DAY/`.
"""

import logging
import time
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from stockops.errors import ModelDamagedError, ModelMissingError
from stockops.forecasting.checkpoint import Checkpoint, deserialize
from stockops.optional_services import OptionalServices
from stockops.pipelines import model_candidates
from stockops.pipelines.model_candidates import Candidates
from stockops.pipelines.prices import Prices
from stockops.ports import ModelStore
from stockops.records import PARENT, WORTH_A_WORD, ModelRef

log = logging.getLogger("stockops.models")

_NAMED = 5  # damaged models named in a message

STALE, OTHER_SOURCE = "stale model", "model of another source"  # names in `degraded`


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that a call may use, its location, and a digest of all checkpoints considered."""

    place: ModelRef
    checkpoint: Checkpoint
    fingerprint: str


def find(ref: ModelRef, *, models: ModelStore, as_of: date | None) -> ResolvedModel | None:
    """Return the model that a call as of that day may use, or None.

    Raises ModelDamagedError for a damaged checkpoint.
    """
    return choose(model_candidates.read(ref, models, as_of), models=models, as_of=as_of)


def choose(candidates: Candidates, *, models: ModelStore, as_of: date | None) -> ResolvedModel | None:
    """Return the first of the candidates that a call as of that day may use, or None; see `find`."""
    for place, data in candidates.items():
        if data is None:
            continue
        checkpoint = deserialize(data, place, models.name(place, place.checkpoint), f"train it anew: {place.command}")
        if as_of is None or checkpoint.trained_to <= as_of:
            return ResolvedModel(place, checkpoint, model_candidates.digest(candidates))
    return None


def check(models: ModelStore, seconds: float) -> str:
    """Return the number of models; ModelDamagedError naming those that are damaged or in the wrong place.

    seconds: time limit, after which the rest are skipped.
    """
    until = time.monotonic() + seconds
    refs, damaged, looked_at = models.refs(apart=True), [], 0
    for ref in refs:
        if time.monotonic() > until:
            break
        looked_at += 1
        try:
            deserialize(models.read(ref, ref.checkpoint) or b"", ref, models.name(ref, ref.checkpoint))
        except ModelDamagedError as exc:
            damaged.append(exc.message)
    if damaged:
        more = f" and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
        raise ModelDamagedError(f"{'; '.join(damaged[:_NAMED])}{more}", "train anew, the parent first")
    if not refs:
        return "none trained yet; run: stockops train-parent"
    children = sum(ref.kind == "child" for ref in refs)
    rest = f"; {len(refs) - looked_at} not looked at" if looked_at < len(refs) else ""
    return f"{len(refs) - children} parent, {children} children{rest}"


def place_for_training(ref: ModelRef, *, models: ModelStore, as_of: date | None) -> ModelRef:
    """Return where a model trained as of that day goes: its own place, or apart if a newer one is there.

    A damaged checkpoint does not count as newer: training replaces it.
    """
    if as_of is None:
        return ref
    stored = models.read(ref, ref.checkpoint)
    if stored is None:
        return ref
    try:
        newer = deserialize(stored, ref).trained_to > as_of
    except ModelDamagedError:
        return ref
    return replace(ref, as_of=as_of) if newer else ref


def doubt(
    checkpoint: Checkpoint, prices: Prices, *, max_age: int, as_of: date | None, optional: OptionalServices
) -> int:
    """Log what makes a model less reliable for these prices, and return its age in sessions.

    `degraded` names a model that is older than `max_age` sessions or was trained on prices of another source.
    """
    unseen, source = int((prices.bars.index > pd.Timestamp(checkpoint.trained_to)).sum()), source_of(checkpoint)
    cure = f"{ModelRef.of(prices.symbol).command} --source {prices.source}" + (f" --as-of {as_of}" if as_of else "")
    if unseen > WORTH_A_WORD:
        log.warning(
            "%s: the model, trained to %s, has not seen the last %d sessions; train it anew: %s",
            prices.symbol,
            checkpoint.trained_to,
            unseen,
            cure,
        )
    if unseen > max_age:
        optional.doubt(STALE)
    if source != prices.source:
        log.warning(
            "%s: the model was trained on prices from %s and forecasts prices from %s; train it on these: %s",
            prices.symbol,
            source,
            prices.source,
            cure,
        )
        optional.doubt(OTHER_SOURCE)
    return unseen


def doubt_parent(parent: Checkpoint, prices: Prices, optional: OptionalServices) -> None:
    """Log, and note in `degraded`, if a child's parent was trained on prices of another source."""
    if (source := source_of(parent)) != prices.source:
        cure = f"{PARENT.command} --source {prices.source}"
        log.warning("%s: its parent was trained on prices from %s; train one on these: %s", prices.symbol, source, cure)
        optional.doubt(OTHER_SOURCE)


def source_of(checkpoint: Checkpoint) -> str:
    """Return the source of the prices that a model was trained on."""
    return checkpoint.card.data.source


def missing(ref: ModelRef, *, models: ModelStore, as_of: date | None) -> ModelMissingError:
    """Return the error for a model that is missing, or has seen later sessions, and is not to be trained now."""
    who = "parent model" if ref.kind == "parent" else f"child model for {ref.ticker}"
    if as_of is None:
        return ModelMissingError(f"no {who}", f"run: {ref.command}")
    ahead = models.read(ref, ref.checkpoint) is not None
    found = f"the {who} was trained on sessions after {as_of}" if ahead else f"no {who}"
    return ModelMissingError(found, f"run: {ref.command} --as-of {as_of}")


def warn_if_ahead(checkpoint: Checkpoint, origin: date) -> None:
    """Warn if a model has seen sessions after the origin it is used from (only called without --as-of)."""
    if checkpoint.trained_to > origin:
        log.warning(
            "the model of %s has seen sessions to %s, after %s: give --as-of %s for a result without look-ahead",
            checkpoint.card.ticker,
            checkpoint.trained_to,
            origin,
            origin,
        )
