"""From a call to the pipelines it runs: options out of its settings, ports out of its services."""

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from stockops.commands import measuring
from stockops.commands.run import Run
from stockops.errors import UsageError
from stockops.records import MARKET, TrainOptions

if TYPE_CHECKING:
    from stockops.pipelines.analysis import Analyst
    from stockops.pipelines.backtest import Backtester
    from stockops.pipelines.monitor import Monitor
    from stockops.pipelines.predict import Predictor
    from stockops.pipelines.prediction_cache import PredictionCache
    from stockops.pipelines.report_cache import KeptReports
    from stockops.pipelines.serving import Serving
    from stockops.pipelines.tasks import Tasks
    from stockops.pipelines.train import Trainer
    from stockops.ports import FeatureStore, Progress


def trainer(run: Run, progress: "Progress | None" = None) -> "Trainer":
    """Return the trainer of this call; it tells `progress`, bars on a terminal if not said, how far it is."""
    from stockops.pipelines.train import Trainer

    services = run.services
    return Trainer(
        history=run.services.history,
        models=services.models,
        features=services.features,
        tracker=services.tracker,
        plots=services.plots,
        progress=progress or run.progress,
        effort=services.effort,
        meter=measuring.meter(run.services),
        clock=services.clock,
        options=_train_options(run),
        replace=run.settings.replace,
    )


def _train_options(run: Run) -> TrainOptions:
    settings = run.settings
    return TrainOptions(
        strategy=settings.strategy,
        split=settings.split,
        epochs=settings.epochs,
        seed=settings.seed,
        device=settings.device,
        threads=settings.threads,
        universe=_universe(run),
    )


def _universe(run: Run) -> tuple[str, ...]:
    """Return the symbols that the parent learns from beside the index, each once."""
    from stockops.market import symbols

    path = run.settings.universe
    if path is None:
        return ()
    found = dict.fromkeys(symbols.parse(symbol) for symbol in run.listed("--universe", path))
    found.pop(MARKET, None)
    if not found:
        raise UsageError(f"--universe {path} names no ticker", "write one symbol a line")
    return tuple(found)


def predictor(run: Run, progress: "Progress | None" = None) -> "Predictor":
    """Return the predictor of this call, its trainer standing by."""
    from stockops.pipelines.predict import Predictor

    settings, services = run.settings, run.services
    return Predictor(
        trainer(run, progress),
        ledger=services.ledger,
        days=settings.days,
        heal=settings.on_missing == "train",
        max_age=settings.model_max_age,
        now=services.wall_time,
    )


def serving(run: Run, progress: "Progress | None" = None) -> "Serving":
    """Return what answers `predict-*`: cache first, the predictor made on the first miss."""
    from stockops.pipelines.serving import ServeOptions, Serving

    settings, services = run.settings, run.services
    return Serving(
        cache=None if settings.no_cache else cache(run),
        models=services.models,
        history=services.history_digest,
        predictor=functools.cache(lambda: predictor(run, progress)),
        tasks=tasks(run) if settings.on_missing == "background" else None,
        effort=services.effort,
        meter=measuring.meter(run.services),
        options=ServeOptions(
            source=settings.source,
            as_of=settings.as_of,
            days=settings.days,
            max_age=settings.model_max_age,
            prices=services.price_options,
        ),
    )


def analyst(run: Run) -> "Analyst":
    """Return what answers `analyze`; nothing is kept where no language model is configured, or nothing may be."""
    from stockops.pipelines.analysis import Analyst
    from stockops.pipelines.conversation import Conversation
    from stockops.pipelines.report_cache import ReportCache
    from stockops.pipelines.writing import Writers

    settings, services = run.settings, run.services
    writers = Writers(
        models=services.chat_models,
        effort=services.effort,
        progress=run.progress,
        seconds=settings.llm_timeout_seconds,
        total_seconds=settings.llm_total_seconds,
    )
    kept = None
    if services.chat_models and not settings.no_cache:
        kept = ReportCache(services.reports, services.embedders, writers.first, services.effort, services.clock)
    thread = settings.thread_id
    return Analyst(
        forecasts=serving(run),
        history=lambda ticker: services.history.daily(ticker),
        models=services.models,
        writers=writers,
        kept=kept,
        conversation=Conversation(thread, services.state, services.effort) if thread else None,
        news=lambda: services.news,
        effort=services.effort,
        clock=services.clock,
    )


def backtester(run: Run) -> "Backtester":
    """Return what tests the models of tickers."""
    from stockops.pipelines.apprentices import Apprentices
    from stockops.pipelines.backtest import Backtester, BacktestOptions

    settings, services = run.settings, run.services
    file = settings.forecasts
    prices = run.services.history.until(settings.end)
    return Backtester(
        history=prices.daily,
        universe=prices.universe,
        apprentices=Apprentices(services.shelf, run.progress, _train_options(run)),
        peers=services.peers,
        models=services.models,
        plots=services.plots,
        effort=services.effort,
        export=functools.partial(services.write_file, file) if file else None,
        options=BacktestOptions(settings.start, settings.refit, settings.baselines, settings.keep_tested),
    )


def monitor(run: Run) -> "Monitor":
    """Return what looks at tickers; its reports are written anew and not kept."""
    from stockops.pipelines.monitor import Monitor

    services = run.services
    return Monitor(
        history=run.services.history.daily,
        analyst=replace(analyst(run), kept=None, conversation=None),
        ledger=services.ledger,
        models=services.models,
        plots=services.plots,
        effort=services.effort,
        clock=services.clock,
        drift_on=run.settings.drift_on,
        now=services.wall_time,
    )


def reports(run: Run) -> "KeptReports":
    """Return the kept reports."""
    from stockops.pipelines.report_cache import KeptReports

    return KeptReports(run.services.reports, run.services.clock)


def cache(run: Run) -> "PredictionCache":
    """Return the cache of forecasts."""
    from stockops.pipelines.prediction_cache import PredictionCache

    return PredictionCache(run.services.state, run.services.effort, run.services.clock)


def tasks(run: Run) -> "Tasks":
    """Return the background tasks; a worker is told what this call was told."""
    from stockops.pipelines.tasks import Tasks

    services = run.services
    return Tasks(services.state, services.workers(run.environment), services.effort, services.wall_time)


def feature_store(run: Run) -> "FeatureStore":
    """Return the feature store; UsageError where it is switched off."""
    store = run.services.features
    if store is None:
        raise UsageError("the feature store is switched off", "unset STOCKOPS_FEATURE_STORE")
    return store
