"""The two streams: stdout carries results and nothing else, stderr all messages.

Neither fails on a character that its encoding lacks: it is written as a Python escape.
"""

import codecs
import io
import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

from stockops import INTERRUPTED
from stockops.console.failures import Failure
from stockops.wording import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

_UNSEEN = re.compile(r"[^\x20-\x7e]+")  # may contain terminal control characters

_as_json = False
_signals: list[int] = []  # SIGINT, SIGTERM and SIGHUP received


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the current sys.stderr, which a progress bar replaces."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Captured(logging.Handler):
    def __init__(self, captured: list[tuple[int, str]]) -> None:
        super().__init__()
        self._captured = captured

    def emit(self, record: logging.LogRecord) -> None:
        self._captured.append((record.levelno, record.getMessage()))


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        return f"stockops: {level}{visible(super().format(record))}"


def configure_logging(*, verbose: bool, quiet: bool, as_json: bool = False) -> None:
    """Set up the `stockops` logger: errors when quiet, everything when verbose, else INFO and above.

    Warnings of other libraries are hidden unless `verbose`.
    """
    global _as_json
    _as_json = as_json
    handler = _Stderr()
    handler.setFormatter(_Lines())
    logger = logging.getLogger("stockops")
    logger.handlers = [handler]
    logger.propagate = False
    level(verbose=verbose, quiet=quiet)


def level(*, verbose: bool, quiet: bool) -> None:
    """Set the log level, and whether Python warnings are shown."""
    _escape_unencodable()
    logging.getLogger("stockops").setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    logging.captureWarnings(not verbose)
    logging.getLogger("py.warnings").addHandler(logging.NullHandler())


@contextmanager
def capture_logs() -> Iterator[list[tuple[int, str]]]:
    """Yield a list that collects the `stockops` logger's levels and messages while the context lasts."""
    captured: list[tuple[int, str]] = []
    handler = _Captured(captured)
    logger = logging.getLogger("stockops")
    before, logger.handlers = logger.handlers, [handler]
    try:
        yield captured
    finally:
        logger.handlers = before


@contextmanager
def deduplicate_logs() -> Iterator[None]:
    """Log each message once while the context lasts: a dozen tickers hit the same dead service."""
    seen: set[tuple[int, str]] = set()

    def is_new(record: logging.LogRecord) -> bool:
        line = record.levelno, record.getMessage()
        known = line in seen
        seen.add(line)
        return not known

    handlers = list(logging.getLogger("stockops").handlers)
    for handler in handlers:
        handler.addFilter(is_new)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(is_new)


def show(document: object, view: "Callable[[Any], RenderableType] | None") -> None:
    """Print a record or a document: through its view on a terminal, else as one line of JSON (a NaN would raise).

    A closed pipe (`stockops … | head`) is not an error.
    """
    _escape_unencodable()
    try:
        if wants_json():
            from stockops.documents.encoding import as_json

            text = json.dumps(as_json(document), allow_nan=False, ensure_ascii=not _is_unicode(sys.stdout))
            sys.stdout.write(f"{_UNSEEN.sub(_escaped, text)}\n")
            sys.stdout.flush()
        elif view is not None:
            from rich.console import Console

            Console().print(view(_escape(document)))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escape(value: Any) -> Any:
    """Return a record or document with terminal control characters and rich markup (`[red]`) escaped."""
    if isinstance(value, str):
        from rich.markup import escape

        return escape(visible(value))
    if isinstance(value, dict):
        return {_escape(name): _escape(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_escape(inner) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _escape(getattr(value, field.name)) for field in fields(value)})
    return value


def _escaped(found: "re.Match[str]") -> str:
    """Return text with invisible characters as JSON escapes; the document stays the same."""
    return "".join(letter if visible(letter) == letter else json.dumps(letter)[1:-1] for letter in found[0])


def fail(failure: Failure) -> None:
    """Print a failure as one line on stderr, whatever the log level; the traceback too when verbose."""
    _escape_unencodable()
    if failure.traceback and logging.getLogger("stockops").level == logging.DEBUG:
        sys.stderr.write(failure.traceback)
    sys.stderr.write(f"stockops: {failure.line}\n")


def _escape_unencodable() -> None:
    """Make the streams escape characters that their encoding lacks (`PYTHONIOENCODING=ascii`, `LC_ALL=C`)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="backslashreplace")


def _is_unicode(stream: TextIO) -> bool:
    """Return whether a stream can encode every character; a Python escape would not be JSON."""
    return codecs.lookup(getattr(stream, "encoding", None) or "utf-8").name.startswith("utf")


@contextmanager
def ctrl_c() -> Iterator[None]:
    """Record Ctrl-C while the context lasts, besides raising KeyboardInterrupt as usual.

    SIGTERM and SIGHUP are handled like Ctrl-C, so no files are left half-written and workers end. Nothing changes for a
    signal that is ignored, as in a script's background or under nohup, or in a thread other than the main one.
    """
    _signals.clear()
    usual: dict[int, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    usual[signal.SIGINT] = signal.default_int_handler
    ours = threading.current_thread() is threading.main_thread()
    seen = [number for number, handler in usual.items() if ours and signal.getsignal(number) is handler]
    for number in seen:
        signal.signal(number, _note)
    try:
        yield
    finally:
        for number in seen:
            signal.signal(number, usual[number])


def _note(number: int, _: object) -> None:
    _signals.append(number)
    raise KeyboardInterrupt


def is_interrupted() -> bool:
    """Return whether Ctrl-C was pressed: a library interrupted during its import may raise any error."""
    return bool(_signals)


def interrupted_code() -> int:
    """Return the exit code of an interrupted call, as shells define it: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (_signals[0] if _signals else signal.SIGINT)


def interrupted() -> None:
    """Print that Ctrl-C ended the call."""
    sys.stderr.write(INTERRUPTED)


def wants_json() -> bool:
    """Return whether results are JSON: by flag, by environment, or because stdout is not a terminal."""
    asked = _as_json or "--json" in sys.argv or os.environ.get("STOCKOPS_JSON", "").lower() in ("1", "true", "yes")
    return asked or not sys.stdout.isatty()
