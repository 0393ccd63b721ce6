"""What the last backtest of a ticker says, for those who quote it; without any library of numbers."""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from stockops import strict_json
from stockops.documents.backtest import BacktestSummary, QuotedBacktest
from stockops.documents.reading import parsed
from stockops.ports import ModelStore
from stockops.records import METHOD, ModelRef

if TYPE_CHECKING:
    from stockops.forecasting.checkpoint import Checkpoint
    from stockops.pipelines.prices import Prices


REPORT = "backtest/latest_backtest.json"


def digest(ref: ModelRef, models: ModelStore) -> str:
    """Return a digest of the last backtest: while it stays, the same is quoted."""
    return hashlib.sha256(models.read(replace(ref, as_of=None), REPORT) or b"").hexdigest()


def of_model(place: ModelRef, checkpoint: "Checkpoint", prices: "Prices", models: ModelStore) -> BacktestSummary | None:
    """Return the summary of the last backtest that may be quoted of a model and the prices that it is asked about."""
    strategy, last = checkpoint.card.strategy, prices.last.isoformat()
    return of(place, models=models, strategy=strategy, of_many=checkpoint.of_many, source=prices.source, last=last)


def of(
    ref: ModelRef, *, models: ModelStore, strategy: str | None, of_many: bool, source: str, last: str
) -> BacktestSummary | None:
    """Return the summary of the last backtest of a model's method, or None where none may be quoted.

    strategy: how the model was trained, None for a parent; of_many: whether its parent learnt from more than the index.
    A backtest of another way to train, or by a release whose weights meant something else, tells nothing of it. One on
    prices from elsewhere says nothing here, and one that knows sessions after `last` (YYYY-MM-DD) would let a look back
    know what came. A report that is not whole is none.
    """
    try:
        document = strict_json.read(models.read(replace(ref, as_of=None), REPORT) or b"null")
        found = parsed(document, QuotedBacktest)
    except ValueError:
        return None
    theirs = (found.method, found.strategy, found.source, found.ticker, bool(found.panel))
    fits = theirs == (METHOD, strategy, source, ref.ticker, of_many) and found.end <= last
    return found.summary if fits else None
