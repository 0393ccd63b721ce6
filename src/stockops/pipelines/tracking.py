"""What of a training goes to the experiment tracker."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from stockops.forecasting.checkpoint import Checkpoint
from stockops.market.ohlcv import FIRST_DAY
from stockops.market.windows import CONTEXT, HORIZON
from stockops.records import MARKET, EpochLoss, ModelRef, TrainingRun


def run_of(
    place: ModelRef, checkpoint: Checkpoint, files: Mapping[str, bytes], history: list[EpochLoss], seconds: float
) -> TrainingRun:
    """Return the run of a training that has just ended; its model goes into production unless it looks back."""
    card = checkpoint.card
    ended = datetime.now(UTC)
    parent = place.kind == "parent"
    named = {f"{place.ticker}_{what}": data for what, data in files.items()}
    return TrainingRun(
        name="Parent_Training" if parent else f"Child_Training_{place.ticker}",
        started=ended - timedelta(seconds=seconds),
        ended=ended,
        params=_params(card),
        tags=_tags(card),
        history=tuple(history),
        metrics=dict(_flat(card["metrics"])) | {"best_epoch": float(card["best_epoch"])},
        files=named,
        model=None if place.as_of else "stockops-parent" if parent else f"stockops-child-{place.ticker}",
        model_tags={
            "model_version": checkpoint.version,
            "weights": f"{place.ticker}_{place.checkpoint}",
            "card": f"{place.ticker}_{place.kind}_model.json",
            "signature": json.dumps(_signature(card["features"])),
        },
    )


def _signature(features: list[str]) -> dict[str, Any]:
    """Return what goes in and what comes out; both in raw units, the scaler being part of the weights."""
    return {
        "inputs": [{"name": "context", "dtype": "float32", "shape": [-1, CONTEXT, len(features)]}],
        "outputs": [{"name": "forecast", "dtype": "float32", "shape": [-1, HORIZON, len(features)]}],
        "columns": features,
    }


def _params(card: dict[str, Any]) -> dict[str, str]:
    """Name seed, window and the like as the field does, all else as the card does."""
    given = {
        "context_len": CONTEXT,
        "pred_len": HORIZON,
        "features": ", ".join(card["features"]),
        "input_size": len(card["features"]),
        "start_date": FIRST_DAY.isoformat(),
        "parent_ticker": MARKET,
        "strategy": card["strategy"] or "from scratch",
        "split": card["split"],
        "seed": card["seed"],
        "source": card["data"]["source"],
    }
    return {name: str(value) for name, value in {**card["config"], **card["fit"], **given}.items()}


def _tags(card: dict[str, Any]) -> dict[str, str]:
    tags = {name: str(card[name]) for name in ("kind", "ticker", "model_version")}
    tags |= {f"data_{name}": str(value) for name, value in card["data"].items()}
    tags |= {f"library_{name}": version for name, version in card["libraries"].items()}
    return tags | ({"parent_version": card["parent"]["version"]} if card["parent"] else {})


def _flat(block: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Flatten nested metrics: persistence.RMSE becomes persistence_RMSE; a skill that none can state is left out."""
    found: list[tuple[str, float]] = []
    for name, value in block.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}_")
        elif value is not None:
            found.append((prefix + name, float(value)))
    return found
