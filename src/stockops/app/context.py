"""A request: its settings, the services that they choose, and its symbols. It knows no terminal."""

import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stockops.errors import UsageError

if TYPE_CHECKING:
    from stockops.ports import ProgressReporter
    from stockops.services import Services
    from stockops.settings import Settings

T = TypeVar("T")

_MOST_TEXT = 4 << 20  # characters of a list of symbols on stdin

# Settings that no worker gets: it is given its ticker, and delegates no work.
CALLER_ONLY_SETTINGS = {
    "ticker", "tickers_file", "json_output", "jobs", "engine", "ray_address", "background", "wait",
}  # fmt: skip


class Context:
    """What a use case is given; `factories` builds pipelines from it."""

    def __init__(
        self,
        name: str,
        settings: "Settings",
        services: "Services",
        given: Mapping[str, Any],
        progress: "ProgressReporter",
        takes: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name  # of the command, as typed
        self.takes = takes  # the names of its options
        self.settings = settings
        self.services = services
        self.given = given  # what the caller passed, including arguments that are not settings
        self.progress = progress
        self._made: dict[object, Any] = {}

    def once(self, make: "Callable[[Context], T]") -> T:
        """Return what a factory makes of this request, created on first use."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    @cached_property
    def tickers(self) -> tuple[str, ...]:
        """The requested symbols, validated, without duplicates, in order; UsageError if there are none."""
        from stockops.market.symbols import parse

        named = [*self.settings.ticker, *self._tickers_from_file()]
        if not named:
            ways = "--ticker T or --tickers-file FILE" if "tickers_file" in self.takes else "--ticker T"
            raise UsageError("no ticker", f"give {ways}")
        return tuple(dict.fromkeys(parse(text) for text in named))

    @property
    def one_ticker(self) -> str:
        """The one requested symbol; UsageError if there are none or several."""
        if len(self.tickers) > 1:
            raise UsageError("this command takes one --ticker")
        return self.tickers[0]

    @property
    def environment(self) -> dict[str, str]:
        """The flags of this call as environment variables, for a worker that is to do the same.

        Tickers are left out: a worker is given one. It trains a missing model itself, or it would start another worker.
        """
        from stockops.settings import Settings, variable

        names = set(self.given) & set(Settings.model_fields) - CALLER_ONLY_SETTINGS
        values = {variable(name): getattr(self.settings, name) for name in names}
        given = {name: str(int(value) if value is True else value) for name, value in values.items()}
        return given | {variable("on_missing"): "train"}

    def listed(self, option: str, path: Path) -> list[str]:
        """Return the symbols of a file as written there; - is stdin."""
        from stockops.market.symbols import listed

        try:
            text = _stdin() if str(path) == "-" else self.services.read_text(path)
        except (OSError, ValueError) as exc:
            raise UsageError(f"{option} {path} {exc}", "write one symbol a line") from exc
        return listed(text)

    def _tickers_from_file(self) -> list[str]:
        path = self.settings.tickers_file
        return [] if path is None else self.listed("--tickers-file", path)


def _stdin() -> str:
    text = sys.stdin.read(_MOST_TEXT + 1)
    if len(text) > _MOST_TEXT:
        raise ValueError(f"holds more than {_MOST_TEXT >> 20} MiB")
    return text
