"""The verdicts on a ticker: how bad it is, and the one figure that shows it. Reads the result records only."""

from dataclasses import dataclass

from stockops.documents.monitoring import Drift, DriftResult, Performance, PerformanceResult, ReturnsDrift
from stockops.monitoring.catalogue import HEALTH, health_word
from stockops.monitoring.ledger import DEGRADED_MASE
from stockops.records import DriftOn

_NAMES = {"log_return": "daily returns", "log_volume_change": "volume changes"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict: its subject (`drift` or `performance`), health as a key of HEALTH, and the deciding figure."""

    subject: str
    health: str
    figure: str

    def __str__(self) -> str:
        return f"{self.subject} {self.health}: {self.figure}"

    def reaches(self, level: str) -> bool:
        """Return whether the verdict is as bad as that level, or worse."""
        return HEALTH[self.health] >= HEALTH[level]


def judgements(drift: Drift, performance: Performance, drift_on: DriftOn) -> list[Judgement]:
    """Return the verdicts on drift and performance; a part that was skipped or failed has none."""
    found = []
    if isinstance(drift, DriftResult):
        found.append(_of_levels(drift) if drift_on == "levels" or drift.returns is None else _of_returns(drift.returns))
    if isinstance(performance, PerformanceResult):
        found.append(_of_performance(performance))
    return found


def worst(found: list[Judgement]) -> str | None:
    """Return the worst health; None without verdicts."""
    return max((judgement.health for judgement in found), key=HEALTH.__getitem__, default=None)


def _of_levels(drift: DriftResult) -> Judgement:
    figure = f"levels, score {drift.drift_score:.2f}, volatility ratio {drift.volatility_index:.2f}"
    return Judgement("drift", health_word(drift.health), figure)


def _of_returns(returns: ReturnsDrift) -> Judgement:
    """Return the verdict on returns, with the figure of the test with the lowest p-value."""
    corrected = returns.corrected_p_values
    name = min(corrected, key=corrected.__getitem__)
    if name == "volatility":
        figure = f"volatility ratio {returns.volatility.ratio:.2f}"
    else:
        figure = f"{_NAMES[name]}, Kolmogorov-Smirnov {returns.kolmogorov_smirnov[name].statistic:.2f}"
    return Judgement("drift", health_word(returns.health), f"returns, {figure}")


def _of_performance(performance: PerformanceResult) -> Judgement:
    sessions = max(performance.sessions, key=int)
    found = performance.sessions[sessions]
    if found.mase is not None and found.mase > DEGRADED_MASE:
        figure = f"MASE {found.mase:.2f}"
    else:
        shares = found.horizons["1"].coverage.items()
        inside = " and ".join(f"{share:.0%} of closes in the {level} % range" for level, share in shares)
        figure = f"{inside} one day ahead"
    return Judgement("performance", health_word(performance.health), f"{figure}, last {sessions} sessions")
