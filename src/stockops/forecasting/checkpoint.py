"""A checkpoint: weights, scaler and ranges in one plain state dict, with the card that describes them.

The file is `torch.save` of tensors only and loads with `weights_only=True`. One of them, `card`, holds the
JSON card as bytes, so that a checkpoint is one file that appears at once and cannot part from its
description; the `.json` beside it is a copy for readers without torch. The model version is a hash over
tensors and card: a file that does not hash to the version in its card is damaged and never forecasts.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import torch
from torch import Tensor

from stockops.errors import ModelDamagedError
from stockops.forecasting.lstm import METHOD, LSTMConfig, PriceLSTM

_CARD = "card"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to forecast, and its card."""

    model: PriceLSTM
    card: dict[str, Any]

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


def seal(model: PriceLSTM, card: dict[str, Any]) -> Checkpoint:
    """Return the checkpoint whose card carries the model version of these weights and this card."""
    card = {"method": METHOD, **card}
    return Checkpoint(model, {"model_version": _version(_tensors(model), card), **card})


def pack(checkpoint: Checkpoint) -> bytes:
    """Return the file; the same checkpoint gives the same bytes."""
    text = json.dumps(checkpoint.card, allow_nan=False).encode()
    state = _tensors(checkpoint.model) | {_CARD: torch.frombuffer(bytearray(text), dtype=torch.uint8)}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def unpack(data: bytes, name: str, cure: str) -> Checkpoint:
    """Return the checkpoint in a file's bytes.

    Raises ModelDamagedError, naming the file and the cure, for anything but the very bytes that were packed.
    """
    whole = False
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        card = json.loads(bytes(state.pop(_CARD).numpy()))
        version = card.pop("model_version")
        if version != _version(state, card):
            raise ValueError("its content does not match its version")
        whole = True
        if card.get("method") != METHOD:
            raise ValueError("its weights mean something else")
        model = PriceLSTM(LSTMConfig(**card["config"]))
        model.load_state_dict(state)
    except Exception as exc:  # a bent file leads torch.load to any error, AssertionError included
        wrong = "comes from another release of stockops" if whole else "is damaged or not a stockops model"
        raise ModelDamagedError(f"{name} {wrong}", cure) from exc
    model.eval()
    return Checkpoint(model, {"model_version": version, **card})


def _tensors(model: PriceLSTM) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}


def _version(tensors: dict[str, Tensor], card: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(card, sort_keys=True, allow_nan=False).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:12]
