"""A checkpoint: weights, scaler and ranges in one plain state dict, with the card that describes them.

The file has the format of `torch.save` and loads with `weights_only=True`. One tensor, `card`, holds the JSON card as
bytes, so that a checkpoint is a single file, written atomically, and never separated from its description; the `.json`
beside it is a copy for readers without torch. The model version is a hash over tensors and card, which determine every
other byte of the file (see `archive`): a file that does not hash to the version in its card, or holds anything else, is
damaged and never used to forecast. torch is not needed: importing it would take a second.
"""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np

from stockops import strict_json
from stockops.arrays import Floats
from stockops.documents.encoding import as_json
from stockops.documents.reading import parsed
from stockops.documents.training import ParentSummary
from stockops.errors import ModelDamagedError
from stockops.forecasting import archive
from stockops.forecasting.inference import ARRAYS_OF_A_LAYER, LSTMConfig, Weights, layout
from stockops.forecasting.model_card import ModelCard
from stockops.records import METHOD, Document, ModelRef
from stockops.wording import one_line

_CARD = "card"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to forecast, and its card."""

    weights: Weights
    card: ModelCard

    @property
    def config(self) -> LSTMConfig:
        """The sizes of the network."""
        return self.card.config

    @property
    def quantiles(self) -> Floats:
        """The quantiles of the ranges at the end of training, (3 channels, 2 sides, 4 shares, 5 horizons)."""
        return self.weights["range_quantiles"].astype(np.float64)

    @property
    def shortfall(self) -> Floats:
        """Mean distance of closes beyond the lower 95 % bound, relative to that of the bound, (5 horizons,)."""
        return self.weights["shortfall"].astype(np.float64)

    @property
    def version(self) -> str:
        """The content hash, 12 hexadecimal digits."""
        return self.card.model_version or ""

    @property
    def trained_to(self) -> date:
        """The last session that the model has seen in training."""
        return date.fromisoformat(self.card.data.last)

    @property
    def of_many(self) -> bool:
        """Whether the model, or its parent, was trained on more histories than the index's."""
        return (self.card.parent or self.card).panel is not None

    @property
    def summary(self) -> ParentSummary:
        """The model's identity, as recorded in a child's card."""
        card = self.card
        panel = len(card.panel) if card.panel else None
        return ParentSummary(ticker=card.ticker, version=self.version, last=card.data.last, panel=panel)


def create(weights: Weights, card: ModelCard) -> Checkpoint:
    """Return a checkpoint, with the model version of these weights and this card set in the card."""
    card = replace(card, model_version=None)
    return Checkpoint(weights, replace(card, model_version=_version(weights, as_json(card))))


def serialize(checkpoint: Checkpoint) -> bytes:
    """Return the file's bytes; the same checkpoint gives the same bytes."""
    card = np.frombuffer(json.dumps(as_json(checkpoint.card), allow_nan=False).encode(), np.uint8)
    return archive.write({**checkpoint.weights, _CARD: card})


def deserialize(data: bytes, ref: ModelRef, name: str = "", cure: str = "") -> Checkpoint:
    """Return the checkpoint in a file's bytes.

    Raises ModelDamagedError, naming the file and the cure, for anything but the exact contents that were serialized,
    and for an intact model other than `ref`: a copy under a wrong name, or a link to one.
    """
    wrong = "is damaged or not a stockops model"
    try:
        weights, card = _read(data)
        version = card.pop("model_version")
        if version != _version(weights, card):
            raise ValueError("its content does not match its version")
        if card.get("method") != METHOD:
            wrong = "comes from another release of stockops"
            raise ValueError("its weights mean something else")
        own = ModelRef(card["kind"], card["ticker"])
        if own != replace(ref, as_of=None):
            wrong = f"is the {own.kind} model of {one_line(own.ticker, 40)}, not the {ref.kind} model of {ref.ticker}"
            raise ValueError("it is another model")
        return Checkpoint(weights, parsed({"model_version": version, **card}, ModelCard))
    except archive.BENT as exc:
        raise ModelDamagedError(f"{name} {wrong}", cure) from exc


def _read(data: bytes) -> tuple[Weights, Document]:
    """Return arrays and card from a file's bytes; the arrays are stored in state dict order, the card last."""
    pickle, (*stored, last) = archive.parts(data)
    card = _card(last)
    config = LSTMConfig(**card["config"])
    if config.layers * ARRAYS_OF_A_LAYER > len(stored):  # before laying out as many as it claims
        raise ValueError("it has fewer arrays than layers")
    shapes = layout(config)
    arrays = {
        name: np.frombuffer(content, np.dtype(dtype).newbyteorder("<")).reshape(shape)
        for (name, (dtype, shape)), content in zip(shapes.items(), stored, strict=True)
    }
    archive.check_pickle(pickle, {**shapes, _CARD: ("uint8", (len(last),))})
    return arrays, card


def _card(data: bytes) -> Document:
    """Return a card that has the fields needed to read on; raises ValueError otherwise."""
    card: Document | None = strict_json.read(data)
    sizes = card.get("config") if isinstance(card, dict) else None
    if card is None or not isinstance(sizes, dict) or sizes.keys() - {field.name for field in fields(LSTMConfig)}:
        raise ValueError("its card says nothing of its network")
    if not all(type(size) is (float if name == "dropout" else int) for name, size in sizes.items()):
        raise ValueError("its network has sizes that are none")
    if not all(isinstance(card.get(name), str) for name in ("kind", "ticker")):
        raise ValueError("its card does not say whose it is")
    return card


def _version(weights: Weights, card: Document) -> str:
    digest = hashlib.sha256(json.dumps(card, sort_keys=True, allow_nan=False).encode())
    for name in sorted(weights):
        array = weights[name]
        digest.update(f"{name} torch.{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:12]
