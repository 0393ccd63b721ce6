"""Encodes records as JSON: the one way out for every document."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from stockops.documents.fields import ABSENT


def as_json(value: object) -> Any:
    """Return the JSON value of a record or value; a record becomes an object of its fields, without absent ones."""
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
    """Return a document as the content of its file; ValueError for a number that JSON lacks."""
    return (json.dumps(as_json(document), indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
