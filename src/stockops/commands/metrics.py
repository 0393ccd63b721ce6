"""`metrics`: what is measured, as Prometheus reads it."""

import logging
import sys

from stockops.commands import measuring, views
from stockops.commands.options import LISTEN, LOCAL, PUSH, TEXTFILE, command
from stockops.commands.run import Run
from stockops.errors import UsageError
from stockops.records import SCHEMA

log = logging.getLogger("stockops.metrics")


@command(PUSH, TEXTFILE, LISTEN, common=LOCAL)
def metrics(run: Run) -> None:
    """Print the metrics in Prometheus's text format, or hand them on: to a pushgateway, a file, a scraper."""
    settings, services = run.settings, run.services
    services.check_target(settings.textfile)
    if settings.listen:
        listener = services.listener(settings.listen, lambda: measuring.page(services))
        log.info("serving %s until Ctrl-C", listener.url)
        if listener.is_open:
            log.warning("--listen %s takes requests on every address of this machine, from anybody", settings.listen)
        listener.serve()
        return
    gateway = services.gateway
    if settings.push and gateway is None:
        raise UsageError("--push needs a pushgateway", "set PUSHGATEWAY_URL to http://HOST:9091")
    if settings.json_output and not (settings.push or settings.textfile):
        run.show(_document(run), views.report)
        return
    page = measuring.page(services)
    if settings.textfile:
        services.write_file(settings.textfile, page)
    if settings.push and gateway is not None:
        gateway.push(page)
    if settings.push or settings.textfile:
        written = str(settings.textfile) if settings.textfile else None
        document = {"bytes": len(page), "pushed": settings.push, "textfile": written}
        run.show({"schema": SCHEMA, **document, "degraded": services.effort.degraded}, views.report)
    else:
        sys.stdout.write(page.decode())


def _document(run: Run) -> dict[str, object]:
    """Return the metrics as JSON, for those who asked for it."""
    from stockops.monitoring.catalogue import series

    totals, gauges = measuring.gathered(run.services)
    values = (totals or {}) | {series(gauge.name, gauge.labels): gauge.value for gauge in gauges}
    return {"schema": SCHEMA, "metrics": dict(sorted(values.items())), "degraded": run.services.effort.degraded}
