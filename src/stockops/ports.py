"""What the pipelines ask of the outside world, in the pipelines' words. Adapters keep these promises."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING, Protocol

from stockops.records import EpochLoss

if TYPE_CHECKING:
    import pandas as pd

    from stockops.forecasting.forecast import Forecast
    from stockops.forecasting.scores import Evaluation
    from stockops.records import ModelRef


class BarFeed(Protocol):
    """Raw daily bars of one vendor or folder."""

    @property
    def name(self) -> str:
        """What `--source` calls it."""

    @property
    def live(self) -> bool:
        """True where bars still arrive, so that today's may be unfinished; False for files."""

    def bars(self, symbol: str, first: date, last: date) -> "pd.DataFrame":
        """Return the raw table (market.ohlcv) of the sessions it has from `first` to `last`.

        Raises DataError when the symbol is unknown, nothing lies in the span or the answer is malformed,
        TryAgainError when the vendor limits, times out or is down, UsageError when it is not set up.
        """


class ModelStore(Protocol):
    """The artifacts of models: checkpoints, their cards, scalers, metrics, pictures, forecasts."""

    def read(self, ref: "ModelRef", what: str) -> bytes | None:
        """Return an artifact, or None where there is none; `what` is its name after the ticker and `_`."""

    def write(self, ref: "ModelRef", files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Write artifacts, each whole or not at all, in the order given; return their paths below the home."""

    def lock(self, ref: "ModelRef") -> AbstractContextManager[object]:
        """Keep other processes from training the same model; TryAgainError when one does for too long."""

    def name(self, ref: "ModelRef", what: str) -> str:
        """Return an artifact's path below the home, for messages."""


class Plotter(Protocol):
    """The pictures of a report, as PNG files. `skill` is that on RMSE, None where none can be stated."""

    def predictions(self, evaluation: "Evaluation", skill: float | None) -> bytes:
        """Draw next-day forecasts against what came, one panel per OHLCV channel."""

    def residuals(self, evaluation: "Evaluation", skill: float | None) -> bytes:
        """Draw what came less the next-day forecast, one panel per OHLCV channel."""

    def forecast(self, forecast: "Forecast") -> bytes:
        """Draw recent closes, the forecast path and its ranges."""


class Progress(Protocol):
    """Where a long step says how far it is."""

    def epochs(self, label: str, total: int) -> AbstractContextManager[Callable[[EpochLoss], None]]:
        """Show a bar while the context lasts; call the function after each epoch."""
