"""Measures the best performance of machine and torch in a process of its own; prints JSON.

Arguments: folder of CSV files, symbol, threads.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

from stockops.adapters.market_data.csv_feed import CsvFeed
from stockops.forecasting import lstm
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.lstm import PriceLSTM
from stockops.forecasting.trainer import TrainingSet
from stockops.market import calendar, features
from stockops.market.adjustment import adjust
from stockops.market.ohlcv import FIRST_DAY

_SIDE = 2_048  # side of the square matrices for the roofline


def shortest(work: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def flops_of_a_window(model: PriceLSTM) -> int:
    """Return the FLOPs of one window's pass through the LSTM."""
    c = model.config
    weights = sum(4 * c.hidden * (given + c.hidden) for given in [c.features, *[c.hidden] * (c.layers - 1)])
    return 2 * weights * c.context


def main() -> None:
    folder, symbol, threads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    bars = adjust(CsvFeed(folder, calendar.of).bars(symbol, FIRST_DAY, date.today()).table).bars
    model = PriceLSTM().eval()
    rows = features.add(bars)
    table = TrainingSet.of(symbol, rows, Covariates.unknown(len(rows)), split="random", seed=7)
    inputs = model.inputs(table.windows.context, table.covariates)
    square = torch.randn(_SIDE, _SIDE)
    figures = {
        "gemm_flops_per_second": 2 * _SIDE**3 / shortest(lambda: square @ square, 10),
        "windows": len(inputs[0]),
        "pass_seconds": shortest(lambda: lstm.states(model, inputs), 3),
        "pass_flops": flops_of_a_window(model) * len(inputs[0]),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
