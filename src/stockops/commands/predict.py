"""`predict-parent` and `predict-child`."""

from stockops.commands import views
from stockops.commands.options import DAYS, NO_CACHE, ON_MISSING, TICKER, TICKERS_FILE, command
from stockops.commands.run import Run
from stockops.commands.wiring import serving


@command(DAYS, ON_MISSING)
def predict_parent(run: Run) -> None:
    """Forecast the S&P 500: the next session, the week, ranges on the close."""
    run.one(serving(run).parent, views.predicted)


@command(TICKER, TICKERS_FILE, DAYS, ON_MISSING, NO_CACHE)
def predict_child(run: Run) -> None:
    """Forecast tickers: the next session, the week, ranges on the close."""
    run.each(serving(run).child, views.predicted)
