"""The latest backtest of a ticker, to be quoted; imports no numeric library."""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from stockops import strict_json
from stockops.ports import ModelStore
from stockops.records import METHOD, ModelRef

if TYPE_CHECKING:
    from stockops.documents.backtest import BacktestSummary
    from stockops.forecasting.checkpoint import Checkpoint
    from stockops.pipelines.prices import Prices


REPORT = "backtest/latest_backtest.json"


def digest(ref: ModelRef, models: ModelStore) -> str:
    """Return a digest of the latest backtest; while it is unchanged, the same one is quoted."""
    return hashlib.sha256(models.read(replace(ref, as_of=None), REPORT) or b"").hexdigest()


def of_model(
    place: ModelRef, checkpoint: "Checkpoint", prices: "Prices", models: ModelStore
) -> "BacktestSummary | None":
    """Return the summary of the latest backtest if it may be quoted for a model and these prices, else None."""
    strategy, last = checkpoint.card.strategy, prices.last.isoformat()
    return of(place, models=models, strategy=strategy, of_many=checkpoint.of_many, source=prices.source, last=last)


def of(
    ref: ModelRef, *, models: ModelStore, strategy: str | None, of_many: bool, source: str, last: str
) -> "BacktestSummary | None":
    """Return the summary of the latest backtest of a model's method, or None if it may not be quoted.

    strategy: how the model was trained, None for a parent. of_many: whether its parent learned from more than the
    index. Not quoted: a backtest of another strategy, of a release whose weights meant something else, or on prices of
    another source; one with sessions after `last` (YYYY-MM-DD), which would leak the future into a look back; an
    invalid report.
    """
    from stockops.documents.backtest import QuotedBacktest  # a forecast from the cache asks for the digest alone
    from stockops.documents.reading import parsed

    try:
        document = strict_json.read(models.read(replace(ref, as_of=None), REPORT) or b"null")
        found = parsed(document, QuotedBacktest)
    except ValueError:
        return None
    theirs = (found.method, found.strategy, found.source, found.ticker, bool(found.panel))
    fits = theirs == (METHOD, strategy, source, ref.ticker, of_many) and found.end <= last
    return found.summary if fits else None
