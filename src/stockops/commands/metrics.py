"""`metrics`: all metrics in the Prometheus text format."""

import logging
import sys
from typing import TYPE_CHECKING

from stockops.app import telemetry
from stockops.console.command_context import CommandContext
from stockops.console.options import LISTEN, LOCAL, PUSH, TEXTFILE, command
from stockops.console.views import reports as reports_view
from stockops.errors import UsageError

if TYPE_CHECKING:
    from stockops.documents.stores import MetricsValues

log = logging.getLogger("stockops.metrics")


@command(PUSH, TEXTFILE, LISTEN, common=LOCAL)
def metrics(context: CommandContext) -> None:
    """Print metrics in the Prometheus text format, or push, write or serve them."""
    from stockops.documents.stores import MetricsSent

    settings, services = context.settings, context.services
    services.check_target(settings.textfile)
    if settings.listen:
        listener = services.listener(settings.listen, lambda: telemetry.page(services))
        log.info("serving %s until Ctrl-C", listener.url)
        if listener.is_open:
            log.warning("--listen %s takes requests on every address of this machine, from anybody", settings.listen)
        listener.serve()
        return
    gateway = services.gateway
    if settings.push and gateway is None:
        raise UsageError("--push needs a pushgateway", "set PUSHGATEWAY_URL to http://HOST:9091")
    if settings.json_output and not (settings.push or settings.textfile):
        context.show(_values(context), reports_view.report)
        return
    page = telemetry.page(services)
    if settings.textfile:
        services.write_file(settings.textfile, page)
    if settings.push and gateway is not None:
        gateway.push(page)
    if settings.push or settings.textfile:
        written = str(settings.textfile) if settings.textfile else None
        sent = MetricsSent(bytes=len(page), pushed=settings.push, textfile=written, degraded=services.optional.degraded)
        context.show(sent, reports_view.report)
    else:
        sys.stdout.write(page.decode())


def _values(context: CommandContext) -> "MetricsValues":
    """Return the metrics as a document, for `--json`."""
    from stockops.documents.stores import MetricsValues
    from stockops.monitoring.catalogue import series

    totals, gauges = telemetry.gathered(context.services)
    values = (totals or {}) | {series(gauge.name, gauge.labels): gauge.value for gauge in gauges}
    return MetricsValues(metrics=dict(sorted(values.items())), degraded=context.services.optional.degraded)
