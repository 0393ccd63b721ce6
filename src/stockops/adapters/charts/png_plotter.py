"""Plots of a training and of a forecast."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from stockops.adapters.charts import backtest_plot, drift_plot
from stockops.adapters.charts.axes import ACTUAL, FORECAST, GREY, date_axis, dates_on, png, short
from stockops.forecasting.forecast import Forecast
from stockops.forecasting.scores import ModelEvaluation
from stockops.market import exchanges
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON
from stockops.records import WORTH_A_WORD

if TYPE_CHECKING:
    from stockops.backtesting.evaluation_set import EvaluationSet
    from stockops.documents.backtest import BacktestResult
    from stockops.monitoring.drift import DriftReport

_LABELS = (-0.07, 0.5)  # position of y labels, in panel fractions: automatic placement measures every tick first
_SHOWN = 252  # sessions of forecast against actual: a year is legible
_LEARNED = "windows it learned from"


class PngPlotter:
    """Port Plotter."""

    def predictions(self, evaluation: ModelEvaluation, worth: str, unit: str | None) -> bytes:
        """Draw the last year of next-day forecasts against actual values."""
        shown = evaluation.dates[-_SHOWN:]
        figure, panels = _panels(f"{evaluation.ticker}: next-day forecast and what came", shown, worth)
        for channel, (panel, name) in enumerate(zip(panels, OHLCV, strict=True)):
            actual, forecast = (block[-_SHOWN:, 0, channel] for block in (evaluation.actual, evaluation.forecast))
            panel.plot(date_axis(shown), actual, color=ACTUAL, lw=1.2, label="actual")
            panel.plot(date_axis(shown), forecast, color=FORECAST, lw=1.0, ls="--", label=f"forecast, {_LEARNED}")
            _mark(panel, shown, forecast, evaluation.held_out[-_SHOWN:], size=14)
            panel.set_ylabel(exchanges.labelled(name, "shares" if name == "Volume" else unit))
        panels[-1].yaxis.set_major_formatter(FuncFormatter(short))
        return png(figure, legend=panels[0])

    def residuals(self, evaluation: ModelEvaluation, worth: str) -> bytes:
        """Draw the residuals, actual minus next-day forecast, in percent of the last row, over the whole history."""
        figure, panels = _panels(f"{evaluation.ticker}: actual less next-day forecast", evaluation.dates, worth)
        for channel, (panel, name) in enumerate(zip(panels, OHLCV, strict=True)):
            last = evaluation.last[:, channel]
            miss = evaluation.actual[:, 0, channel] - evaluation.forecast[:, 0, channel]
            percent = np.divide(miss, last, out=np.full_like(miss, np.nan), where=last > 0)  # a volume may be zero
            panel.plot(
                date_axis(evaluation.dates), percent, color=ACTUAL, lw=0.5, alpha=0.6, label=f"residual, {_LEARNED}"
            )
            _mark(panel, evaluation.dates, percent, evaluation.held_out, size=5)
            panel.axhline(0, color=GREY, lw=1.0, label="zero: forecast met")
            panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
            _limit(panel, percent)
            panel.set_ylabel(f"{name}\n(% of day before)")
        return png(figure, legend=panels[0])

    def forecast(self, forecast: Forecast) -> bytes:
        """Draw recent closes and the path with its 80 % and 95 % ranges; what is beyond the model's horizon in grey."""
        past, closes = zip(*forecast.history, strict=True)
        figure = Figure(figsize=(10, 5.2), dpi=110)
        title = f"{forecast.ticker}: close to {forecast.last_date}, forecast to {forecast.path[-1].date}"
        lines = [title, forecast.worth, *_reservations(forecast)]
        top = 0.964 - 0.033 * len(lines)
        figure.subplots_adjust(left=0.09, right=0.985, top=top, bottom=0.09)  # automatic layout draws twice
        axes = figure.add_subplot()
        axes.plot(date_axis(past), closes, color=ACTUAL, lw=1.6, marker="o", ms=2.5, label="close")
        origin = _Point(forecast.last_date, closes[-1], (closes[-1], closes[-1]), (closes[-1], closes[-1]))
        path = [origin, *(_Point(bar.date, bar.close, bar.close_80, bar.close_95) for bar in forecast.path)]
        _fan(axes, path[: HORIZON + 1])
        if len(path) > HORIZON + 1:
            _beyond(axes, path[HORIZON:])
        axes.axvline(date_axis([forecast.last_date])[0], color=GREY, lw=0.8, ls=":")
        axes.set_ylabel(exchanges.labelled("Close", forecast.currency))
        axes.yaxis.set_label_coords(*_LABELS)
        axes.set_title("\n".join(lines), fontsize=10, loc="left", y=1.02)  # otherwise it measures every tick first
        dates_on(axes)
        axes.legend(loc="upper left", frameon=False, ncols=3, fontsize=9)
        axes.margins(y=0.22)
        return png(figure)

    def backtest(self, result: "BacktestResult", evaluation: "EvaluationSet") -> bytes:
        """Draw a backtest."""
        return backtest_plot.draw(result, evaluation)

    def drift(self, ticker: str, report: "DriftReport", table: pd.DataFrame) -> bytes:
        """Draw every feature of a drift report."""
        return drift_plot.draw(ticker, report, table)


