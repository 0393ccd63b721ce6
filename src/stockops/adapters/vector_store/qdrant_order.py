"""In which order kept reports are shown, whoever keeps them."""

from collections.abc import Mapping
from typing import Any

from stockops import strict_json


def newest(payload: Mapping[str, Any]) -> float:
    """Return a key that sorts the newest first, what states no moment last: others may write there, too."""
    return -(strict_json.number(payload.get("timestamp")) or 0.0)
