"""What the experiment tracker records of a training."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from stockops.documents.backtest import BacktestSummary
from stockops.documents.encoding import as_json
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.model_card import ModelCard
from stockops.market.ohlcv import FIRST_DAY
from stockops.market.windows import CONTEXT, HORIZON
from stockops.records import MARKET, EpochLoss, ModelRef, TrainingRun


def build_training_run(
    place: ModelRef,
    checkpoint: Checkpoint,
    files: Mapping[str, bytes],
    history: list[EpochLoss],
    seconds: float,
    backtest: BacktestSummary | None,
) -> TrainingRun:
    """Return the run of a training that has just ended; its model goes into production unless it looks back.

    backtest: the summary of its ticker's latest backtest, or None.
    """
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
        metrics=dict(_flat(as_json(card.metrics))) | {"best_epoch": float(card.best_epoch)} | _tested(backtest),
        files=named,
        model=None if place.as_of else "stockops-parent" if parent else f"stockops-child-{place.ticker}",
        model_tags={
            "model_version": checkpoint.version,
            "weights": f"{place.ticker}_{place.checkpoint}",
            "card": f"{place.ticker}_{place.kind}_model.json",
            "signature": json.dumps(_signature(card.features)),
            **({"backtest": backtest.text} if backtest else {}),
        },
        doubt=_doubt(card, backtest),
    )


def _tested(backtest: BacktestSummary | None) -> dict[str, float]:
    """Return the backtest's figures as metrics."""
    if backtest is None:
        return {}
    found = {"backtest_close_skill": backtest.close_skill}
    found |= {f"backtest_coverage_{level}": share for level, share in backtest.coverage.items()}
    return {name: float(value) for name, value in found.items() if value is not None}


def _doubt(card: ModelCard, backtest: BacktestSummary | None) -> str:
    """Return a note if persistence was better, in the backtest or, without one, on the held-out windows; else ""."""
    if backtest is None:
        held_out = card.metrics.validation  # None for a child that is its parent
        where, skill = "on windows held out of its training", held_out.skill.RMSE if held_out else None
    else:
        where, skill = f"in the backtest of {backtest.start} to {backtest.end}", backtest.close_skill
    if skill is None or skill >= 0:
        return ""
    return f"persistence was better {where}: skill {skill:+.2%}"


def _signature(features: Sequence[str]) -> Mapping[str, object]:
    """Return the input and output shapes; both are in raw units, since the scaler is part of the weights."""
    return {
        "inputs": [{"name": "context", "dtype": "float32", "shape": [-1, CONTEXT, len(features)]}],
        "outputs": [{"name": "forecast", "dtype": "float32", "shape": [-1, HORIZON, len(features)]}],
        "columns": list(features),
    }


def _params(card: ModelCard) -> dict[str, str]:
    """Return the parameters: seed, window and the like under their usual names, the rest as in the card."""
    given = {
        "context_len": CONTEXT,
        "pred_len": HORIZON,
        "features": ", ".join(card.features),
        "input_size": len(card.features),
        "start_date": FIRST_DAY.isoformat(),
        "parent_ticker": MARKET,
        "strategy": card.strategy or "from scratch",
        "split": card.split,
        "seed": card.seed,
        "source": card.data.source,
    }
    return {name: str(value) for name, value in {**asdict(card.config), **card.fit, **given}.items()}


def _tags(card: ModelCard) -> dict[str, str]:
    tags = {"kind": card.kind, "ticker": card.ticker, "model_version": str(card.model_version)}
    data = as_json(card.data) | ({"repairs": len(card.data.repairs)} if card.data.repairs else {})
    tags |= {f"data_{name}": str(value) for name, value in data.items()}
    tags |= {f"library_{name}": version for name, version in card.libraries.items()}
    return tags | ({"parent_version": card.parent.version} if card.parent else {})


def _flat(block: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Flatten nested metrics: persistence.RMSE becomes persistence_RMSE; an undefined skill is left out."""
    found: list[tuple[str, float]] = []
    for name, value in block.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}_")
        elif value is not None:
            found.append((prefix + name, float(value)))
    return found
