"""From the services of a call to what counts, and to all that is counted."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockops.monitoring.catalogue import Sample
    from stockops.pipelines.meter import Meter
    from stockops.services import Services


def meter(services: "Services") -> "Meter":
    """Return what counts."""
    from stockops.pipelines.meter import Meter

    return Meter(services.state, services.effort, services.wall_time)


def gathered(services: "Services") -> "tuple[dict[str, float] | None, list[Sample]]":
    """Return everything that is measured: totals, None where they are not known, and gauges."""
    from stockops.pipelines.metrics import Metrics

    return Metrics(services.state, services.effort, services.gauges).gather()


def page(services: "Services") -> bytes:
    """Return everything that is measured, as Prometheus reads it."""
    return services.expose(*gathered(services))
