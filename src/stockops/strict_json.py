"""JSON of others: files, caches and answers that anybody may have written, read without surprises.

Python's reader takes `NaN` and `1e999`, with which nothing can be reckoned, and answers a hundred thousand
brackets with a RecursionError.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

DIGEST = "digest"  # the field of a kept document that says what all the others are


def read(data: bytes | str) -> Any:
    """Return what JSON holds; ValueError for anything that is none, holds a number that is none, or is nested deep."""
    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def signed(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON, with a digest of its content."""
    plain = {name: value for name, value in document.items() if name != DIGEST}
    return json.dumps({**plain, DIGEST: digest(plain)}, allow_nan=False, ensure_ascii=False).encode()


def verified(data: bytes | str) -> dict[str, Any]:
    """Return the document that `signed` gave, without its digest; ValueError for any other."""
    document = read(data)
    if not isinstance(document, dict):
        raise ValueError("no document")
    stated = document.pop(DIGEST, None)
    if stated != digest(document):
        raise ValueError("its content does not match its digest")
    return document


def digest(*parts: object) -> str:
    """Return a digest of values, equal for equal ones; of what JSON does not know, what it is written as."""
    try:
        text = json.dumps(parts, sort_keys=True, default=str)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def number(value: object) -> float | None:
    """Return a JSON number as one that can be reckoned with; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _finite(text: str) -> float:
    found = float(text)
    return found if math.isfinite(found) else _refuse(text)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")
