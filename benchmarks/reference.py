"""Trains a child the plain way, as a script would, and prints its losses.

Takes single samples from a data set, runs every epoch through the frozen LSTM with its dropout, and evaluates the whole
history one window at a time. No plots, no tracking, no checkpoint but one `torch.save`.

Arguments: folder of CSV files, symbol, the parent's checkpoint, output path, epochs.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from stockops.forecasting import checkpoint, transfer
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.inference import calendar
from stockops.forecasting.normalization import changes, relative, window_context
from stockops.forecasting.spread import spread
from stockops.market import features, windows
from stockops.market.adjustment import adjust
from stockops.market.ohlcv import FIRST_DAY
from stockops.records import PARENT

NOTHING = Covariates.unknown(1)


class Samples(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Data set of single windows."""

    def __init__(self, values: Any, mean: Any, scale: Any, weights: Any) -> None:
        self.values, self.mean, self.scale, self.weights = values, mean, scale, weights

    def __len__(self) -> int:
        return len(self.values) - windows.CONTEXT - windows.HORIZON + 1

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        end = row + windows.CONTEXT
        context, target = self.values[None, row:end], self.values[None, end : end + windows.HORIZON]
        seen = (relative(context)[0] - self.mean) / self.scale
        expected = spread(self.weights, context, NOTHING)
        parts = (seen, window_context(context, NOTHING)[0], calendar(NOTHING)[0], changes(context, target, expected)[0])
        rows, stands, days, wanted = (torch.tensor(part, dtype=torch.float32) for part in parts)
        return rows, stands, days, wanted


def main() -> None:
    folder, symbol, parent, place, epochs = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
    table = pd.read_csv(folder / f"{symbol}.csv", parse_dates=["Date"], index_col="Date")
    values = features.add(adjust(table[table.index >= pd.Timestamp(FIRST_DAY)]).bars).to_numpy()
    cut = windows.make(values, symbol=symbol, split="random", seed=7)
    model = transfer.child_of(checkpoint.deserialize(Path(parent).read_bytes(), PARENT), "freeze", len(cut.training))
    model.body.dropout = model.config.dropout
    rows = relative(cut.context[cut.training]).reshape(-1, values.shape[1])
    samples = Samples(values, rows.mean(axis=0), rows.std(axis=0), model.spread.numpy())
    training = DataLoader(Subset(samples, list(cut.training)), batch_size=32, shuffle=True)
    held_out = DataLoader(Subset(samples, list(cut.validation)), batch_size=32)
    optimiser = torch.optim.Adam([*model.head.parameters(), model.calendar], lr=1e-3, weight_decay=1e-6)
    validation = []
    for _ in range(epochs):
        model.train()
        for seen, stands, days, wanted in training:
            loss = nn.functional.l1_loss(model(seen, stands, days), wanted)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.head.parameters(), 5.0)
            optimiser.step()
            model.shrink(1e-3)
        model.eval()
        with torch.no_grad():
            losses = [float(nn.functional.l1_loss(model(*seen), wanted)) for *seen, wanted in held_out]
        validation.append(float(np.mean(losses)))
    with torch.no_grad():
        one_by_one = (samples[row] for row in range(len(samples)))
        misses = [model(*(part[None] for part in seen))[0] - wanted for *seen, wanted in one_by_one]
    torch.save(model.state_dict(), place)
    error = float(torch.stack(misses).abs().mean())
    sys.stdout.write(json.dumps({"validation_losses": validation, "error": error}) + "\n")


if __name__ == "__main__":
    main()
