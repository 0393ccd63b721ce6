"""From the services of a call to what counts, and to all that is counted."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockops.monitoring.catalogue import Sample
    from stockops.pipelines.metrics_recorder import MetricsRecorder
    from stockops.services import Services


def metrics_recorder(services: "Services") -> "MetricsRecorder":
    """Return what counts."""
    from stockops.pipelines.metrics_recorder import MetricsRecorder

    return MetricsRecorder(services.state, services.optional, services.wall_time)


def gathered(services: "Services") -> "tuple[dict[str, float] | None, list[Sample]]":
    """Return everything that is measured: totals, None where they are not known, and gauges."""
    from stockops.pipelines.metrics_collector import MetricsCollector

    return MetricsCollector(services.state, services.optional, services.gauges).gather()


def page(services: "Services") -> bytes:
    """Return everything that is measured, as Prometheus reads it."""
    return services.expose(*gathered(services))
