"""`cache list|show|clear`: the forecasts that are kept."""

from stockops.commands import views
from stockops.commands.options import LOCAL, TICKER, command
from stockops.commands.run import Run
from stockops.commands.wiring import cache
from stockops.errors import DataError
from stockops.records import SCHEMA


@command(common=LOCAL)
def list_entries(run: Run) -> None:
    """List the kept forecasts, and how many were answered from the cache."""
    kept = cache(run)
    run.show({"schema": SCHEMA, "entries": kept.entries(), **kept.counts()}, views.cache_entries)


@command(TICKER, common=LOCAL)
def show_entry(run: Run) -> None:
    """Print a ticker's kept forecast as it is."""
    ticker = run.one_ticker
    entry = cache(run).entry(ticker)
    if entry is None:
        raise DataError(f"no forecast of {ticker} is kept", f"run: stockops predict-child --ticker {ticker}")
    run.show(entry, views.report)


@command(TICKER, common=LOCAL)
def clear(run: Run) -> None:
    """Forget the kept forecasts of the tickers given, or all of them."""
    tickers = run.tickers if run.settings.ticker else ()
    run.show({"schema": SCHEMA, "cleared": cache(run).clear(tickers)}, views.cleared)
