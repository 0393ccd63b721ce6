"""`predict-parent` and `predict-child`."""

from stockops.commands import views
from stockops.commands.batch import Spread, Work
from stockops.commands.options import DAYS, MANY, MAX_BEHIND, NO_CACHE, ON_MISSING, command
from stockops.commands.run import Run
from stockops.commands.wiring import serving


@command(DAYS, ON_MISSING, MAX_BEHIND)
def predict_parent(run: Run) -> None:
    """Forecast the S&P 500: the next session, the week, ranges on the close."""
    run.one(serving(run).parent, views.predicted)


_WORTH = 16  # forecasts take a tenth of the second that a worker takes to start


@command(*MANY, DAYS, ON_MISSING, NO_CACHE, MAX_BEHIND)
def predict_child(run: Run) -> None:
    """Forecast tickers: the next session, the week, ranges on the close."""
    run.many(_forecasts, views.predicted, spread=Spread(serving(run).kept, threads=1, worth=_WORTH))


def _forecasts(run: Run) -> Work:
    return serving(run).child