@dataclass(frozen=True, slots=True)
class _Point:
    """A close on a path, with its ranges."""

    day: date
    close: float
    close_80: tuple[float, float]
    close_95: tuple[float, float]


def _fan(axes: Axes, path: Sequence[_Point]) -> None:
    """Draw the model's own forecast."""
    _bands(axes, path, FORECAST, (0.15, 0.30), ("95 % range", "80 % range"))
    days, closes = date_axis([point.day for point in path]), [point.close for point in path]
    axes.plot(days, closes, color=FORECAST, lw=1.6, marker="o", ms=3, label="forecast close")


def _beyond(axes: Axes, path: Sequence[_Point]) -> None:
    """Draw the extrapolation from the last session that the model forecasts."""
    _bands(axes, path, GREY, (0.08, 0.14), (None, None))
    days, closes = date_axis([point.day for point in path]), [point.close for point in path]
    label = f"beyond {HORIZON} sessions: extrapolated, not scored"
    axes.plot(days, closes, color=GREY, lw=1.2, ls=":", label=label)


def _bands(
    axes: Axes, path: Sequence[_Point], colour: str, shades: Sequence[float], labels: Sequence[str | None]
) -> None:
    """Draw the 95 % ranges of a path, with the 80 % ranges on top."""
    days = date_axis([point.day for point in path])
    bounds = ([point.close_95 for point in path], [point.close_80 for point in path])
    for pairs, shade, label in zip(bounds, shades, labels, strict=True):
        low, high = zip(*pairs, strict=True)
        axes.fill_between(days, low, high, color=colour, alpha=shade, lw=0, label=label)


def _reservations(forecast: Forecast) -> Iterator[str]:
    """Yield caveats about a forecast's prices and model."""
    if forecast.behind > 1:
        yield f"prices end {forecast.behind} sessions too early"
    if forecast.model_age > WORTH_A_WORD:
        yield f"model trained to {forecast.trained_to}, {forecast.model_age} sessions ago"
    if forecast.model_source != forecast.source:
        yield f"model trained on prices from {forecast.model_source}, asked about prices from {forecast.source}"
    if forecast.ranges_from != forecast.ticker:
        yield f"its own history is short: ranges calibrated on {forecast.ranges_from}"


def _panels(title: str, dates: Sequence[date], worth: str) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(11, 12), dpi=100)
    figure.subplots_adjust(left=0.1, right=0.985, top=0.94, bottom=0.06, hspace=0.1)  # automatic layout draws twice
    panels = [figure.add_subplot(len(OHLCV), 1, 1)]
    panels += [figure.add_subplot(len(OHLCV), 1, row, sharex=panels[0]) for row in range(2, len(OHLCV) + 1)]
    figure.suptitle(f"{title}, {dates[0]} to {dates[-1]}\n{worth}", fontsize=12, x=0.02, y=0.985, ha="left")
    for panel in panels:
        dates_on(panel)
        panel.tick_params(labelbottom=panel is panels[-1])
        panel.yaxis.set_label_coords(*_LABELS)
    return figure, panels


def _mark(panel: Axes, dates: Sequence[date], values: Any, held_out: Any, *, size: float) -> None:
    """Mark the forecasts of held-out windows, which the training did not learn from."""
    days = date_axis(dates)[held_out]
    panel.scatter(days, values[held_out], s=size, color=FORECAST, zorder=3, lw=0, label="held out of the training")


def _limit(panel: Axes, values: Any) -> None:
    """Limit the y axis, symmetrically, to all but the most extreme thousandth."""
    finite = np.abs(values[np.isfinite(values)])
    if len(finite) and (bound := float(np.quantile(finite, 0.999))) > 0:
        panel.set_ylim(-1.1 * bound, 1.1 * bound)
