"""The `backtest` use case: history -> models trained on earlier data -> a forecast from every close -> scores.

Forecasts and intervals use only data available at their origin: models are trained on sessions before the first one,
features look back only, and intervals use a residual only once its target session has come.
"""

import csv
import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.arrays import Floats
from stockops.backtesting import har, scoring, summary, value_at_risk
from stockops.backtesting.evaluation_set import (
    CLOSE,
    VOLUME,
    BaselineForecast,
    EvaluationSet,
    build_evaluation_set,
    joined,
)
from stockops.documents.backtest import BacktestResult
from stockops.documents.encoding import encoded
from stockops.errors import DataError
from stockops.forecasting import covariates, risk
from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.ohlcv_constraints import round_price
from stockops.forecasting.risk import Losses
from stockops.forecasting.rolling_forecast import rolling_forecasts
from stockops.market import features
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import FORECASTABLE, HORIZON, TRAINABLE
from stockops.optional_services import OptionalServices
from stockops.pipelines.backtest_models import BacktestModelTrainer
from stockops.pipelines.prices import Prices
from stockops.ports import BaselineForecaster, ModelStore, Plotter
from stockops.records import MARKET, METHOD, Baseline, ModelRef, Refit

log = logging.getLogger("stockops.backtest")

Rows = npt.NDArray[np.int64]

