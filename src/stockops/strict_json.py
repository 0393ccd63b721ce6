"""Strict reading of untrusted JSON: files, caches and responses that anyone may have written.

Python's parser accepts `NaN` and `1e999`, which are not finite numbers, and raises RecursionError on a hundred thousand
brackets.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

DIGEST = "digest"  # the field of a signed document that holds the digest of all the others


def read(data: bytes | str) -> Any:
    """Parse JSON; ValueError if it is malformed, contains a non-finite number, or is nested too deep."""
    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def signed(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON, with a digest of its content."""
    plain = {name: value for name, value in document.items() if name != DIGEST}
    return json.dumps({**plain, DIGEST: digest(plain)}, allow_nan=False, ensure_ascii=False).encode()


def verified(data: bytes | str) -> dict[str, Any]:
    """Return a document made by `signed`, without its digest; ValueError for any other."""
    document = read(data)
    if not isinstance(document, dict):
        raise ValueError("no document")
    stated = document.pop(DIGEST, None)
    if stated != digest(document):
        raise ValueError("its content does not match its digest")
    return document


def digest(*parts: object) -> str:
    """Return a digest of values, equal for equal values; types unknown to JSON enter as `str()`."""
    try:
        text = json.dumps(parts, sort_keys=True, default=str)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def number(value: object) -> float | None:
    """Return a JSON number as a finite float; None for anything else."""
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
