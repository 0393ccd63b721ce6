"""A checkpoint: weights, scaler and ranges in one plain state dict, with the card that describes them.

The file is `torch.save` of tensors only and loads with `weights_only=True`. One of them, `card`, holds the
JSON card as bytes, so that a checkpoint is one file that appears at once and cannot part from its
description; the `.json` beside it is a copy for readers without torch. The model version is a hash over
tensors and card: a file that does not hash to the version in its card is damaged and never forecasts.

Such a file is a zip archive of the tensors' bytes, in order, and a pickle that says which is which. We know which
is which, so the file is read without torch, whose import would take a second, and without the pickle.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from stockops.errors import ModelDamagedError
from stockops.forecasting.inference import LSTMConfig, Weights, layout
from stockops.forecasting.relative import Floats
from stockops.records import METHOD

_CARD = "card"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to forecast, and its card."""

    weights: Weights
    card: dict[str, Any]

    @property
    def config(self) -> LSTMConfig:
        """The sizes of the network."""
        return LSTMConfig(**self.card["config"])

    @property
    def quantiles(self) -> Floats:
        """The quantiles of the ranges as they were calibrated, (2 levels, 5 horizons)."""
        return self.weights["range_quantiles"].astype(np.float64)

    @property
    def version(self) -> str:
        """The content hash, 12 hexadecimal digits."""
        return str(self.card["model_version"])

    @property
    def trained_to(self) -> date:
        """The last session that the model has seen in training."""
        return date.fromisoformat(self.card["data"]["last"])

    @property
    def summary(self) -> dict[str, str]:
        """Which model it is, in the words of a child's card."""
        return {"ticker": self.card["ticker"], "version": self.version, "last": self.card["data"]["last"]}


def seal(weights: Weights, card: dict[str, Any]) -> Checkpoint:
    """Return the checkpoint whose card carries the model version of these weights and this card."""
    card = {"method": METHOD, **card}
    return Checkpoint(weights, {"model_version": _version(weights, card), **card})


def pack(checkpoint: Checkpoint) -> bytes:
    """Return the file; the same checkpoint gives the same bytes."""
    import torch  # who packs has trained

    card = np.frombuffer(json.dumps(checkpoint.card, allow_nan=False).encode(), np.uint8)
    arrays = {**checkpoint.weights, _CARD: card}
    buffer = io.BytesIO()
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, buffer)
    return buffer.getvalue()


def unpack(data: bytes, name: str, cure: str) -> Checkpoint:
    """Return the checkpoint in a file's bytes.

    Raises ModelDamagedError, naming the file and the cure, for anything but the very contents that were packed.
    """
    whole = False
    try:
        weights, card = _read(data)
        version = card.pop("model_version")
        if version != _version(weights, card):
            raise ValueError("its content does not match its version")
        whole = True
        if card.get("method") != METHOD:
            raise ValueError("its weights mean something else")
    except Exception as exc:  # a bent file leads to any error
        wrong = "comes from another release of stockops" if whole else "is damaged or not a stockops model"
        raise ModelDamagedError(f"{name} {wrong}", cure) from exc
    return Checkpoint(weights, {"model_version": version, **card})


def _read(data: bytes) -> tuple[Weights, dict[str, Any]]:
    """Return arrays and card as they lie in the archive: tensors in the order of the state dict, the card last."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:  # which compares each file's checksum
        root = archive.namelist()[0].split("/")[0]
        count = sum(name.startswith(f"{root}/data/") for name in archive.namelist())
        stored = [archive.read(f"{root}/data/{number}") for number in range(count)]
    card = json.loads(stored.pop())
    shapes = layout(LSTMConfig(**card["config"]))
    arrays = {
        name: np.frombuffer(content, np.dtype(dtype).newbyteorder("<")).reshape(shape)
        for (name, (dtype, shape)), content in zip(shapes.items(), stored, strict=True)
    }
    return arrays, card


def _version(weights: Weights, card: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(card, sort_keys=True, allow_nan=False).encode())
    for name in sorted(weights):
        array = weights[name]
        digest.update(f"{name} torch.{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:12]
