"""The plain way to train a child, as a script would: prints the errors that it ends with.

A sample at a time from a data set, every epoch through the frozen LSTM with its dropout, the whole history evaluated a
window at a time. No picture, no record, no checkpoint but one `torch.save`.

arguments: folder of CSV files, symbol, the parent's checkpoint, where to save, epochs.
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
from stockops.forecasting.relative import changes, relative, standing
from stockops.market import features, windows
from stockops.market.adjustment import adjust
from stockops.market.ohlcv import FIRST_DAY
from stockops.records import PARENT


class Samples(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """One window after the other."""

    def __init__(self, values: Any, mean: Any, scale: Any) -> None:
        self.values, self.mean, self.scale = values, mean, scale

    def __len__(self) -> int:
        return len(self.values) - windows.CONTEXT - windows.HORIZON + 1

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor, Tensor]:
        end = row + windows.CONTEXT
        context, target = self.values[None, row:end], self.values[None, end : end + windows.HORIZON]
        seen = (relative(context)[0] - self.mean) / self.scale
        parts = (seen, standing(context)[0], changes(context, target)[0])
        rows, stands, wanted = (torch.tensor(part, dtype=torch.float32) for part in parts)
        return rows, stands, wanted


def main() -> None:
    folder, symbol, parent, place, epochs = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
    table = pd.read_csv(folder / f"{symbol}.csv", parse_dates=["Date"], index_col="Date")
    values = features.add(adjust(table[table.index >= pd.Timestamp(FIRST_DAY)]).bars).to_numpy()
    model = transfer.child_of(checkpoint.unpack(Path(parent).read_bytes(), PARENT), "freeze")
    model.body.dropout = model.config.dropout
    cut = windows.make(values, symbol=symbol, split="random", seed=7)
    rows = relative(cut.context[cut.training]).reshape(-1, values.shape[1])
    samples = Samples(values, rows.mean(axis=0), rows.std(axis=0))
    training = DataLoader(Subset(samples, list(cut.training)), batch_size=32, shuffle=True)
    held_out = DataLoader(Subset(samples, list(cut.validation)), batch_size=32)
    optimiser = torch.optim.Adam(model.head.parameters(), lr=3e-4, weight_decay=1e-6)
    validation = []
    for _ in range(epochs):
        model.train()
        for seen, stands, wanted in training:
            loss = nn.functional.l1_loss(model(seen, stands), wanted)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.head.parameters(), 5.0)
            optimiser.step()
        model.eval()
        with torch.no_grad():
            losses = [float(nn.functional.l1_loss(model(seen, stands), wanted)) for seen, stands, wanted in held_out]
        validation.append(float(np.mean(losses)))
    with torch.no_grad():
        one_by_one = (samples[row] for row in range(len(samples)))
        misses = [model(seen[None], stands[None])[0] - wanted for seen, stands, wanted in one_by_one]
    torch.save(model.state_dict(), place)
    error = float(torch.stack(misses).abs().mean())
    sys.stdout.write(json.dumps({"validation_losses": validation, "error": error}) + "\n")


if __name__ == "__main__":
    main()
