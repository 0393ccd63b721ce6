"""Creates a child from its parent: what is copied, what is frozen."""

from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.lstm import PriceLSTM
from stockops.records import Strategy

_HELD = 15_000  # divided by a child's training windows: how fast its head decays toward the parent's


def child_of(parent: Checkpoint, strategy: Strategy, windows: int) -> PriceLSTM:
    """Return a copy of the parent's network, head included, to be trained independently.

    Its head is regularised toward the parent's, the more the fewer training windows it has. `freeze` leaves only the
    head trainable; the body then runs without dropout, which would be noise to a head trained on its states.
    `fine_tune` leaves everything trainable.
    """
    child = PriceLSTM.of(parent.weights, parent.config)
    child.hold(_HELD / windows)
    if strategy == "freeze":
        child.body.requires_grad_(False)
        child.body.dropout = 0.0
    return child
