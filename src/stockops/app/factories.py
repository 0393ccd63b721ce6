"""Builds the pipelines of a request: options from its settings, ports from its services."""

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from stockops.app import telemetry
from stockops.app.context import Context
from stockops.errors import UsageError
from stockops.records import MARKET, TrainOptions

if TYPE_CHECKING:
    from stockops.pipelines.analysis import Analyst
    from stockops.pipelines.backtest import Backtester
    from stockops.pipelines.monitor import Monitor
    from stockops.pipelines.predict import Predictor
    from stockops.pipelines.prediction_cache import PredictionCache
    from stockops.pipelines.prediction_service import PredictionService
    from stockops.pipelines.report_cache import ReportCacheAdmin
    from stockops.pipelines.tasks import Tasks
    from stockops.pipelines.train import Trainer
    from stockops.ports import FeatureStore, Progress


def trainer(context: Context, progress: "Progress | None" = None) -> "Trainer":
    """Return the trainer of this call; it reports to `progress`, by default the progress of the request."""
    from stockops.pipelines.train import Trainer

    services = context.services
    return Trainer(
        history=context.services.history,
        models=services.models,
        features=services.features,
        tracker=services.tracker,
        plots=services.plots,
        progress=progress or context.progress,
        optional=services.optional,
        meter=telemetry.metrics_recorder(context.services),
        clock=services.clock,
        options=_train_options(context),
        replace=context.settings.replace,
    )


def _train_options(context: Context) -> TrainOptions:
    settings = context.settings
    return TrainOptions(
        strategy=settings.strategy,
        split=settings.split,
        epochs=settings.epochs,
        seed=settings.seed,
        device=settings.device,
        threads=settings.threads,
        universe=_universe(context),
    )


def _universe(context: Context) -> tuple[str, ...]:
    """Return the symbols that the parent learns from besides the index, without duplicates."""
    from stockops.market import symbols

    path = context.settings.universe
    if path is None:
        return ()
    found = dict.fromkeys(symbols.parse(symbol) for symbol in context.listed("--universe", path))
    found.pop(MARKET, None)
    if not found:
        raise UsageError(f"--universe {path} names no ticker", "write one symbol a line")
    return tuple(found)


def predictor(context: Context, progress: "Progress | None" = None) -> "Predictor":
    """Return the predictor of this call, with a trainer if missing models are to be trained."""
    from stockops.pipelines.predict import Predictor

    settings, services = context.settings, context.services
    return Predictor(
        history=services.history,
        models=services.models,
        features=services.features,
        plots=services.plots,
        ledger=services.ledger,
        optional=services.optional,
        clock=services.clock,
        days=settings.days,
        heal=trainer(context, progress).heal if settings.on_missing == "train" else None,
        max_age=settings.model_max_age,
        now=services.wall_time,
    )


def prediction_service(context: Context, progress: "Progress | None" = None) -> "PredictionService":
    """Return the service behind `predict-*`: cache first, the predictor created on the first miss."""
    from stockops.pipelines.prediction_service import PredictionService, ServeOptions

    settings, services = context.settings, context.services
    return PredictionService(
        cache=None if settings.no_cache else cache(context),
        models=services.models,
        history=services.history_digest,
        predictor=functools.cache(lambda: predictor(context, progress)),
        tasks=tasks(context) if settings.on_missing == "background" else None,
        optional=services.optional,
        meter=telemetry.metrics_recorder(context.services),
        options=ServeOptions(
            source=settings.source,
            as_of=settings.as_of,
            days=settings.days,
            max_age=settings.model_max_age,
            prices=services.price_options,
        ),
    )


def analyst(context: Context) -> "Analyst":
    """Return the analyst; reports are cached only with a configured language model and without `--no-cache`."""
    from stockops.pipelines.analysis import Analyst
    from stockops.pipelines.conversation import Conversation
    from stockops.pipelines.report_cache import ReportCache
    from stockops.pipelines.report_writer import ReportWriter

    settings, services = context.settings, context.services
    writers = ReportWriter(
        models=services.chat_models,
        optional=services.optional,
        progress=context.progress,
        seconds=settings.llm_timeout_seconds,
        total_seconds=settings.llm_total_seconds,
    )
    reports = None
    if services.chat_models and not settings.no_cache:
        reports = ReportCache(services.reports, services.embedders, writers.first, services.optional, services.clock)
    thread = settings.thread_id
    return Analyst(
        forecasts=prediction_service(context),
        history=lambda ticker: services.history.daily(ticker),
        models=services.models,
        writers=writers,
        reports=reports,
        conversation=Conversation(thread, services.state, services.optional) if thread else None,
        news=lambda: services.news,
        optional=services.optional,
        clock=services.clock,
    )


def backtester(context: Context) -> "Backtester":
    """Return the backtester of this call."""
    from stockops.pipelines.backtest import Backtester, BacktestOptions
    from stockops.pipelines.backtest_models import BacktestModelTrainer

    settings, services = context.settings, context.services
    file = settings.forecasts
    prices = context.services.history.until(settings.end)
    return Backtester(
        history=prices.daily,
        universe=prices.universe,
        trainer=BacktestModelTrainer(services.blob_cache, context.progress, _train_options(context)),
        peers=services.peers,
        models=services.models,
        plots=services.plots,
        optional=services.optional,
        export=functools.partial(services.write_file, file) if file else None,
        options=BacktestOptions(settings.start, settings.refit, settings.baselines, settings.keep_tested),
    )


def monitor(context: Context) -> "Monitor":
    """Return the monitor of this call; its reports are always fresh and not cached."""
    from stockops.pipelines.monitor import Monitor

    services = context.services
    return Monitor(
        history=context.services.history.daily,
        analyst=replace(analyst(context), reports=None, conversation=None),
        ledger=services.ledger,
        models=services.models,
        plots=services.plots,
        optional=services.optional,
        clock=services.clock,
        drift_on=context.settings.drift_on,
        now=services.wall_time,
    )


def reports(context: Context) -> "ReportCacheAdmin":
    """Return the administration of the cached reports."""
    from stockops.pipelines.report_cache import ReportCacheAdmin

    return ReportCacheAdmin(context.services.reports, context.services.clock)


def cache(context: Context) -> "PredictionCache":
    """Return the cache of forecasts."""
    from stockops.pipelines.prediction_cache import PredictionCache

    return PredictionCache(context.services.state, context.services.optional, context.services.clock)


def tasks(context: Context) -> "Tasks":
    """Return the background tasks; workers get the flags of this call."""
    from stockops.pipelines.tasks import Tasks

    services = context.services
    return Tasks(services.state, services.workers(context.environment), services.optional, services.wall_time)


def feature_store(context: Context) -> "FeatureStore":
    """Return the feature store; UsageError if it is disabled."""
    store = context.services.features
    if store is None:
        raise UsageError("the feature store is switched off", "unset STOCKOPS_FEATURE_STORE")
    return store
