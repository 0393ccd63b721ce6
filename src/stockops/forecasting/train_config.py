"""Default training parameters of parents and children."""

from dataclasses import dataclass, replace

from stockops.records import Strategy, TrainOptions


@dataclass(frozen=True, slots=True)
class FitConfig:
    """Training parameters; stored in every checkpoint."""

    epochs: int
    learning_rate: float
    batch_size: int = 32
    weight_decay: float = 1e-6
    gradient_clip: float = 5.0


PARENT = FitConfig(epochs=20, learning_rate=1e-3)
PANEL = FitConfig(epochs=5, learning_rate=1e-3, batch_size=256)  # for a parent trained on many histories
CHILD: dict[Strategy, FitConfig] = {
    "freeze": FitConfig(epochs=10, learning_rate=1e-3),
    "fine_tune": FitConfig(epochs=10, learning_rate=1e-4),
}


def parent(*, of_many: bool) -> FitConfig:
    """Return the configuration for a parent trained on the index alone, or on many histories."""
    return PANEL if of_many else PARENT


def of(recipe: FitConfig, options: TrainOptions) -> FitConfig:
    """Return a configuration with the epochs from the options, if they are set."""
    return replace(recipe, epochs=options.epochs) if options.epochs else recipe
