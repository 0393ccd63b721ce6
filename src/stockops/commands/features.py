"""`features apply|materialize|get`: manual use of the feature store. Here it is required: exit 5 if it is down."""

from stockops.app.factories import feature_store
from stockops.console.command_context import CommandContext
from stockops.console.options import COMMON, LOCAL, ONE_TICKER, TICKER, TICKERS_FILE, command
from stockops.console.views import reports as reports_view
from stockops.errors import DataError


@command(common=LOCAL)
def apply(context: CommandContext) -> None:
    """Register the entity and feature definitions, where they are new or have changed."""
    from stockops.documents.stores import FeaturesApplied

    context.show(FeaturesApplied(applied=feature_store(context).apply()), reports_view.report)


@command(TICKER, TICKERS_FILE, common=COMMON)
def materialize(context: CommandContext) -> None:
    """Recompute the features of the tickers given and put them online; without a ticker, put all online."""
    from stockops.documents.stores import FeaturesMaterialized, TickerMaterialized

    store = feature_store(context)
    if not (context.settings.ticker or context.settings.tickers_file):
        store.materialize(context.services.clock.now)
        context.show(FeaturesMaterialized(materialized=tuple(store.tickers())), reports_view.report)
        return
    from stockops.pipelines import feature_sync

    prices = context.services.history.daily

    def materialize(ticker: str) -> TickerMaterialized:
        known = prices(ticker)
        written = feature_sync.put(known, store)
        return TickerMaterialized(ticker=ticker, last=known.last.isoformat(), written=written)

    context.run_serial(materialize, reports_view.report)


@command(ONE_TICKER, common=LOCAL)
def get(context: CommandContext) -> None:
    """Print the latest features of a ticker from the online store."""
    from stockops.documents.stores import LatestFeatures

    ticker = context.one_ticker
    vector = feature_store(context).latest(ticker)
    if vector is None:
        raise DataError(
            f"the feature store has no features of {ticker}", f"run: stockops features materialize --ticker {ticker}"
        )
    latest = LatestFeatures(ticker=ticker, event_time=vector.event_time.isoformat(), features=vector.values)
    context.show(latest, reports_view.report)
