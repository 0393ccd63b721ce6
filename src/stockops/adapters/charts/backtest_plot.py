"""Plot of a backtest: skill and range scores by horizon, coverage by year, and a hard month as it was forecast."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from stockops.adapters.charts.axes import ACTUAL, FORECAST, GREY, date_axis, dates_on, png
from stockops.backtesting import summary
from stockops.documents.backtest import BacktestResult, Channel, RangeLevel
from stockops.market import exchanges
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON

if TYPE_CHECKING:
    from stockops.backtesting.evaluation_set import EvaluationSet  # imports torch, which other plots do not need

_COLOURS = {"Open": "#8a8f98", "High": "#2a9d8f", "Low": "#e9a23b", "Close": FORECAST, "Volume": ACTUAL}
_CLOSE = OHLCV.index("Close")
_MONTH = 10  # least sessions of a month that can be called hard


def draw(result: BacktestResult, evaluation: "EvaluationSet") -> bytes:
    """Draw a backtest of at least one month."""
    figure = Figure(figsize=(13.5, 9), dpi=110)
    figure.subplots_adjust(left=0.07, right=0.985, top=0.88, bottom=0.06, hspace=0.32, wspace=0.2)
    grid = figure.add_gridspec(2, 3)
    refit = {"never": "trained once", "yearly": "trained anew each year"}[result.refit]
    span = f"{result.origins:,} forecasts from {result.start} to {result.end}"
    figure.suptitle(
        f"{result.ticker}: {span}, {refit}\neach from a model that had not seen what came",
        fontsize=12,
        x=0.02,
        y=0.985,
        ha="left",
    )
    _skill(figure.add_subplot(grid[0, 0]), result.channels)
    _against(figure.add_subplot(grid[0, 1]), result.ranges)
    _coverage(figure.add_subplot(grid[0, 2]), result.coverage_by_year)
    _hard_month(figure.add_subplot(grid[1, :]), result.data.currency, evaluation)
    return png(figure)


def _skill(panel: Axes, channels: Mapping[str, Channel]) -> None:
    """Draw the skill over the best naive forecast, one line per channel; zero means no better."""
    for name, part in channels.items():
        skills = {int(day): found.skill for day, found in part.horizons.items() if found and found.skill is not None}
        days, width = list(skills), 2.2 if name == "Close" else 1.4
        panel.plot(days, list(skills.values()), color=_COLOURS[name], marker="o", ms=4, lw=width, label=name)
    _by_horizon(panel, even=0)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_title("Skill: error below the best naive forecast's", fontsize=10, loc="left")
    _plain(panel)
    panel.legend(frameon=False, ncols=3, fontsize=8, loc="upper right")
    panel.margins(y=0.18)


def _against(panel: Axes, ranges: Mapping[str, RangeLevel]) -> None:
    """Draw the Winkler score of the model's ranges relative to the best baseline's; below 1 is better."""
    for level, colour in (("80", FORECAST), ("95", ACTUAL)):
        ratios, best = summary.against_best(ranges[level])
        scored = {int(day): ratio for day, ratio in ratios.items() if ratio is not None}
        label = f"{level} % range; best: {best}"
        panel.plot(list(scored), list(scored.values()), color=colour, marker="o", ms=4, lw=1.4, label=label)
    _by_horizon(panel, even=1)
    panel.set_title("Ranges on Close: Winkler score over the best baseline's", fontsize=10, loc="left")
    _plain(panel)
    panel.legend(frameon=False, fontsize=8, loc="upper left")
    panel.margins(y=0.25)


def _by_horizon(panel: Axes, *, even: float) -> None:
    """Set up a panel by sessions ahead, with a line at the value where two forecasts are even."""
    panel.axhline(even, color=GREY, lw=1.2)
    panel.set_xticks(range(1, HORIZON + 1))
    panel.set_xlabel("sessions ahead")


def _coverage(panel: Axes, years: Mapping[str, Mapping[str, float]]) -> None:
    """Draw the share of closes inside their range, by year."""
    places = np.arange(len(years))
    for level, colour in (("80", FORECAST), ("95", ACTUAL)):
        panel.axhline(int(level) / 100, color=colour, lw=1.0, ls="--")
        shares = [found[level] for found in years.values()]
        panel.plot(places, shares, color=colour, marker="o", ms=5, lw=1.2, label=f"in the {level} % range")
    panel.set_xticks(places, list(years))
    panel.set_ylim(0.5, 1.0)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_title("Coverage by year; dashed: what they promise", fontsize=10, loc="left")
    _plain(panel)
    panel.legend(frameon=False, ncols=2, fontsize=8, loc="lower left")


def _hard_month(panel: Axes, unit: str | None, evaluation: "EvaluationSet") -> None:
    """Draw the month of the largest daily moves: actual closes, and a five-session fan from every fifth close."""
    first, last = _wildest(evaluation)
    closes, path = (
        block[..., _CLOSE] * evaluation.unit[..., 0] for block in (evaluation.last[:, None], evaluation.forecast)
    )
    bounds = evaluation.bounds[:, 0] * evaluation.unit[:, :, :1, None]
    days = date_axis(evaluation.dates)
    for origin in range(first, last, HORIZON):
        until = min(HORIZON, len(days) - 1 - origin)
        ahead, start = days[origin : origin + until + 1], closes[origin]
        for level, shade in ((1, 0.15), (0, 0.30)):
            low, high = (np.r_[start, bounds[origin, level, :until, side]] for side in (0, 1))
            label = f"{(80, 95)[level]} % range" if origin == first else None
            panel.fill_between(ahead, low, high, color=FORECAST, alpha=shade, lw=0, label=label)
        label = "forecast close" if origin == first else None
        panel.plot(ahead, np.r_[start, path[origin, :until]], color=FORECAST, lw=1.2, ls="--", label=label)
    shown = slice(max(first - HORIZON, 0), min(last + HORIZON, len(days)))
    panel.plot(days[shown], closes[shown, 0], color=ACTUAL, lw=1.6, marker="o", ms=3, label="close")
    panel.set_ylabel(exchanges.labelled("Close", unit))
    title = f"A hard month, {evaluation.dates[first]:%B %Y}: a forecast of five sessions from every fifth close"
    panel.set_title(title, fontsize=10, loc="left")
    dates_on(panel)
    panel.legend(frameon=False, ncols=4, fontsize=8, loc="upper left")
    panel.margins(y=0.15)


def _wildest(evaluation: "EvaluationSet") -> tuple[int, int]:
    """Return the span of origins, end exclusive, of the month with the largest mean move to the next close."""
    moves = np.abs(evaluation.actual[:, 0, _CLOSE] - evaluation.last[:, _CLOSE])
    months = np.array(evaluation.dates, dtype="datetime64[M]")
    spans = [(int(rows[0]), int(rows[-1]) + 1) for month in np.unique(months) if len(rows := _rows(months, month))]
    whole = [span for span in spans if span[1] - span[0] >= _MONTH]
    return max(whole or spans, key=lambda span: float(np.nanmean(moves[span[0] : span[1]])))


def _rows(months: npt.NDArray[Any], month: Any) -> npt.NDArray[np.int64]:
    return np.flatnonzero(months == month)


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, color="#e4e6ea", lw=0.6)
    panel.spines[["top", "right"]].set_visible(False)
