"""`backtest`."""

from stockops.commands import backtest_view
from stockops.commands.batch import Work
from stockops.commands.options import (
    BASELINES,
    END,
    EPOCHS,
    FORECASTS,
    MANY,
    REFIT,
    SPLIT,
    START,
    STRATEGY,
    command,
)
from stockops.commands.run import Run
from stockops.commands.wiring import backtester
from stockops.errors import UsageError


@command(*MANY, START, END, REFIT, BASELINES, FORECASTS, STRATEGY, EPOCHS, SPLIT)
def backtest(run: Run) -> None:
    """What is a ticker's model worth? Forecast from every close with models that know only what was before."""
    start, end = run.settings.start, run.settings.end
    if start and end and start > end:
        raise UsageError(f"--start {start} is after --end {end}")
    if run.settings.forecasts and len(run.tickers) > 1:
        raise UsageError("--forecasts FILE holds the forecasts of one ticker", "give one --ticker")
    run.many(_tests, backtest_view.backtested)


def _tests(run: Run) -> Work:
    return backtester(run).backtest
