"""`backtest`."""

from stockops.commands import backtest_view
from stockops.commands.options import (
    BASELINES,
    END,
    EPOCHS,
    FORECASTS,
    REFIT,
    SPLIT,
    START,
    STRATEGY,
    TICKER,
    TICKERS_FILE,
    command,
)
from stockops.commands.run import Run
from stockops.commands.wiring import backtester
from stockops.errors import UsageError


@command(TICKER, TICKERS_FILE, START, END, REFIT, BASELINES, FORECASTS, STRATEGY, EPOCHS, SPLIT)
def backtest(run: Run) -> None:
    """What is a ticker's model worth? Forecast from every close with models that know only what was before."""
    start, end = run.settings.start, run.settings.end
    if start and end and start > end:
        raise UsageError(f"--start {start} is after --end {end}")
    if run.settings.forecasts and len(run.tickers) > 1:
        raise UsageError("--forecasts FILE holds the forecasts of one ticker", "give one --ticker")
    run.each(backtester(run).backtest, backtest_view.backtested)
