"""Progress on stderr: epochs with their losses, an answer that is being written; none where it is no terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stockops.commands import terminal
from stockops.records import EpochLoss


class Bars:
    """Ports Progress and Writing."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()

    @contextmanager
    def tickers(self, label: str, total: int) -> Iterator[Callable[[bool], None]]:
        """Show one bar of tickers while the context lasts, no other beside it; the function is told of each whether
        it went well.

        Results that go to the same screen are printed above it, but for lines of JSON, which it would break.
        """
        if not self._shown or (sys.stdout.isatty() and terminal.wants_json()):
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failures]}", style="red"),
            TimeRemainingColumn(),
        )
        self._shown, failures = False, 0
        try:
            screen = Console(stderr=True)
            with Progress(*columns, console=screen, transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
                task = bars.add_task(label, total=total, failures="")

                def done(well: bool) -> None:
                    nonlocal failures
                    failures += not well
                    bars.update(task, advance=1, failures=f"{failures} failed" if failures else "")

                yield done
        finally:
            self._shown = True

    @contextmanager
    def epochs(self, label: str, total: int) -> Iterator[Callable[[EpochLoss], None]]:
        """Show one bar while the context lasts."""
        if not self._shown:
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(label, total=total, losses="")

            def done(epoch: EpochLoss) -> None:
                losses = f"loss {epoch.loss:.5f}  validation {epoch.validation_loss:.5f}"
                bars.update(task, completed=epoch.epoch, losses=losses)

            yield done

    @contextmanager
    def writing(self, label: str) -> Iterator[Callable[[int], None]]:
        """Show a spinner and how much has been written while the context lasts."""
        if not self._shown:
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(f"{label} reads")
            yield lambda characters: bars.update(task, description=f"{label} writes: {characters:,} characters")
