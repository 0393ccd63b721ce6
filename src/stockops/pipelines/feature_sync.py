"""A ticker's features to and from the feature store: what is written, and what may be used."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockops.market import features
from stockops.optional_services import OptionalServices
from stockops.pipelines.prices import Prices
from stockops.ports import FeatureStore

log = logging.getLogger("stockops.features")

_TOLERANCE = 1e-6  # a few units in the last place of a Float32: rounding, not other data


@dataclass(frozen=True, slots=True)
class OnlineFeatures:
    """The features of the last session: from the store, or None to use the computed ones.

    skew: the features on which the store disagrees with the prices.
    """

    values: npt.NDArray[np.float64] | None = None
    skew: tuple[str, ...] = ()

    @property
    def source(self) -> Literal["feast", "computed"]:
        """Their origin, as a result states it."""
        return "computed" if self.values is None else "feast"


def table(prices: Prices) -> pd.DataFrame:
    """Return the features of all sessions as the store has them: indexed by the sessions' closes."""
    rows = features.add(prices.bars)
    return rows.set_axis(prices.calendar.closes(pd.DatetimeIndex(rows.index)))


def put(prices: Prices, store: FeatureStore) -> bool:
    """Write a ticker's features; return whether the store accepted them (not if it has later ones)."""
    return store.write(prices.symbol, table(prices))


def latest(prices: Prices, store: FeatureStore | None, optional: OptionalServices) -> OnlineFeatures:
    """Return the store's features of the last session, if they are of that session and agree with the prices.

    A disagreement is training-serving skew: logged, named in the result, and not used.
    """
    vector = optional.attempt(store, lambda: store.latest(prices.symbol)) if store else None
    if vector is None:
        return OnlineFeatures()
    computed = features.add(prices.bars).iloc[-1]
    if vector.event_time != prices.calendar.closes(pd.DatetimeIndex([computed.name]))[0]:
        return OnlineFeatures()
    expected = {name: float(computed[name]) for name in features.FEATURES}
    skew = tuple(name for name in features.FEATURES if not _agrees(name, vector.values, expected))
    if skew:
        given, wanted = vector.values.get(skew[0]), expected[skew[0]]
        log.warning(
            "%s: training-serving skew: the feature store has %s = %s where the prices give %s; using the prices "
            "(run: stockops features materialize --ticker %s)",
            prices.symbol,
            skew[0],
            given,
            wanted,
            prices.symbol,
        )
        return OnlineFeatures(skew=skew)
    return OnlineFeatures(np.array([vector.values[name] for name in features.FEATURES]))


def _agrees(name: str, given: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    """Compare at Float32 precision; for MACD, a small difference of prices, that of the price."""
    scale = abs(expected["Close"] if name == "MACD" else expected[name])
    return name in given and abs(given[name] - expected[name]) <= _TOLERANCE * scale
