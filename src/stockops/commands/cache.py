"""`cache list|show|clear`: the forecasts and reports that are kept."""

from stockops.commands import views
from stockops.commands.options import LOCAL, ONE_TICKER, TICKER, command
from stockops.commands.run import Run
from stockops.commands.wiring import cache, reports
from stockops.errors import DataError
from stockops.records import SCHEMA


@command(common=LOCAL)
def list_entries(run: Run) -> None:
    """List the kept forecasts and reports, and how many forecasts were answered from the cache."""
    kept = cache(run)
    document = {"entries": kept.entries(), "reports": reports(run).entries(), **kept.counts()}
    run.show({"schema": SCHEMA, **document}, views.cache_entries)


@command(ONE_TICKER, common=LOCAL)
def show_entry(run: Run) -> None:
    """Print a ticker's kept forecast as it is, and which reports of it are kept."""
    ticker = run.one_ticker
    entry, written = cache(run).entry(ticker), reports(run).entries([ticker])
    if entry is None and not written:
        raise DataError(f"nothing of {ticker} is kept", f"run: stockops predict-child --ticker {ticker}")
    run.show({"schema": SCHEMA, "ticker": ticker, **(entry or {}), "reports": written}, views.report)


@command(TICKER, common=LOCAL)
def clear(run: Run) -> None:
    """Forget the kept forecasts and reports of the tickers given, or all of them."""
    tickers = run.tickers if run.settings.ticker else ()
    cleared = {"cleared": cache(run).clear(tickers), "cleared_reports": reports(run).clear(tickers)}
    run.show({"schema": SCHEMA, **cleared}, views.cleared)
