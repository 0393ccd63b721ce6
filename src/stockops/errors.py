"""The error tree: each class has an exit code; each message says what is wrong, its hint how to fix it.

StockopsError
├── UsageError           2   the call or the configuration is wrong
├── DataError            3   data missing or unusable
├── ModelError           4
│   ├── ModelMissingError    no model for this ticker (yet)
│   └── ModelDamagedError    a damaged checkpoint
├── ServiceError         5   a service that this call requires is down
└── TryAgainError       75   rate limited, timed out, or another process is doing it

Any other exception that reaches the top is a bug (exit 1). Ctrl-C exits with 130, `--fail-on` with 6.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes for shell scripts; stable, and listed in the README."""

    OK = 0
    BUG = 1
    USAGE = 2
    DATA = 3
    MODEL = 4
    SERVICE = 5
    FAIL_ON = 6
    TRY_AGAIN = 75
    INTERRUPTED = 130


class StockopsError(Exception):
    """An expected failure: one line for the user and a hint on what to do."""

    exit_code: ClassVar[ExitCode]
    kind: ClassVar[str]

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(StockopsError):
    """The command line, the environment or `.env` is wrong."""

    exit_code = ExitCode.USAGE
    kind = "usage"


class DataError(StockopsError):
    """Prices are missing, malformed or too few."""

    exit_code = ExitCode.DATA
    kind = "data"


class ModelError(StockopsError):
    """A model cannot be used."""

    exit_code = ExitCode.MODEL
    kind = "model"


class ModelMissingError(ModelError):
    """No model is trained yet; an auto-healing caller may train one and continue."""


class ModelDamagedError(ModelError):
    """The checkpoint differs from what was written; never forecast with it."""


class ServiceError(StockopsError):
    """A service failed; a call that can do without it continues (optional_services), any other ends here.

    alive: it responded, but with nothing usable, so the next unit of work may try it again.
    """

    exit_code = ExitCode.SERVICE
    kind = "service"

    def __init__(self, message: str, hint: str = "", *, service: str = "", alive: bool = False) -> None:
        super().__init__(message, hint)
        self.service = service
        self.alive = alive


class TryAgainError(StockopsError):
    """The same call may succeed later."""

    exit_code = ExitCode.TRY_AGAIN
    kind = "try_again"
