"""`monitor-parent` and `monitor-ticker`."""

import logging
from typing import TYPE_CHECKING

from stockops.commands import views
from stockops.commands.batch import Document, Work
from stockops.commands.options import DRIFT_ON, FAIL_ON, MANY, MAX_BEHIND, ON_MISSING, command
from stockops.commands.run import Run, Verdict
from stockops.commands.wiring import monitor

if TYPE_CHECKING:
    from stockops.errors import ExitCode

log = logging.getLogger("stockops.monitor")


@command(FAIL_ON, DRIFT_ON, ON_MISSING, MAX_BEHIND)
def monitor_parent(run: Run) -> None:
    """Did the market's data move, is its analysis sound, did the parent's forecasts come true?"""
    run.one(monitor(run).parent, views.monitored, _verdict(run))


@command(*MANY, FAIL_ON, DRIFT_ON, ON_MISSING, MAX_BEHIND)
def monitor_ticker(run: Run) -> None:
    """Did the data of tickers move, are their analyses sound, did their forecasts come true?"""
    run.many(_looks, views.monitored, _verdict(run))


def _looks(run: Run) -> Work:
    return monitor(run).child


def _verdict(run: Run) -> Verdict:
    def judge(document: Document) -> "ExitCode":
        from stockops.pipelines.monitor import verdict

        code, alarms = verdict(document, run.settings.fail_on, run.settings.drift_on)
        for alarm in alarms:
            log.error("%s: %s", document["ticker"], alarm)
        return code

    return judge
