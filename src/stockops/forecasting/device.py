"""Where torch computes, and on how many threads."""

import torch

from stockops.errors import UsageError
from stockops.records import Device


def prepare(device: Device, threads: int) -> torch.device:
    """Return the device to compute on; UsageError when `cuda` is asked for and none is there.

    The thread count is set, never left to torch: its default of one per core stalls a small LSTM on a
    busy machine, and a fixed count gives the same sums, so the same bytes, on every machine.
    """
    torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch sees no CUDA device", "use --device auto or install torch's CUDA build")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