_MIN_ORIGINS = 60  # fewer cannot measure 5 % events
_SHARE, _MOST_ORIGINS = 1 / 3, 1_260  # without a start: the last third, at most five years
_OF_CHILDREN: tuple[Baseline, ...] = ("parent", "scratch", "freeze", "fine_tune")
COLUMNS = (
    "origin", "horizon", "target", "open", "high", "low", "close", "volume",
    *(f"{name}_{level}_{side}" for name in ("close", "high", "low") for level in (80, 95) for side in ("low", "high")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """Options of a backtest.

    start: the first origin, None for the last third of the history. keep_tested: whether the parent may learn from the
    tested ticker if the universe has it, as in production; if not, the parent knows it no more than a new ticker.
    """

    start: date | None
    refit: Refit
    baselines: tuple[Baseline, ...]
    keep_tested: bool = False


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts from consecutive origins in raw units: OHLCV (origins, 5, 5), intervals (origins, 3 channels, 2, 5, 2).

    losses: as predicted. ranges_from: whose residuals calibrated the first model's intervals. strategy: how the last
    model was trained.
    """

    rows: Rows
    bars: Floats
    bounds: Floats
    losses: Losses
    ranges_from: str
    strategy: str | None

    @property
    def as_baseline(self) -> BaselineForecast:
        """The same as a baseline for another model, with intervals on Close only."""
        return BaselineForecast(self.bars, self.bounds[:, 0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtester:
    """Backtests a ticker's model.

    history, universe: the prices that this call may see, of what is tested and of what the parent learns from; they end
    with the last origin and are adjusted as of then. export: takes the individual forecasts as CSV, None to skip.
    """

    history: Callable[[str], Prices]
    universe: Callable[[Iterable[str]], Iterator[Prices]]
    trainer: BacktestModelTrainer
    peers: BaselineForecaster
    models: ModelStore
    plots: Plotter | None
    optional: OptionalServices
    export: Callable[[bytes], None] | None
    options: BacktestOptions

    def backtest(self, ticker: str) -> BacktestResult:
        """Backtest a ticker; write the report and its plot, and export the forecasts if requested."""
        started = time.monotonic()
        prices = self.history(ticker)
        table = features.add(prices.bars)
        rows = self._origins(prices, table)
        market = prices if ticker == MARKET else self.history(MARKET)
        known = covariates.of(table, prices.calendar, market.as_market)
        parts = tuple(_parts(table, rows, self.options.refit))
        plan = BacktestPlan(prices, table, known, rows, parts, self._others(ticker))
        forecasts = self._forecasts(plan, lambda day: self._model(plan, market, day))
        evaluation = build_evaluation_set(table, rows, forecasts.bars, forecasts.bounds)
        result = self._result(plan, evaluation, forecasts, self._baselines(plan, market))
        if self.export:
            self.export(_csv(prices, table, forecasts))
        return self._write(result, evaluation, started)

    def _origins(self, prices: Prices, table: pd.DataFrame) -> Rows:
        """Return the rows of the origins; DataError for a span that cannot be tested."""
        start, count = self.options.start, len(table)
        days = pd.DatetimeIndex(table.index)
        least = TRAINABLE if prices.symbol == MARKET else FORECASTABLE
        default = max(TRAINABLE, count - min(round(count * _SHARE), _MOST_ORIGINS))
        default = max(least, min(default, count - _MIN_ORIGINS))  # a young ticker still gets enough origins
        first = default if start is None else int(days.searchsorted(pd.Timestamp(start)))
        if first < least:
            raise DataError(
                f"{prices.symbol}: too few sessions before {start} to forecast from: {first}, and {least} are needed",
                f"choose a later --start, {days[least].date()} at the earliest" if count > least else "",
            )
        if count - first < _MIN_ORIGINS:
            raise DataError(
                f"{prices.symbol}: too few sessions to test on: {max(count - first, 0)} to {prices.last}, "
                f"and {_MIN_ORIGINS} are needed",
                "choose an earlier --start" if count >= least + _MIN_ORIGINS else "use a longer history",
            )
        return np.arange(first, count)

    def _others(self, ticker: str) -> tuple[Prices, ...]:
        """Return the histories of the universe, without the tested one unless `keep_tested`."""
        symbols = self.trainer.options.universe
        return tuple(self.universe(each for each in symbols if each != ticker or self.options.keep_tested))

    def _parent(self, plan: "BacktestPlan", market: Prices, day: date) -> Checkpoint:
        """Return the parent that a user would have had before that day."""
        others = (other.before(day) for other in plan.others)
        return self.trainer.parent(market.before(day), [other for other in others if len(other.bars)])

    def _model(self, plan: "BacktestPlan", market: Prices, day: date) -> Checkpoint:
        """Return the model that a user would have had before that day."""
        prices, parent = plan.prices, self._parent(plan, market, day)
        return parent if prices.symbol == MARKET else self.trainer.child(prices.before(day), market.as_market, parent)

    def _forecasts(self, plan: "BacktestPlan", model: Callable[[date], Checkpoint]) -> Forecasts:
        """Forecast from every origin of each part, with a model from before the part's first day."""
        days = [pd.Timestamp(stamp).date() for stamp in plan.table.index]
        found: list[Forecasts] = []
        for part in plan.parts:
            checkpoint = model(days[part[0]])
            rolled = rolling_forecasts(checkpoint, plan.table, plan.covariates, last=days[part[-1]])
            wanted = rolled.rows >= part[0]
            whose = checkpoint.card.ranges_from
            last = plan.table.to_numpy()[rolled.rows, CLOSE]
            lost = risk.losses(last, rolled.bars, rolled.spread, rolled.quantiles, checkpoint.shortfall).at(wanted)
            how = checkpoint.card.strategy
            found.append(Forecasts(rolled.rows[wanted], rolled.bars[wanted], rolled.ranges[wanted], lost, whose, how))
        return Forecasts(
            rows=np.concatenate([part.rows for part in found]),
            bars=np.concatenate([part.bars for part in found]),
            bounds=np.concatenate([part.bounds for part in found]),
            losses=Losses.joined([part.losses for part in found]),
            ranges_from=found[0].ranges_from,
            strategy=found[-1].strategy,
        )

    def _baselines(self, plan: "BacktestPlan", market: Prices) -> dict[str, BaselineForecast]:
        """Return the forecasts of the requested baselines, skipping those that do not apply."""
        ticker = plan.prices.symbol
        found: dict[str, BaselineForecast] = {}
        for name in self.options.baselines:
            if name in _OF_CHILDREN and ticker == MARKET:
                log.info("%s is the parent: --baselines %s is of children", ticker, name)
            elif name == self.trainer.options.strategy:
                log.info("--baselines %s is what is tested", name)
            elif name == "scratch" and plan.rows[0] < TRAINABLE:
                log.info("%s is too young for --baselines scratch", ticker)
            else:
                found[name] = self._baseline(name, plan, market)
        return found

    def _baseline(self, name: Baseline, plan: "BacktestPlan", market: Prices) -> BaselineForecast:
        prices, given = plan.prices, self.trainer
        if name == "drift":
            return _drift(plan.table, plan.rows)
        if name == "parent":
            return self._forecasts(plan, lambda day: self._parent(plan, market, day)).as_baseline
        if name == "scratch":
            return self._forecasts(
                plan, lambda day: given.from_scratch(prices.before(day), market.as_market)
            ).as_baseline
        if name in ("freeze", "fine_tune"):
            other = replace(self, trainer=given.with_strategy(name))
            return other._forecasts(plan, lambda day: other._model(plan, market, day)).as_baseline
        values = plan.table.to_numpy()[:, : len(OHLCV)]
        if name == "har":
            known = plan.covariates.traits
            return joined([har.forecasts(values[: part[-1] + 1], part, known[: part[-1] + 1]) for part in plan.parts])
        return joined([self.peers.forecasts(name, values[: part[-1] + 1], part) for part in plan.parts])

    def _result(
        self,
        plan: "BacktestPlan",
        evaluation: EvaluationSet,
        forecasts: Forecasts,
        peers: Mapping[str, BaselineForecast],
    ) -> BacktestResult:
        prices, options = plan.prices, self.trainer.options
        others = {name: evaluation.in_units(forecast) for name, forecast in peers.items()}
        channels = scoring.channels(evaluation)
        ranges = scoring.intervals(evaluation, {name: forecast.bounds for name, forecast in others.items()})
        start, end = (evaluation.dates[place].isoformat() for place in (0, -1))
        origins, source, refit = len(evaluation.dates), prices.source, self.options.refit
        return BacktestResult(
            ticker=prices.symbol,
            source=source,
            data=prices.data,
            start=start,
            end=end,
            origins=origins,
            refit=refit,
            trainings=len(plan.parts),
            method=METHOD,
            panel=tuple(other.symbol for other in plan.others),
            split=options.split,
            seed=options.seed,
            channels=channels,
            ranges=ranges,
            extremes=scoring.extremes(evaluation),
            coverage_by_year=scoring.coverage_by_year(evaluation),
            crps=scoring.crps(evaluation),
            peers={name: scoring.peer(evaluation, forecast.bars) for name, forecast in others.items()},
            summary=summary.brief(
                prices.symbol, channels, ranges, start=start, end=end, origins=origins, source=source, refit=refit
            ),
            strategy=forecasts.strategy,
            risk=value_at_risk.figures(evaluation, forecasts.losses),
            ranges_from=forecasts.ranges_from,
        )

    def _write(self, result: BacktestResult, evaluation: EvaluationSet, started: float) -> BacktestResult:
        """Write the report and its plot; return it with the fields that only this call knows."""
        files = {"backtest/latest_backtest.json": encoded(result)}
        if self.plots:
            files = {"backtest/latest_backtest.png": self.plots.backtest(result, evaluation)} | files
        artifacts = self.optional.save(lambda: self.models.write(ModelRef.of(result.ticker), files)) or ()
        seconds = round(time.monotonic() - started, 3)
        return replace(result, artifacts=artifacts, duration_seconds=seconds, degraded=self.optional.degraded)


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """Input of a backtest: a history, its features and covariates, the rows of the origins, the same in parts.

    Each part has its own model. others: histories that the parent learns from besides the index.
    """

    prices: Prices
    table: pd.DataFrame
    covariates: Covariates
    rows: Rows
    parts: tuple[Rows, ...]
    others: tuple[Prices, ...]


def _parts(table: pd.DataFrame, rows: Rows, refit: Refit) -> Sequence[Rows]:
    """Return the origins in one part, or one part per calendar year."""
    if refit == "never":
        return [rows]
    years = pd.DatetimeIndex(table.index)[rows].year
    return [rows[years == year] for year in sorted(set(years))]


def _drift(table: pd.DataFrame, rows: Rows) -> BaselineForecast:
    """Return Close extrapolated at its mean log return before the first origin; NaN in other channels."""
    closes = table["Close"].to_numpy()
    pace = np.log(closes[rows[0] - 1] / closes[0]) / (rows[0] - 1)
    predicted = np.full((len(rows), HORIZON, len(OHLCV)), np.nan)
    predicted[..., CLOSE] = closes[rows, None] * np.exp(pace * np.arange(1, HORIZON + 1))
    return BaselineForecast(predicted)


def _csv(prices: Prices, table: pd.DataFrame, forecasts: Forecasts) -> bytes:
    """Return every forecast as CSV, one row per origin and horizon, including those whose target is still to come."""
    days = [pd.Timestamp(stamp).date() for stamp in table.index]
    days += prices.calendar.next_sessions(days[-1], HORIZON)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row, bars, bounds in zip(forecasts.rows, forecasts.bars, forecasts.bounds, strict=True):
        for step in range(HORIZON):
            figures = [round_price(value) for value in (*bars[step, :VOLUME], *bounds[:, :, step].ravel())]
            figures.insert(VOLUME, round(bars[step, VOLUME]))
            writer.writerow([days[row], step + 1, days[row + step + 1], *figures])
    return text.getvalue().encode()
