"""The metrics of stockops: names, types and labels, and how a command adds to them.

A process lives for seconds, so counters and histograms are running totals in the state store, keyed by the
series as Prometheus writes it: `state.add(count("prediction_total", type="child"))`. `add` is atomic, and
an observation is one `add`, so its buckets, sum and count never disagree. Gauges are not stored: the caller
computes them each time and passes them on as samples.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MetricType = Literal["gauge", "counter", "histogram"]

TRAINING_STATUS = {"idle": 0, "queued": 0, "failed": 0, "running": 1, "completed": 2}
HEALTH = {"healthy": 0, "degraded": 1, "critical": 2}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `known`: label values exported as 0 before the first event, so that a rate includes it."""

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of one gauge; raises ValueError for a metric or labels not in the catalogue."""

    name: str
    labels: Mapping[str, str]
    value: float

    def __post_init__(self) -> None:
        _checked(self.name, "gauge", self.labels)


_TRAINING_BUCKETS = tuple(2.0**power for power in range(16))  # 1 s to 32,768 s: a little over nine hours
_LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_KINDS = ("parent", "child")
_TICKER = ("ticker",)

CATALOGUE: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("system_cpu_percent", "gauge", "Host CPU utilisation, over a tenth of a second."),
        Metric("system_ram_used_mb", "gauge", "Host RAM used, in MB of 2^20 bytes."),
        Metric("system_disk_used_mb", "gauge", "Host disk used where stockops writes, in MB of 2^20 bytes."),
        Metric("redis_up", "gauge", "Redis connectivity (1=up, 0=down)."),
        Metric("redis_keys_total", "gauge", "Total keys in Redis."),
        Metric("training_status", "gauge", "0=idle (or failed), 1=running, 2=completed.", ("task_id",)),
        Metric("training_mse_last", "gauge", "MSE from the most recent training run, on normalised OHLCV."),
        Metric("training_duration_seconds", "histogram", "Training wall-clock time.", ("task_id",), _TRAINING_BUCKETS),
        Metric("prediction_total", "counter", "Cumulative prediction requests.", ("type",), known=_KINDS),
        Metric(
            "prediction_latency_seconds",
            "histogram",
            "End-to-end prediction latency.",
            ("type",),
            _LATENCY_BUCKETS,
            _KINDS,
        ),
        Metric(
            "redis_cache_hit_total",
            "counter",
            "Prediction cache hits per key prefix.",
            ("key",),
            known=("predict_child",),
        ),
        Metric(
            "redis_cache_miss_total",
            "counter",
            "Prediction cache misses per key prefix.",
            ("key",),
            known=("predict_child",),
        ),
        Metric("stockops_drift_score", "gauge", "Mean absolute z-score of the seven features.", _TICKER),
        Metric(
            "stockops_drift_volatility_ratio", "gauge", "Volatility of the current over the reference days.", _TICKER
        ),
        Metric("stockops_drift_health", "gauge", "Drift of levels: 0=healthy, 1=degraded, 2=critical.", _TICKER),
        Metric(
            "stockops_drift_returns_health", "gauge", "Drift of returns: 0=healthy, 1=degraded, 2=critical.", _TICKER
        ),
        Metric(
            "stockops_skill",
            "gauge",
            "Realised skill, 1 - error / error of persistence, over the last `window` sessions; 0 is no skill.",
            ("ticker", "window"),
        ),
        Metric(
            "stockops_mase",
            "gauge",
            "Realised mean absolute scaled error, `horizon` sessions ahead; above 1 persistence is better.",
            ("ticker", "horizon"),
        ),
        Metric(
            "stockops_coverage",
            "gauge",
            "Share of closes, 0 to 1, that fell into their range of nominal `level` percent.",
            ("ticker", "level"),
        ),
        Metric("stockops_performance_health", "gauge", "Realised error: 0=healthy, 1=degraded, 2=critical.", _TICKER),
        Metric("stockops_agent_score", "gauge", "Score of the agent evaluation's three checks.", _TICKER),
        Metric(
            "stockops_agent_grounding", "gauge", "Share, 0 to 1, of a report's figures found in its facts.", _TICKER
        ),
        Metric("stockops_model_trained_timestamp_seconds", "gauge", "When the model was trained, Unix time.", _TICKER),
        Metric(
            "stockops_last_success_timestamp_seconds",
            "gauge",
            "When the command last succeeded, Unix time.",
            ("command", "ticker"),
        ),
    )
}


def count(name: str, amount: float = 1.0, /, **labels: str) -> dict[str, float]:
    """Return a counter's increment, for StateStore.add."""
    _checked(name, "counter", labels)
    return {series(name, labels): _amount(amount)}


def observe(name: str, value: float, /, **labels: str) -> dict[str, float]:
    """Return a histogram's increments for one StateStore.add: every bucket the value fits in, sum and count."""
    buckets = _checked(name, "histogram", labels).buckets
    value = _amount(value)
    grown = {bucket(name, labels, bound): 1.0 for bound in (*buckets, math.inf) if value <= bound}
    return grown | {series(f"{name}_sum", labels): value, series(f"{name}_count", labels): 1.0}


def bucket(name: str, labels: Mapping[str, str], bound: float) -> str:
    """Return the series of a histogram's cumulative bucket."""
    return series(f"{name}_bucket", {**labels, "le": bound_text(bound)})


def bound_text(bound: float) -> str:
    """Return a bucket's bound as Prometheus writes it."""
    return "+Inf" if bound == math.inf else repr(bound)


def series(name: str, labels: Mapping[str, str]) -> str:
    """Return a series name as Prometheus writes it, labels in alphabetical order."""
    if not labels:
        return name
    pairs = [f'{label}="{_escaped(value)}"' for label, value in sorted(labels.items())]
    return f"{name}{{{','.join(pairs)}}}"


def health(text: str) -> int:
    """Return the number of a health text, in any case: `Healthy`, `Degraded (Warning)`, `Critical (Drift Detected)`."""
    return HEALTH[health_word(text)]


def health_word(text: str) -> str:
    """Return the HEALTH key of a health text."""
    return text.split()[0].lower()


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _amount(value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"a total cannot grow by {value}")
    return float(value)


def _checked(name: str, wanted: MetricType, labels: Mapping[str, str]) -> Metric:
    metric = CATALOGUE.get(name)
    if metric is None or metric.type != wanted:
        raise ValueError(f"no {wanted} {name} in the catalogue")
    if set(labels) != set(metric.labels):
        raise ValueError(f"{name} has the labels {metric.labels}, not {tuple(labels)}")
    return metric
