"""From a record to JSON: the one way out for every document."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from stockops.documents.fields import ABSENT


def as_json(value: object) -> Any:
    """Return what JSON knows of a record or a value: an object of its fields, without those that are absent."""
    if is_dataclass(value):
        found = ((field, getattr(value, field.name)) for field in fields(value))
        return {
            field.name: as_json(inner) for field, inner in found if not (inner is None and ABSENT in field.metadata)
        }
    if isinstance(value, Mapping):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(inner) for inner in value]
    return value


def encoded(document: object) -> bytes:
    """Return a document as the file that it is written to; ValueError for a number that JSON has not."""
    return (json.dumps(as_json(document), indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
