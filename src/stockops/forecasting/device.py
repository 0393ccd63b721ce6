"""The device torch computes on, and its number of threads."""

import torch

from stockops.errors import UsageError
from stockops.records import Device


def prepare(device: Device, threads: int) -> torch.device:
    """Return the device to compute on; raises UsageError if `cuda` is requested but not available.

    The thread count is always set: torch's default of one per core stalls a small LSTM on a busy machine, and a fixed
    count gives the same sums, and so the same bytes, on every machine.
    """
    torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch sees no CUDA device", "use --device auto or install torch's CUDA build")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
