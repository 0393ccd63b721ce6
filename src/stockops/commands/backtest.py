"""`backtest`."""

import logging

from stockops.commands import backtest_view
from stockops.commands.batch import Document, Work
from stockops.commands.options import (
    BACKTEST_FAIL_ON,
    BASELINES,
    END,
    EPOCHS,
    FORECASTS,
    KEEP_TESTED,
    MANY,
    REFIT,
    SPLIT,
    START,
    STRATEGY,
    UNIVERSE,
    command,
)
from stockops.commands.run import Run, Verdict
from stockops.commands.wiring import backtester
from stockops.errors import ExitCode, UsageError

log = logging.getLogger("stockops.backtest")


@command(
    *MANY, START, END, REFIT, BASELINES, FORECASTS, BACKTEST_FAIL_ON, STRATEGY, UNIVERSE, KEEP_TESTED, EPOCHS, SPLIT
)
def backtest(run: Run) -> None:
    """What is a ticker's model worth? Forecast from every close with models that know only what was before."""
    start, end = run.settings.start, run.settings.end
    if start and end and start > end:
        raise UsageError(f"--start {start} is after --end {end}")
    if run.settings.forecasts and len(run.tickers) > 1:
        raise UsageError("--forecasts FILE holds the forecasts of one ticker", "give one --ticker")
    run.services.check_target(run.settings.forecasts)
    run.many(_tests, backtest_view.backtested, _verdict(run))


def _tests(run: Run) -> Work:
    return backtester(run).backtest


def _verdict(run: Run) -> Verdict:
    def judge(document: Document) -> ExitCode:
        from stockops.backtesting import summary

        alarm = summary.alarm(document, run.settings.backtest_fail_on)
        if not alarm:
            return ExitCode.OK
        log.error("%s: %s", document["ticker"], alarm)
        return ExitCode.FAIL_ON

    return judge
