"""What a look at a ticker comes to: how bad it is, and the one figure that says so. Reads the parts' documents only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stockops.monitoring.catalogue import HEALTH, health
from stockops.records import DriftOn

Word = Literal["healthy", "degraded", "critical"]
Part = Mapping[str, Any]

WORDS: tuple[Word, ...] = ("healthy", "degraded", "critical")
_MASE = 1.05  # above it the error is what makes a performance degraded
_NAMES = {"log_return": "daily returns", "log_volume_change": "volume changes"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict: `drift` or `performance`, how bad, and by which figure."""

    subject: str
    health: Word
    figure: str

    def __str__(self) -> str:
        return f"{self.subject} {self.health}: {self.figure}"

    def reaches(self, level: str) -> bool:
        """Tell whether it is as bad as that level, or worse."""
        return HEALTH[self.health] >= HEALTH[level]


def judgements(document: Part, drift_on: DriftOn) -> list[Judgement]:
    """Return the verdicts in a document of `monitor-*`; a part that was skipped or failed has none."""
    found = []
    if "health" in (drift := document["drift"]):
        found.append(_of_levels(drift) if drift_on == "levels" else _of_returns(drift["returns"]))
    if "health" in (performance := document["performance"]):
        found.append(_of_performance(performance))
    return found


def worst(found: list[Judgement]) -> Word | None:
    """Return the worst health, None without any verdict."""
    return max((judgement.health for judgement in found), key=WORDS.index, default=None)


def _of_levels(drift: Part) -> Judgement:
    figure = f"levels, score {drift['drift_score']:.2f}, volatility ratio {drift['volatility_index']:.2f}"
    return Judgement("drift", _word(drift), figure)


def _of_returns(returns: Part) -> Judgement:
    """Name the question that was answered most clearly."""
    corrected = returns["corrected_p_values"]
    name = min(corrected, key=lambda question: float(corrected[question]))
    if name == "volatility":
        figure = f"volatility ratio {returns['volatility']['ratio']:.2f}"
    else:
        figure = f"{_NAMES[name]}, Kolmogorov-Smirnov {returns['kolmogorov_smirnov'][name]['statistic']:.2f}"
    return Judgement("drift", _word(returns), f"returns, {figure}")


def _of_performance(performance: Part) -> Judgement:
    sessions = max(performance["sessions"], key=int)
    found = performance["sessions"][sessions]
    if found["mase"] is not None and found["mase"] > _MASE:
        figure = f"MASE {found['mase']:.2f}"
    else:
        shares = found["horizons"]["1"]["coverage"].items()
        inside = " and ".join(f"{share:.0%} of closes in the {level} % range" for level, share in shares)
        figure = f"{inside} one day ahead"
    return Judgement("performance", _word(performance), f"{figure}, last {sessions} sessions")


def _word(part: Part) -> Word:
    return WORDS[health(part["health"])]
