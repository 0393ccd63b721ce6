"""The spread: right on walks of known spread, and near the parent's for a child with little data."""

import numpy as np
import pytest

from stockops.arrays import Floats
from stockops.forecasting import spread
from stockops.forecasting.covariates import Covariates
from stockops.forecasting.volatility import QUIET, daily_variance
from stockops.market import features, windows
from tests.builders import bars


def cut(rows: int, seed: int = 0) -> tuple[Floats, Floats, Covariates]:
    table = features.add(bars(rows, seed=seed)).to_numpy()
    cut_windows = windows.make(table, symbol="A", split="random", seed=0)
    return cut_windows.context, cut_windows.target, Covariates.unknown(len(cut_windows.context))


def test_the_spread_of_a_walk_of_constant_volatility_is_constant() -> None:
    context, target, known = cut(3000)
    found = spread.spread(spread.fit(context, target, known, None), context, known)
    variance = np.cumsum(daily_variance(np.concatenate([context[:, -1:], target], axis=1)), axis=1)
    np.testing.assert_allclose(np.log(found).mean(axis=0), 0.5 * np.log(variance).mean(axis=0), atol=0.01)
    assert (np.log(found).std(axis=0) < 0.1).all()
    assert (np.diff(found.mean(axis=0)) > 0).all()


def test_the_spread_follows_clustered_volatility() -> None:
    rng = np.random.default_rng(0)
    scale = np.exp(np.cumsum(rng.normal(0, 0.08, 3000)) * 0.9)
    scale = 0.01 * np.exp(np.clip(np.log(scale) - np.log(scale).mean(), -1.5, 1.5))
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1, 3000) * scale))
    opens = np.r_[100, close[:-1]]
    reach = np.exp(scale * np.abs(rng.normal(0, 0.5, (2, 3000))))
    table = np.stack([opens, np.maximum(opens, close) * reach[0], np.minimum(opens, close) / reach[1], close,
                      np.full(3000, 1e6), np.full(3000, 50.0), np.zeros(3000)], axis=1)  # fmt: skip
    cut_windows = windows.make(table, symbol="A", split="random", seed=0)
    known = Covariates.unknown(len(cut_windows.context))
    found = spread.spread(spread.fit(cut_windows.context, cut_windows.target, known, None), cut_windows.context, known)
    true = scale[60 : 60 + len(found)]
    assert np.corrcoef(np.log(found[:, 0]), np.log(true))[0, 1] > 0.85


def test_a_child_departs_further_from_its_parent_with_more_sessions() -> None:
    context, target, known = cut(2000, seed=3)
    own = spread.fit(context, target, known, None)
    parent = own + 0.2
    departure = {}
    for count in (30, 300, 1900):
        sample = slice(0, min(count, len(context)))
        child = spread.fit(context[sample], target[sample], known.at(sample), parent)
        from_scratch = spread.fit(context[sample], target[sample], known.at(sample), None)
        spreads = [spread.spread(weights, context, known) for weights in (child, parent, from_scratch)]
        moved, full = (np.abs(np.log(spreads[0] / spreads[1])).mean(), np.abs(np.log(spreads[2] / spreads[1])).mean())
        departure[count] = moved / full
    assert departure[30] < departure[300] < departure[1900]
    assert departure[30] < 0.5
    assert departure[1900] > 0.8


def test_a_term_that_never_varied_keeps_the_weight_of_the_parent() -> None:
    context, target, known = cut(400)
    parent = np.full((5, spread.TERMS), 0.1)
    child = spread.fit(context, target, known, parent)
    traits = slice(spread.TERMS - 10, spread.TERMS)
    np.testing.assert_array_equal(child[:, traits], 0.1)
    assert not np.allclose(child[:, :4], 0.1)


@pytest.mark.parametrize(("weights", "bound"), [(-1e3, QUIET), (1e3, 2.0)])
def test_extreme_weights_give_a_spread_within_bounds(weights: float, bound: float) -> None:
    context, _, known = cut(200)
    extreme = np.zeros((5, spread.TERMS))
    extreme[:, 0] = weights
    np.testing.assert_allclose(spread.spread(extreme, context, known), bound)


def test_a_constant_price_has_the_least_spread() -> None:
    still = np.full((1, 60, 7), 50.0)
    found = spread.spread(np.zeros((5, spread.TERMS)), still, Covariates.unknown(1))
    np.testing.assert_allclose(found, QUIET)
