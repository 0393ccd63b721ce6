"""All metrics in the Prometheus text format. The owner of prometheus_client.

Uses its own registry: other libraries in this process register metrics in the default one.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from stockops.monitoring.catalogue import CATALOGUE, Metric, Sample, bound_text

log = logging.getLogger("stockops.metrics")

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Point = tuple[tuple[str, ...], str]  # label values in the order of the metric's labels; the bound of a bucket, else ""
Values = Mapping[str, Mapping[Point, float]]  # sample name -> values


def exposition(totals: Mapping[str, float] | None, gauges: Iterable[Sample]) -> bytes:
    """Return the whole catalogue in text format 0.0.4; a metric without samples has only HELP and TYPE.

    totals: StateStore.totals(); invalid series, and those not in the catalogue, are ignored. None if unknown: then no
    totals are exported, not even 0. gauges: the last of several samples of a series counts. Non-finite values are
    ignored.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(_values(totals or {}, gauges), known=totals is not None))
    return generate_latest(registry)


class _Collector:
    def __init__(self, values: Values, *, known: bool) -> None:
        self._values = values
        self._known = known

    def collect(self) -> Iterator[Family]:
        """Yield one family per metric of the catalogue."""
        for metric in CATALOGUE.values():
            known = metric.known if self._known else ()
            yield (_histogram if metric.type == "histogram" else _plain)(metric, self._values, known)


def _plain(metric: Metric, values: Values, known: tuple[str, ...]) -> Family:
    kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    points: dict[Point, float] = {((value,), ""): 0.0 for value in known}
    for (labels, _), value in sorted({**points, **values.get(metric.name, {})}.items()):
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, values: Values, known: tuple[str, ...]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    counted, sums = values.get(f"{metric.name}_bucket", {}), values.get(f"{metric.name}_sum", {})
    for labels in sorted({labels for labels, _ in counted} | {(value,) for value in known}):
        family.add_metric(labels, _cumulative(metric, labels, counted), sums.get((labels, ""), 0.0))
    return family


def _cumulative(metric: Metric, labels: tuple[str, ...], counted: Mapping[Point, float]) -> list[tuple[str, float]]:
    """Return the cumulative buckets; never decreasing, even if an earlier release used other bounds."""
    buckets, total = [], 0.0
    for bound in map(bound_text, (*metric.buckets, math.inf)):
        total = max(total, counted.get((labels, bound), 0.0))
        buckets.append((bound, total))
    return buckets


def _values(totals: Mapping[str, float], gauges: Iterable[Sample]) -> Values:
    values: dict[str, dict[Point, float]] = defaultdict(dict)
    series = [(*_parsed(key), total) for key, total in totals.items()]
    series = [entry for entry in series if entry[0] in _KEPT]
    for name, labels, value in (*series, *((gauge.name, dict(gauge.labels), gauge.value) for gauge in gauges)):
        metric, bound = _METRICS[name], labels.pop("le", "")
        if set(labels) == set(metric.labels) and math.isfinite(value):
            values[name][tuple(labels[label] for label in metric.labels), bound] = value
    return values


def _parsed(key: str) -> tuple[str, dict[str, str]]:
    """Return the name and labels of a series; "" if it is invalid, as others may write to the state store."""
    try:
        [family] = text_string_to_metric_families(f"{key} 0")
        [sample] = family.samples
    except (ValueError, IndexError):
        log.warning("ignoring an invalid total in the state store: %r", key)
        return "", {}
    return sample.name, dict(sample.labels)


def _names(metric: Metric) -> tuple[str, ...]:
    """Return the sample names of a metric."""
    suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
    return tuple(metric.name + suffix for suffix in suffixes)


_METRICS = {name: metric for metric in CATALOGUE.values() for name in _names(metric)}
_KEPT = {name for name, metric in _METRICS.items() if metric.type != "gauge"}  # samples that totals may contain
