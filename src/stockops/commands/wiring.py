"""From a call to the pipelines it runs: options out of its settings, ports out of its services."""

from typing import TYPE_CHECKING

from stockops.commands.progress import Bars
from stockops.commands.run import Run

if TYPE_CHECKING:
    from stockops.pipelines.predict import Predictor
    from stockops.pipelines.train import Trainer


def trainer(run: Run) -> "Trainer":
    """Return the trainer of this call."""
    from stockops.pipelines.train import Trainer, TrainOptions

    settings, services = run.settings, run.services
    options = TrainOptions(
        strategy=settings.strategy,
        split=settings.split,
        epochs=settings.epochs,
        seed=settings.seed,
        device=settings.device,
        threads=settings.threads,
        max_missing=settings.max_missing_sessions,
    )
    return Trainer(
        feed=services.feed,
        models=services.models,
        plots=services.plots,
        progress=Bars(quiet=settings.quiet),
        clock=services.clock,
        options=options,
    )


def predictor(run: Run) -> "Predictor":
    """Return the predictor of this call, its trainer standing by."""
    from stockops.pipelines.predict import Predictor

    return Predictor(trainer(run), days=run.settings.days, on_missing=run.settings.on_missing)
