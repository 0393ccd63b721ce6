"""Turns an exception into a message and an exit code: the one place where errors end."""

import os
import re
import tempfile
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stockops.errors import ExitCode, StockopsError, UsageError
from stockops.wording import one_line, visible

if TYPE_CHECKING:
    from stockops.documents.failures import FailedCall, FailedTicker, Problem

# Typer's usage errors (a missing option, a bad choice, an unknown command) share this documented class's parent.
TyperUsageError: type[Exception] = typer.BadParameter.__mro__[1]

_STRAY = re.compile(r"Got unexpected extra arguments? ?\(?s?\)? ?\((\S+).*\)")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: the exit code, the line for stderr, and the content of the document for stdout."""

    code: ExitCode
    line: str
    kind: str
    message: str
    hint: str
    traceback: str = ""

    @property
    def problem(self) -> "Problem":
        """The error as documents contain it."""
        from stockops.documents.failures import Problem

        return Problem(kind=self.kind, message=self.message, hint=self.hint)

    @property
    def document(self) -> "FailedCall":
        """The document of a call that failed as a whole."""
        from stockops.documents.failures import FailedCall

        return FailedCall(error=self.problem)

    def row(self, ticker: str) -> "FailedTicker":
        """Return the document of a ticker that failed."""
        from stockops.documents.failures import FailedTicker

        return FailedTicker(ticker=ticker, error=self.problem)


def describe(exc: Exception) -> Failure:
    """Return the failure of an exception; the traceback of an unexpected one is written to a file."""
    if isinstance(exc, TyperUsageError):
        exc = _usage(exc)
    if isinstance(exc, StockopsError):
        return Failure(exc.exit_code, visible(str(exc)), exc.kind, visible(exc.message), visible(exc.hint))
    text = "".join(traceback.format_exception(exc))
    message = f"a bug: {type(exc).__name__}: {_first_line(exc)}"
    hint = f"the traceback is in {_write_traceback(text)}"
    return Failure(ExitCode.BUG, f"{message}; {hint}", "bug", message, hint, text)


def _usage(exc: Exception) -> UsageError:
    context = getattr(exc, "ctx", None)
    message = " ".join(exc.format_message().split()).rstrip(".")  # type: ignore[attr-defined]  # of the class above
    command = context.command_path if context else "stockops"
    stray = _STRAY.fullmatch(message)
    if stray and context and any(option.name == "ticker" for option in context.command.params):
        return UsageError(f"unexpected argument {stray[1]}", f"use --ticker: {command} --ticker {stray[1]}")
    return UsageError(message, f"see {command} --help")


def _first_line(exc: Exception) -> str:
    lines = str(exc).splitlines()
    return one_line(lines[0]) if lines else ""


def _write_traceback(text: str) -> Path:
    """Write a traceback below the home, or to the temporary folder if the home is not writable."""
    name = f"traceback-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.txt"
    for place in (os.path.join(os.environ.get("STOCKOPS_HOME") or ".", "logs"), tempfile.gettempdir()):
        try:
            folder = Path(place).expanduser().absolute()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except (OSError, RuntimeError, ValueError):  # no space, unknown user, invalid name
            continue
        return folder / name
    return Path(os.devnull)
