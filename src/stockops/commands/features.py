"""`features apply|materialize|get`: the feature store by hand. Here it is not optional: exit 5 when it is down."""

from stockops.commands import views
from stockops.commands.options import COMMON, LOCAL, ONE_TICKER, TICKER, TICKERS_FILE, command
from stockops.commands.run import Run
from stockops.commands.wiring import feature_store
from stockops.errors import DataError
from stockops.records import SCHEMA


@command(common=LOCAL)
def apply(run: Run) -> None:
    """Register the definitions of entity and features, where they are new or have changed."""
    run.show({"schema": SCHEMA, "applied": feature_store(run).apply()}, views.report)


@command(TICKER, TICKERS_FILE, common=COMMON)
def materialize(run: Run) -> None:
    """Compute the features of the tickers given anew and put them online; of no ticker given, put all online."""
    store = feature_store(run)
    if not (run.settings.ticker or run.settings.tickers_file):
        store.materialize(run.services.clock.now)
        run.show({"schema": SCHEMA, "materialized": store.tickers()}, views.report)
        return
    from stockops.pipelines import feature_history

    prices = run.services.history.daily

    def keep(ticker: str) -> views.Document:
        known = prices(ticker)
        written = feature_history.keep(known, store)
        return {"schema": SCHEMA, "ticker": ticker, "last": known.last.isoformat(), "written": written}

    run.each(keep, views.report)


@command(ONE_TICKER, common=LOCAL)
def get(run: Run) -> None:
    """Print the latest features of a ticker as the online store has them."""
    ticker = run.one_ticker
    vector = feature_store(run).latest(ticker)
    if vector is None:
        raise DataError(
            f"the feature store has no features of {ticker}", f"run: stockops features materialize --ticker {ticker}"
        )
    document = {
        "schema": SCHEMA,
        "ticker": ticker,
        "event_time": vector.event_time.isoformat(),
        "features": dict(vector.values),
    }
    run.show(document, views.report)
