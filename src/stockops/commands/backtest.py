"""`backtest`."""

import logging
from typing import TYPE_CHECKING

from stockops.app.context import Context
from stockops.app.factories import backtester
from stockops.console.batch import TickerHandler
from stockops.console.command_context import CommandContext, Verdict
from stockops.console.options import (
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
from stockops.console.views import backtest as backtest_view
from stockops.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from stockops.documents.backtest import BacktestResult

log = logging.getLogger("stockops.backtest")


@command(
    *MANY, START, END, REFIT, BASELINES, FORECASTS, BACKTEST_FAIL_ON, STRATEGY, UNIVERSE, KEEP_TESTED, EPOCHS, SPLIT
)
def backtest(context: CommandContext) -> None:
    """Measure a model's skill: forecast from every close with models trained on earlier data only."""
    start, end = context.settings.start, context.settings.end
    if start and end and start > end:
        raise UsageError(f"--start {start} is after --end {end}")
    if context.settings.forecasts and len(context.tickers) > 1:
        raise UsageError("--forecasts FILE holds the forecasts of one ticker", "give one --ticker")
    context.services.check_target(context.settings.forecasts)
    context.run_batch(_backtest, backtest_view.backtested, _verdict(context))


def _backtest(context: Context) -> "TickerHandler[BacktestResult]":
    return backtester(context).backtest


def _verdict(context: CommandContext) -> "Verdict[BacktestResult]":
    def judge(result: "BacktestResult") -> ExitCode:
        from stockops.backtesting import summary

        alarm = summary.alarm(result.channels, result.summary, context.settings.backtest_fail_on)
        if not alarm:
            return ExitCode.OK
        log.error("%s: %s", result.ticker, alarm)
        return ExitCode.FAIL_ON

    return judge
