"""Synthetic bars that look like market data, and what is built from them."""

from datetime import date

import numpy as np
import pandas as pd

from stockops.documents.prices import DataSpan
from stockops.documents.training import ModelScores
from stockops.forecasting import covariates
from stockops.forecasting.covariates import Covariates, Market
from stockops.forecasting.inference import LSTMConfig
from stockops.forecasting.model_card import ModelCard
from stockops.market import calendar, features
from stockops.records import EpochLoss


def bars(rows: int = 300, *, seed: int = 0, symbol: str = "AAPL", first: date = date(2015, 1, 2)) -> pd.DataFrame:
    """Return a random walk of adjusted daily bars on the sessions of the symbol's exchange, shape (rows, 5)."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    open_ = close * np.exp(rng.normal(0, 0.004, rows))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.004, rows)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.004, rows)))
    volume = np.round(1e6 * np.exp(rng.normal(0, 0.3, rows)))
    days = pd.DatetimeIndex(calendar.of(symbol).next_sessions(first, rows), name="Date")
    table = {"Open": open_, "High": high, "Low": low, "Close": close, "Volume": volume}
    return pd.DataFrame(table, index=days)


def market(rows: int = 400, seed: int = 0, spread: float = 0.012) -> pd.DataFrame:
    """Return bars with fat tails, gaps, and volume that rises with the size of a move."""
    rng = np.random.default_rng(seed)
    gap, body = (rng.standard_t(4, rows) * spread * share / np.sqrt(2) for share in (0.5, 0.85))
    close = 100 * np.exp(np.cumsum(gap + body))
    open_ = close / np.exp(body)
    reach = np.abs(rng.normal(0, 0.4 * spread, (2, rows))) + 0.1 * np.abs(body)
    volume = 1e6 * np.exp(rng.normal(0, 0.3, rows) + 0.4 * np.log1p(np.abs(gap + body) / spread))
    table = {
        "Open": open_,
        "High": np.maximum(open_, close) * np.exp(reach[0]),
        "Low": np.minimum(open_, close) * np.exp(-reach[1]),
        "Close": close,
        "Volume": np.round(volume),
    }
    return pd.DataFrame(table, index=bars(rows).index)


def seen(table: pd.DataFrame, symbol: str = "AAPL") -> tuple[pd.DataFrame, Covariates]:
    """Return the features of bars, and their covariates given a market over the same years."""
    rows = features.add(table)
    return rows, covariates.of(rows, calendar.of(symbol), Market(bars(2000, seed=99), calendar.of("^GSPC")))


def card(config: LSTMConfig, *, ticker: str = "AAPL", last: str = "2024-06-28") -> ModelCard:
    """Return the card of a child whose training data end on the day `last`."""
    return ModelCard(
        kind="child",
        ticker=ticker,
        data=DataSpan(source="csv", rows=2_000, first="2015-01-02", last=last),
        bars="0" * 24,
        features=features.FEATURES,
        split="random",
        seed=7,
        libraries={"stockops": "0.1.0"},
        strategy="freeze",
        parent=None,
        config=config,
        fit={"epochs": 10, "learning_rate": 1e-3},
        best_epoch=3,
        history=(EpochLoss(epoch=0, loss=None, validation_loss=0.5, learning_rate=1e-3),),
        shrinkage={"Close": (0.5, 0.25, 0.0, 0.0, 1.0)},
        ranges_from=ticker,
        metrics=ModelScores(),
    )


def rescaled(table: pd.DataFrame, rows: slice, prices: float, volumes: float = 1.0) -> pd.DataFrame:
    """Return a table with the prices and volumes of some rows multiplied."""
    bent = table.astype(float)
    bent.iloc[rows, :4] *= prices
    bent.iloc[rows, 4] *= volumes
    return bent


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as the content of a `<SYMBOL>.csv`."""
    return str(table.to_csv(date_format="%Y-%m-%d", lineterminator="\n"))
