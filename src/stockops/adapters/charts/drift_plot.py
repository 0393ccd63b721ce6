"""Plot of a drift report: every feature over both windows."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from stockops.adapters.charts.axes import ACTUAL, FORECAST, GREY, date_axis, dates_on, png, short
from stockops.market.features import FEATURES

if TYPE_CHECKING:
    from stockops.monitoring.drift import DriftReport  # imports scipy, which a forecast's plot does not need

_COLUMNS = 2
_ROWS = 4


def draw(ticker: str, report: "DriftReport", table: pd.DataFrame) -> bytes:
    """Draw the features and the daily returns over both windows of a report that was not skipped."""
    assert report.reference is not None
    assert report.current is not None
    shown = table.loc[pd.Timestamp(report.reference[0]) : pd.Timestamp(report.current[1])]
    figure = Figure(figsize=(12, 11), dpi=110)
    figure.subplots_adjust(left=0.07, right=0.985, top=0.9, bottom=0.05, hspace=0.34, wspace=0.16)
    figure.suptitle(_title(ticker, report), fontsize=12, x=0.02, y=0.985, ha="left")
    for place, name in enumerate(FEATURES, 1):
        _feature(figure.add_subplot(_ROWS, _COLUMNS, place), name, report, shown[name])
    _changes(figure.add_subplot(_ROWS, _COLUMNS, len(FEATURES) + 1), report, shown["Close"])
    return png(figure, legend=figure.axes[0], place="upper right")


def _title(ticker: str, report: "DriftReport") -> str:
    returns = report.returns.health if report.returns else "-"
    return (
        f"{ticker}: drift as of {report.as_of}\n"
        f"levels: {report.health}, score {report.score:.2f}, volatility ratio {report.volatility_ratio:.2f}\n"
        f"returns: {returns}"
    )


def _feature(panel: Axes, name: str, report: "DriftReport", series: "pd.Series[float]") -> None:
    """Draw one feature with the mean of each window and one standard deviation around the reference's."""
    shift = report.shifts[name]
    reference, current = _split(series, report)
    _lines(panel, reference, current)
    spread = float(reference.std(ddof=1))
    middle = shift.reference_mean
    panel.axhspan(middle - spread, middle + spread, color=ACTUAL, alpha=0.10, lw=0, label="reference ± 1 sd")
    for part, mean, colour in ((reference, middle, ACTUAL), (current, shift.current_mean, FORECAST)):
        days = date_axis(list(pd.DatetimeIndex(part.index).date))
        panel.hlines(mean, days[0], days[-1], color=colour, lw=1.4, ls="--")
    panel.set_title(f"{name}: shift of {shift.score:.2f} sd", fontsize=10, loc="left")
    if name == "Volume":
        panel.yaxis.set_major_formatter(FuncFormatter(short))
    dates_on(panel)


def _changes(panel: Axes, report: "DriftReport", close: "pd.Series[float]") -> None:
    """Draw the daily changes of the close, whose spread is the volatility."""
    reference, current = (part.pct_change().dropna() for part in _split(close, report))
    _lines(panel, reference, current)
    panel.axhline(0, color=GREY, lw=0.8)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    before, after = (100 * spread for spread in report.volatility)
    title = f"Daily change of Close: {before:.2f} % to {after:.2f} % a day, ratio {report.volatility_ratio:.2f}"
    panel.set_title(title, fontsize=10, loc="left")
    dates_on(panel)


def _lines(panel: Axes, reference: "pd.Series[float]", current: "pd.Series[float]") -> None:
    for part, colour, label in ((reference, ACTUAL, "reference"), (current, FORECAST, "current")):
        days = date_axis(list(pd.DatetimeIndex(part.index).date))
        panel.plot(days, np.asarray(part), color=colour, lw=1.2, label=label)


def _split(series: "pd.Series[float]", report: "DriftReport") -> "tuple[pd.Series[float], pd.Series[float]]":
    assert report.reference is not None
    assert report.current is not None
    middle = pd.Timestamp(report.current[0])
    return series[series.index < middle], series[series.index >= middle]
