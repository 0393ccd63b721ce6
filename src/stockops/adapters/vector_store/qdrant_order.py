"""The order in which cached reports are listed, for both stores."""

from collections.abc import Mapping
from typing import Any

from stockops import strict_json


def newest(payload: Mapping[str, Any]) -> float:
    """Return a sort key: newest first, payloads without a valid time last, as others may write to the store too."""
    return -(strict_json.number(payload.get("timestamp")) or 0.0)
