"""`cache list|show|clear`: the cached forecasts and reports."""

from stockops.app.factories import cache, reports
from stockops.console.command_context import CommandContext
from stockops.console.options import LOCAL, ONE_TICKER, TICKER, command
from stockops.console.views import reports as reports_view
from stockops.console.views import stores as stores_view
from stockops.errors import DataError
from stockops.records import SCHEMA


@command(common=LOCAL)
def list_entries(context: CommandContext) -> None:
    """List the cached forecasts and reports, with hits and misses."""
    from stockops.documents.stores import CacheList

    forecasts = cache(context)
    hits, misses = forecasts.counts()
    found = CacheList(entries=forecasts.entries(), reports=reports(context).entries(), hits=hits, misses=misses)
    context.show(found, stores_view.cache_entries)


@command(ONE_TICKER, common=LOCAL)
def show_entry(context: CommandContext) -> None:
    """Print a ticker's cached forecast, and list its cached reports."""
    ticker = context.one_ticker
    entry, written = cache(context).entry(ticker), reports(context).entries([ticker])
    if entry is None and not written:
        raise DataError(f"nothing of {ticker} is kept", f"run: stockops predict-child --ticker {ticker}")
    known = entry.document if entry else {"schema": SCHEMA, "ticker": ticker}
    context.show({**known, "reports": written}, reports_view.report)


@command(TICKER, common=LOCAL)
def clear(context: CommandContext) -> None:
    """Clear the cached forecasts and reports of the tickers given, or all of them."""
    from stockops.documents.stores import CacheCleared

    tickers = context.tickers if context.settings.ticker else ()
    found = CacheCleared(cleared=cache(context).clear(tickers), cleared_reports=reports(context).clear(tickers))
    context.show(found, stores_view.cleared)
