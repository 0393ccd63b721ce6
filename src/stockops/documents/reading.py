"""From JSON of others to a record: believed whole, down to the numbers, or not at all.

A digest tells that a document is as it was written (strict_json); its shape, that it was written by us.
"""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def parsed(document: object, record: type[T]) -> T:
    """Return the record that a document holds; ValueError where it does not fit. Fields that it knows not are left."""
    # pydantic's ValidationError is a ValueError; of JSON, since only there a strict tuple may come of a list
    adapter: TypeAdapter[Any] = _adapter(record)  # type: ignore[arg-type]  # a type can be hashed
    found: T = adapter.validate_json(json.dumps(document), strict=True)
    return found


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)
