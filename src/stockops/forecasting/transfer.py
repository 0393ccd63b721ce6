"""From the parent to a child: what is copied, what is frozen."""

from stockops.forecasting.checkpoint import Checkpoint
from stockops.forecasting.lstm import PriceLSTM
from stockops.records import Strategy

_HELD = 15_000  # over the windows that a child learns from: how fast its head decays toward its parent's


def child_of(parent: Checkpoint, strategy: Strategy, windows: int) -> PriceLSTM:
    """Return a copy of the parent's network, head included, that may be trained without touching the parent.

    Its head is held to the parent's, the closer the fewer windows it is to learn from. `freeze` leaves only the head
    trainable; the body then runs without dropout, which would be noise to a head that trains on its states. `fine_tune`
    leaves everything trainable.
    """
    child = PriceLSTM.of(parent.weights, parent.config)
    child.hold(_HELD / windows)
    if strategy == "freeze":
        child.body.requires_grad_(False)
        child.body.dropout = 0.0
    return child
