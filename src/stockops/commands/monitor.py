"""`monitor-parent` and `monitor-ticker`."""

import logging
from typing import TYPE_CHECKING

from stockops.app.context import Context
from stockops.app.factories import monitor
from stockops.console.batch import TickerHandler
from stockops.console.command_context import CommandContext, Verdict
from stockops.console.options import DRIFT_ON, FAIL_ON, MANY, MAX_BEHIND, ON_MISSING, command
from stockops.console.views import monitoring as monitoring_view

if TYPE_CHECKING:
    from stockops.documents.monitoring import MonitoringResult
    from stockops.errors import ExitCode

log = logging.getLogger("stockops.monitor")


@command(FAIL_ON, DRIFT_ON, ON_MISSING, MAX_BEHIND)
def monitor_parent(context: CommandContext) -> None:
    """Check the market for data drift, audit its report and score the parent's past forecasts."""
    context.run_one(monitor(context).parent, monitoring_view.monitored, _verdict(context))


@command(*MANY, FAIL_ON, DRIFT_ON, ON_MISSING, MAX_BEHIND)
def monitor_ticker(context: CommandContext) -> None:
    """Check tickers for data drift, audit their reports and score past forecasts."""
    context.run_batch(_monitor, monitoring_view.monitored, _verdict(context))


def _monitor(context: Context) -> "TickerHandler[MonitoringResult]":
    return monitor(context).child


def _verdict(context: CommandContext) -> "Verdict[MonitoringResult]":
    def judge(result: "MonitoringResult") -> "ExitCode":
        from stockops.pipelines.monitor import verdict

        code, alarms = verdict(result, context.settings.fail_on, context.settings.drift_on)
        for alarm in alarms:
            log.error("%s: %s", result.ticker, alarm)
        return code

    return judge
