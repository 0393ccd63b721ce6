"""What the last backtest of a ticker says, for those who quote it; without any library of numbers."""

import json
from dataclasses import replace
from typing import Any

from stockops.ports import ModelStore
from stockops.records import ModelRef

Document = dict[str, Any]

REPORT = "backtest/latest_backtest.json"


def of(ref: ModelRef, *, models: ModelStore, source: str, last: str) -> Document | None:
    """Return the summary of the last backtest of a model's method, or None where none may be quoted.

    One on prices from elsewhere says nothing here, and one that knows sessions after `last` (YYYY-MM-DD) would let a
    look back know what came. A report that is not whole is none.
    """
    try:
        document = json.loads(models.read(replace(ref, as_of=None), REPORT) or b"null")
        summary = dict(document["summary"])
        fits = document["source"] == source and document["end"] <= last and document["ticker"] == ref.ticker
    except (ValueError, KeyError, TypeError):
        return None
    return summary if fits else None
