"""How parents and children are trained, unless a call says otherwise."""

from dataclasses import dataclass, replace

from stockops.records import Strategy, TrainOptions


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How to train; saved in every checkpoint."""

    epochs: int
    learning_rate: float
    batch_size: int = 32
    weight_decay: float = 1e-6
    gradient_clip: float = 5.0


PARENT = FitConfig(epochs=20, learning_rate=1e-3)
PANEL = FitConfig(epochs=5, learning_rate=1e-3, batch_size=256)  # of a parent that learns from many histories
CHILD: dict[Strategy, FitConfig] = {
    "freeze": FitConfig(epochs=10, learning_rate=1e-3),
    "fine_tune": FitConfig(epochs=10, learning_rate=1e-4),
}


def parent(*, of_many: bool) -> FitConfig:
    """Return the recipe of a parent: of the index alone, or of a universe."""
    return PANEL if of_many else PARENT


def of(recipe: FitConfig, options: TrainOptions) -> FitConfig:
    """Return a recipe with the epochs that a call asks for, where it does."""
    return replace(recipe, epochs=options.epochs) if options.epochs else recipe
