"""The pictures of a training and of a forecast."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from stockops.adapters import backtest_plot, drift_plot
from stockops.adapters.drawing import ACTUAL, FORECAST, GREY, date_axis, dates_on, png, short
from stockops.forecasting.forecast import Forecast
from stockops.forecasting.scores import Evaluation
from stockops.market import exchanges
from stockops.market.ohlcv import OHLCV

if TYPE_CHECKING:
    from stockops.backtesting.trial import Trial
    from stockops.monitoring.drift import DriftReport

_LABELS = (-0.07, 0.5)  # of the y axes, in shares of a panel: left to themselves they measure every tick first
_SHOWN = 252  # sessions of forecast against actual: a year is what an eye can compare


class PngPlotter:
    """Port Plotter."""

    def predictions(self, evaluation: Evaluation, skill: float | None, unit: str | None) -> bytes:
        """Draw the last year of next-day forecasts against what came."""
        shown = evaluation.dates[-_SHOWN:]
        figure, panels = _panels(f"{evaluation.ticker}: next-day forecast and what came", shown, skill)
        for channel, (panel, name) in enumerate(zip(panels, OHLCV, strict=True)):
            actual, forecast = (block[-_SHOWN:, 0, channel] for block in (evaluation.actual, evaluation.forecast))
            panel.plot(date_axis(shown), actual, color=ACTUAL, lw=1.2, label="actual")
            panel.plot(date_axis(shown), forecast, color=FORECAST, lw=1.0, ls="--", label="forecast")
            panel.set_ylabel(exchanges.labelled(name, "shares" if name == "Volume" else unit))
        panels[-1].yaxis.set_major_formatter(FuncFormatter(short))
        return png(figure, legend=panels[0])

    def residuals(self, evaluation: Evaluation, skill: float | None) -> bytes:
        """Draw what came less the next-day forecast, in percent of the last row, over the whole history."""
        figure, panels = _panels(f"{evaluation.ticker}: actual less next-day forecast", evaluation.dates, skill)
        for channel, (panel, name) in enumerate(zip(panels, OHLCV, strict=True)):
            last = evaluation.last[:, channel]
            miss = evaluation.actual[:, 0, channel] - evaluation.forecast[:, 0, channel]
            percent = np.divide(miss, last, out=np.full_like(miss, np.nan), where=last > 0)  # a volume may be zero
            panel.plot(date_axis(evaluation.dates), percent, color=ACTUAL, lw=0.6, label="residual")
            panel.axhline(0, color=FORECAST, lw=1.0, label="zero: forecast met")
            panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
            _limit(panel, percent)
            panel.set_ylabel(f"{name}\n(% of day before)")
        return png(figure, legend=panels[0])

    def forecast(self, forecast: Forecast) -> bytes:
        """Draw the recent closes, the path, and its 80 % and 95 % ranges."""
        past, closes = zip(*forecast.history, strict=True)
        days = [forecast.last_date, *(bar.date for bar in forecast.path)]
        path = [closes[-1], *(bar.close for bar in forecast.path)]
        figure = Figure(figsize=(10, 5.2), dpi=110)
        figure.subplots_adjust(left=0.09, right=0.985, top=0.88, bottom=0.09)  # a computed layout draws twice
        axes = figure.add_subplot()
        for label, shade, bounds in (
            ("95 % range", 0.15, [bar.close_95 for bar in forecast.path]),
            ("80 % range", 0.30, [bar.close_80 for bar in forecast.path]),
        ):
            low, high = zip((closes[-1], closes[-1]), *bounds, strict=True)
            axes.fill_between(date_axis(days), low, high, color=FORECAST, alpha=shade, lw=0, label=label)
        axes.plot(date_axis(past), closes, color=ACTUAL, lw=1.6, marker="o", ms=2.5, label="close")
        axes.plot(date_axis(days), path, color=FORECAST, lw=1.6, marker="o", ms=3, label="forecast close")
        axes.axvline(date_axis([forecast.last_date])[0], color=GREY, lw=0.8, ls=":")
        axes.set_ylabel(exchanges.labelled("Close", forecast.currency))
        axes.yaxis.set_label_coords(*_LABELS)
        axes.set_title(
            f"{forecast.ticker}: close to {forecast.last_date}, forecast to {forecast.path[-1].date}\n"
            f"{_skill(forecast.skill)}",
            fontsize=11,
            loc="left",
            y=1.02,  # left to itself it measures every tick first
        )
        dates_on(axes)
        axes.legend(loc="upper left", frameon=False, ncols=4, fontsize=9)
        axes.margins(y=0.18)
        return png(figure)

    def backtest(self, document: Mapping[str, Any], trial: "Trial") -> bytes:
        """Draw a backtest."""
        return backtest_plot.draw(document, trial)

    def drift(self, ticker: str, report: "DriftReport", table: pd.DataFrame) -> bytes:
        """Draw every feature of a drift report."""
        return drift_plot.draw(ticker, report, table)


def _panels(title: str, dates: Sequence[date], skill: float | None) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(11, 12), dpi=100)
    figure.subplots_adjust(left=0.1, right=0.985, top=0.94, bottom=0.06, hspace=0.1)  # a computed layout draws twice
    panels = [figure.add_subplot(len(OHLCV), 1, 1)]
    panels += [figure.add_subplot(len(OHLCV), 1, row, sharex=panels[0]) for row in range(2, len(OHLCV) + 1)]
    figure.suptitle(f"{title}, {dates[0]} to {dates[-1]}\n{_skill(skill)}", fontsize=12, x=0.02, y=0.985, ha="left")
    for panel in panels:
        dates_on(panel)
        panel.tick_params(labelbottom=panel is panels[-1])
        panel.yaxis.set_label_coords(*_LABELS)
    return figure, panels


def _limit(panel: Axes, values: Any) -> None:
    """Show all but the wildest thousandth, the same way up and down."""
    finite = np.abs(values[np.isfinite(values)])
    if len(finite) and (bound := float(np.quantile(finite, 0.999))) > 0:
        panel.set_ylim(-1.1 * bound, 1.1 * bound)


def _skill(skill: float | None) -> str:
    if skill is None:
        return "no skill can be stated: the history never moved"
    better = f"{skill:.1%} better" if skill >= 0 else f"{-skill:.1%} worse"
    return f"five-day errors of prices (RMSE) {better} than «tomorrow = today» over the training history"
