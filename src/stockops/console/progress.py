"""Progress on stderr: epochs with their losses, an answer being written; none unless stderr is a terminal."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stockops.console import terminal
from stockops.records import EpochLoss


class ProgressBars:
    """Port ProgressReporter: bars and spinners on stderr."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()

    @contextmanager
    def tickers(self, label: str, total: int) -> Iterator[Callable[[bool], None]]:
        """Show one bar of tickers while the context lasts, and no other; call the function with each ticker's success.

        Results on the same screen are printed above it; there is no bar beside lines of JSON, which it would break.
        """
        if not self._shown or (sys.stdout.isatty() and terminal.wants_json()):
            yield lambda _: None
            return
        self._shown, failures = False, 0
        try:
            with _bar(label, total, style="red") as update:

                def done(well: bool) -> None:
                    nonlocal failures
                    failures += not well
                    update(advance=1, status=f"{failures} failed" if failures else "")

                yield done
        finally:
            self._shown = True

    @contextmanager
    def epochs(self, label: str, total: int) -> Iterator[Callable[[EpochLoss], None]]:
        """Show one bar of epochs while the context lasts."""
        if not self._shown:
            yield lambda _: None
            return
        with _bar(label, total) as update:

            def done(epoch: EpochLoss) -> None:
                losses = f"loss {epoch.loss:.5f}  validation {epoch.validation_loss:.5f}"
                update(completed=epoch.epoch, status=losses)

            yield done

    @contextmanager
    def writing(self, label: str) -> Iterator[Callable[[int], None]]:
        """Show a spinner and the number of characters written while the context lasts."""
        if not self._shown:
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(f"{label} reads")
            yield lambda characters: bars.update(task, description=f"{label} writes: {characters:,} characters")


@contextmanager
def _bar(label: str, total: int, *, style: str = "none") -> Iterator[Callable[..., None]]:
    """Show one bar while the context lasts; the function advances it and sets the status beside it.

    Terminal output meanwhile appears above the bar; output to a file or a pipe is left alone.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    status = TextColumn("{task.fields[status]}", style=style)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), status, TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
        task = bars.add_task(label, total=total, status="")
        yield functools.partial(bars.update, task)
