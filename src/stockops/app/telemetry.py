"""The metrics of a call: the recorder, and everything recorded so far."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockops.monitoring.catalogue import Sample
    from stockops.pipelines.metrics_recorder import MetricsRecorder
    from stockops.services import Services


def metrics_recorder(services: "Services") -> "MetricsRecorder":
    """Return the metrics recorder."""
    from stockops.pipelines.metrics_recorder import MetricsRecorder

    return MetricsRecorder(services.state, services.optional, services.wall_time)


def gathered(services: "Services") -> "tuple[dict[str, float] | None, list[Sample]]":
    """Return all metrics: totals, None if unknown, and gauges."""
    from stockops.pipelines.metrics_collector import MetricsCollector

    return MetricsCollector(services.state, services.optional, services.gauges).gather()


def page(services: "Services") -> bytes:
    """Return all metrics in the Prometheus text format."""
    return services.expose(*gathered(services))
