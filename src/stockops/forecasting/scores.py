"""Forecast scores, each with that of the persistence baseline over the same windows."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from stockops.arrays import Floats
from stockops.documents.fields import field_values
from stockops.documents.training import (
    ErrorScores,
    GroupScore,
    HeldOutScores,
    HorizonScores,
    ModelScores,
    Scores,
    SkillScores,
)
from stockops.market.ohlcv import OHLCV, PRICES
from stockops.market.windows import HORIZON

_GROUPS = {
    "Close": [OHLCV.index("Close")],
    "Open_High_Low": [OHLCV.index(name) for name in ("Open", "High", "Low")],
    "Volume": [OHLCV.index("Volume")],
}


@dataclass(frozen=True, slots=True)
class NormalizedValues:
    """OHLCV as changes from the reference row in network units, (windows, days, 5); last: the same on all days."""

    forecast: Floats
    actual: Floats
    last: Floats


@dataclass(frozen=True, slots=True)
class ModelEvaluation:
    """Forecasts of one model over a whole history, with the actual values.

    dates: the first target's session of each window, shape (windows,).
    forecast: (windows, 5, 5), OHLCV; actual: (windows, 5, 7); last: (windows, 7), the row at the origin; raw units.
    held_out: True for validation windows, shape (windows,).
    scaled: forecast, actual and last in the network's units.
    """

    ticker: str
    dates: tuple[date, ...]
    forecast: Floats
    actual: Floats
    last: Floats
    held_out: npt.NDArray[np.bool_]
    scaled: NormalizedValues


def summary(evaluation: ModelEvaluation) -> ModelScores:
    """Return the metrics of an evaluation; keys as in `{ticker}_metrics.json`.

    Over every window and all five days: MSE of OHLCV in the network's `normalization.units`, RMSE of Open to
    Close in the price's currency, R2 averaged over OHLCV. `persistence` holds the same for the last known
    row carried forward; `skill` is 1 - error / persistence error: 0 is no better than persistence.
    `validation` is the same over the held-out windows, `next_day` over the first day. Everything but `validation`
    includes the training windows. `validation.horizons` has RMSE one and five sessions ahead, Close separately.
    """
    everything = np.ones(len(evaluation.last), dtype=bool)
    overall, held_out = (_compare(evaluation, chosen, slice(None)) for chosen in (everything, evaluation.held_out))
    return ModelScores(
        **field_values(overall),
        windows=len(everything),
        next_day=_compare(evaluation, everything, slice(0, 1)),
        validation=HeldOutScores(
            **field_values(held_out),
            windows=int(evaluation.held_out.sum()),
            horizons={str(days): _by_channels(evaluation, evaluation.held_out, days) for days in (1, HORIZON)},
        ),
    )


def _by_channels(evaluation: ModelEvaluation, chosen: npt.NDArray[np.bool_], days: int) -> HorizonScores:
    """Return RMSE, persistence RMSE and skill `days` sessions ahead, by groups of channels with a common unit."""
    found: dict[str, GroupScore] = {}
    for name, channels in _GROUPS.items():
        actual = evaluation.actual[chosen, days - 1][:, channels]
        model, naive = (
            float(np.sqrt(((predicted - actual) ** 2).mean()))
            for predicted in (evaluation.forecast[chosen, days - 1][:, channels], evaluation.last[chosen][:, channels])
        )
        found[name] = GroupScore(RMSE=model, persistence=naive, skill=_skill(model, naive))
    return HorizonScores(**found)


def _compare(evaluation: ModelEvaluation, chosen: npt.NDArray[np.bool_], days: slice) -> Scores:
    actual = evaluation.actual[chosen, days, : len(OHLCV)]
    naive = np.broadcast_to(evaluation.last[chosen, None, : len(OHLCV)], actual.shape)
    scaled = evaluation.scaled
    came = scaled.actual[chosen, days]
    model = _errors(evaluation.forecast[chosen, days], actual, scaled.forecast[chosen, days] - came)
    persistence = _errors(naive, actual, scaled.last[chosen, days] - came)
    skill = SkillScores(MSE=_skill(model.MSE, persistence.MSE), RMSE=_skill(model.RMSE, persistence.RMSE))
    return Scores(**field_values(model), persistence=persistence, skill=skill)


def _errors(forecast: Floats, actual: Floats, scaled_error: Floats) -> ErrorScores:
    """Return MSE, RMSE and R2 of forecasts (windows, days, 5)."""
    error = forecast - actual
    flat = actual.reshape(-1, actual.shape[-1])
    spread = ((flat - flat.mean(axis=0)) ** 2).sum(axis=0)
    missed = (error**2).reshape(flat.shape).sum(axis=0)
    r2 = [1 - m / s for m, s in zip(missed, spread, strict=True) if s > 0]
    return ErrorScores(
        MSE=float((scaled_error**2).mean()),
        RMSE=float(np.sqrt((error[..., : len(PRICES)] ** 2).mean())),
        R2=float(np.mean(r2)) if r2 else 0.0,
    )


def _skill(error: float, reference: float) -> float | None:
    """Return 1 - error / reference; None if the reference is zero, as for a history that never moved."""
    return 1 - error / reference if reference > 0 else None
