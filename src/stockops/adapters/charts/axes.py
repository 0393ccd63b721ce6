"""Common to all plots: colours, date axes, and PNG output without a display. The owner of matplotlib."""

import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

Place = Literal["lower right", "upper right"]

ACTUAL, FORECAST, GREY = "#1f3b5c", "#d1495b", "#8a8f98"


def short(value: float, _: object) -> str:
    """Format 1.2e9 as 1.2B."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def dates_on(axes: Axes) -> None:
    """Set up a date axis, with a plain grid and frame."""
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.grid(visible=True, color="#e4e6ea", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def date_axis(days: Sequence[date]) -> Any:
    """Return days in the form that matplotlib plots."""
    return np.array(days, dtype="datetime64[D]")


def png(
    figure: Figure, legend: Axes | None = None, place: Literal["lower right", "upper right"] = "lower right"
) -> bytes:
    """Return a figure as a PNG, with the legend of one of its panels at a place in the figure.

    Its text goes into the file's Description, for readers who cannot see it.
    """
    if legend is not None:
        handles, labels = legend.get_legend_handles_labels()
        figure.legend(handles, labels, loc=place, ncols=2, frameon=False)
    buffer = io.BytesIO()
    packing = {"compress_level": 3}  # half the time of the default, for a twelfth more bytes
    about = {"Software": None, "Description": "\n".join(_words(figure))}
    FigureCanvasAgg(figure).print_png(buffer, metadata=about, pil_kwargs=packing)
    return buffer.getvalue()


def _words(figure: Figure) -> Iterator[str]:
    """Yield the titles, axis labels and notes from top to bottom, then the legend entries."""
    legends = list(figure.legends)
    yield from filter(None, [figure.get_suptitle()])
    for panel in figure.axes:
        yield from filter(None, (panel.get_title(loc="left"), panel.get_xlabel(), panel.get_ylabel()))
        yield from (note.get_text() for note in panel.texts)
        legends += filter(None, [panel.get_legend()])
    yield from (entry.get_text() for legend in legends for entry in legend.get_texts())
