"""The text of a price file: decoded, and rejected if it is an HTML page, an API response or not text."""

import re
from typing import Any

from stockops import strict_json
from stockops.errors import DataError
from stockops.wording import one_line

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_HEAD = 4096
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
_TELLING = ("message", "error", "description", "detail", "note", "information", "reason")
_LONGEST_ANSWER = 100_000
_PLAIN = "save it as UTF-8 text"


def decode(name: str, data: bytes) -> str:
    """Return a file's text, decoded by its byte order mark, else as UTF-8, else as Windows-1252.

    Raise DataError if it is empty, not text, an HTML page or JSON; an API's error message is quoted.
    """
    text = _text(name, data)
    if _CONTROL.search(text, 0, _HEAD):
        raise DataError(f"{name} is not a text file", _PLAIN)
    if not text.strip():
        raise DataError(f"{name} is empty", "download it again")
    if _PAGE.match(text):
        raise DataError(f"{name} is an HTML page, not a table", "open it in a browser to see why, and download again")
    if text.lstrip()[0] in "{[":
        raise DataError(*_json(name, text))
    return text


def quoted(text: str, longest: int = 60) -> str:
    """Return untrusted text in quotes: one line, printable and short."""
    return f'"{one_line(text, longest)}"'


def _text(name: str, data: bytes) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as exc:
        if encoding:
            raise DataError(f"{name} is not a text file", _PLAIN) from exc
    return data.decode("cp1252", errors="replace")


def _json(name: str, text: str) -> tuple[str, str]:
    """Return the message and hint for a file that contains JSON."""
    try:
        message = _message(strict_json.read(text)) if len(text) <= _LONGEST_ANSWER else None
    except (ValueError, RecursionError):  # RecursionError: `_message` on deep nesting that still parsed
        message = None
    if message is None:
        return f"{name} is JSON, not a table", "download the prices as CSV"
    return f"{name} is an API's answer, not a table: {quoted(message, 100)}", "correct the request and download again"


def _message(answer: Any) -> str | None:
    """Return the error message in an API response; None if there is none."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if isinstance(value, str) and any(word in str(key).lower() for word in _TELLING):
                return value
        answer = list(answer.values())
    if isinstance(answer, list):
        return next((found for value in answer[:20] if (found := _message(value))), None)
    return None
