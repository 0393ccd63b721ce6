"""Parses foreign JSON into records: accepted whole, down to the numbers, or not at all.

A digest shows that a document is as it was written (strict_json); its shape, that it was written by us.
"""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def parsed(document: object, record: type[T]) -> T:
    """Return the record that a document holds; ValueError if it does not fit. Unknown fields are ignored."""
    # pydantic's ValidationError is a ValueError. As JSON, since only there strict mode takes a list for a tuple.
    adapter: TypeAdapter[Any] = _adapter(record)  # type: ignore[arg-type]  # types are hashable
    found: T = adapter.validate_json(json.dumps(document), strict=True)
    return found


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)
