"""Compares paths beyond a model's five-session horizon with the persistence baseline.

    python benchmarks/long_paths.py --data DIR [--tickers AAPL,KO] [--start 2020-01-02] [--end DAY]

Models are trained on data before the start: `held` repeats the fifth session, as `--days` does, `rolled` feeds the
model its own bars, `pace` extends the close at its mean pace before the start. Errors are mean absolute, of Close.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.app.context import Context
from stockops.app.factories import backtester
from stockops.console.progress import ProgressBars
from stockops.forecasting import inference, ranges
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.ohlcv_constraints import as_bars
from stockops.forecasting.rolling_forecast import rolling_forecasts
from stockops.market import features
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import CONTEXT, HORIZON
from stockops.services import Services
from stockops.settings import load

Floats = npt.NDArray[np.float64]

DAYS = 63
SHOWN = (1, 5, 10, 21, 42, 63)
EVERY = 5  # origins are taken at this step: each path is rolled separately
WARM = 400  # rows of history for the feature with the longest memory
CLOSE = OHLCV.index("Close")


@dataclass(frozen=True)
class Paths:
    """Paths of one symbol, as shares of the close at the origin: actual, and forecast by each rule, (origins, 63).

    bounds: ranges around the held paths, (origins, 2 levels, 63, 2).
    """

    actual: Floats
    said: dict[str, Floats]
    bounds: Floats


def paths(checkpoint: Checkpoint, bars: pd.DataFrame, start: date) -> Paths:
    """Return the paths from every fifth origin whose 63 targets are known."""
    table = features.add(bars)
    forecasts = rolling_forecasts(checkpoint, table, Covariates.unknown(len(table)))
    closes = table["Close"].to_numpy()
    first = int(pd.DatetimeIndex(table.index).searchsorted(pd.Timestamp(start)))
    chosen = np.flatnonzero((forecasts.rows >= first) & (forecasts.rows + DAYS < len(closes)))[::EVERY]
    rows = forecasts.rows[chosen]
    last = closes[rows, None]
    offset, ahead = len(bars) - len(table), np.arange(1, DAYS + 1)
    rolled = np.array([roll(checkpoint, bars.iloc[: row + offset + 1]) for row in rows])
    bars_held = forecasts.bars[chosen][:, np.minimum(ahead, HORIZON) - 1]
    held = bars_held[..., CLOSE]
    bounds = ranges.intervals(bars_held, forecasts.spread[chosen], forecasts.quantiles[chosen])[:, 0]
    pace = np.log(closes[first - 1] / closes[0]) / (first - 1)
    said = {
        "held": held / last,
        "rolled": rolled / last,
        "pace": np.tile(np.exp(pace * ahead), (len(rows), 1)),
    }
    return Paths(closes[rows[:, None] + ahead] / last, said, bounds / last[:, :, None, None])


def roll(checkpoint: Checkpoint, history: pd.DataFrame) -> Floats:
    """Return the closes of 63 sessions, appending the model's own bars to the history five at a time."""
    table, count = history.iloc[-WARM:], min(WARM, len(history))
    last = float(history["Close"].iloc[-1])
    while len(table) < count + DAYS:
        window = features.add(table).to_numpy()[-CONTEXT:]
        said, _ = inference.forecast(checkpoint.weights, window[None], Covariates.unknown(1))
        rows = as_bars(said[0], last_close=last)
        table = pd.concat([table, pd.DataFrame(rows, columns=list(OHLCV))], ignore_index=True)
        last = float(rows[-1, CLOSE])
    return table["Close"].to_numpy()[count : count + DAYS]


def figures(found: Paths, day: int) -> dict[str, float]:
    """Return the figures of one horizon, in percent."""
    actual = found.actual[:, day - 1]
    naive = np.abs(actual - 1).mean()
    low, high = found.bounds[:, :, day - 1, 0], found.bounds[:, :, day - 1, 1]
    inside = 100 * ((low <= actual[:, None]) & (actual[:, None] <= high)).mean(axis=0)
    skill = {name: 100 * (1 - np.abs(path[:, day - 1] - actual).mean() / naive) for name, path in found.said.items()}
    drift = {f"{name} rises": 100 * (path[:, day - 1] - 1).mean() for name, path in found.said.items()}
    return {"persistence": 100 * naive, **skill, **drift, "in 80 %": inside[0], "in 95 %": inside[1]}


def measured(tickers: Sequence[str], data: Path, start: date, end: date | None) -> Iterator[tuple[str, Paths]]:
    """Train the models of a backtest from that start, and yield the paths of each ticker."""
    home = Path(tempfile.mkdtemp())
    os.environ |= {"STOCKOPS_FEATURE_STORE": "off", "STOCKOPS_TRACKING": "off"}
    flags = {"source": "csv", "data_dir": str(data), "as_of": end}
    settings = load(flags, home)
    context = Context("backtest", settings, Services(settings), flags, ProgressBars(shown=False))
    tester = backtester(context)
    market, teacher = tester.history("^GSPC"), tester.trainer
    parent = teacher.parent(market.before(start))
    for ticker in tickers:
        prices = tester.history(ticker)
        child = teacher.child(prices.before(start), market.as_market, parent)
        yield ticker, paths(child, prices.bars, start)


def main() -> None:
    """Print mean, minimum and maximum over the tickers, one line per horizon."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tickers", default="AAPL,AMZN,BRK-B,GOOG,JPM,KO,META,MSFT,NVDA,TSLA,XOM,7203.T")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2020, 1, 2))
    parser.add_argument("--end", type=date.fromisoformat)
    told = parser.parse_args()
    found = dict(measured(told.tickers.split(","), told.data, told.start, told.end))
    origins = sorted({len(shown.actual) for shown in found.values()})
    print(f"{len(found)} tickers, {origins[0]} to {origins[-1]} paths each; mean (least, most) over tickers, percent")
    for day in SHOWN:
        rows = pd.DataFrame({ticker: figures(shown, day) for ticker, shown in found.items()}).T
        cells = [f"{name} {rows[name].mean():.2f} ({rows[name].min():.2f}, {rows[name].max():.2f})" for name in rows]
        print(f"day {day:2d}: " + "; ".join(cells), flush=True)


if __name__ == "__main__":
    main()
