"""The spread: right on walks whose spread is known, a child's near its parent's where it knows little itself."""

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
    made = windows.make(table, symbol="A", split="random", seed=0)
    return made.context, made.target, Covariates.unknown(len(made.context))


def test_the_spread_of_a_walk_whose_volatility_never_changes_is_what_it_always_was() -> None:
    context, target, known = cut(3000)
    found = spread.spread(spread.fit(context, target, known, None), context, known)
    came = np.cumsum(daily_variance(np.concatenate([context[:, -1:], target], axis=1)), axis=1)
    np.testing.assert_allclose(np.log(found).mean(axis=0), 0.5 * np.log(came).mean(axis=0), atol=0.01)
    assert (np.log(found).std(axis=0) < 0.1).all()
    assert (np.diff(found.mean(axis=0)) > 0).all()


def test_it_is_wider_after_wild_days_where_wild_days_follow_wild_ones() -> None:
    rng = np.random.default_rng(0)
    scale = np.exp(np.cumsum(rng.normal(0, 0.08, 3000)) * 0.9)
    scale = 0.01 * np.exp(np.clip(np.log(scale) - np.log(scale).mean(), -1.5, 1.5))
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1, 3000) * scale))
    opened = np.r_[100, close[:-1]]
    reach = np.exp(scale * np.abs(rng.normal(0, 0.5, (2, 3000))))
    table = np.stack([opened, np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1], close,
                      np.full(3000, 1e6), np.full(3000, 50.0), np.zeros(3000)], axis=1)  # fmt: skip
    made = windows.make(table, symbol="A", split="random", seed=0)
    known = Covariates.unknown(len(made.context))
    found = spread.spread(spread.fit(made.context, made.target, known, None), made.context, known)
    true = scale[60 : 60 + len(found)]
    assert np.corrcoef(np.log(found[:, 0]), np.log(true))[0, 1] > 0.85


def test_a_child_of_few_sessions_keeps_to_its_parent_and_one_of_many_goes_its_own_way() -> None:
    context, target, known = cut(2000, seed=3)
    own = spread.fit(context, target, known, None)
    parent = own + 0.2
    near = {}
    for count in (30, 300, 1900):
        some = slice(0, min(count, len(context)))
        child = spread.fit(context[some], target[some], known.at(some), parent)
        alone = spread.fit(context[some], target[some], known.at(some), None)
        at = [spread.spread(weights, context, known) for weights in (child, parent, alone)]
        gone, whole = (np.abs(np.log(at[0] / at[1])).mean(), np.abs(np.log(at[2] / at[1])).mean())
        near[count] = gone / whole
    assert near[30] < near[300] < near[1900]
    assert near[30] < 0.5
    assert near[1900] > 0.8


def test_a_term_that_never_varied_stays_as_the_parent_has_it() -> None:
    context, target, known = cut(400)
    parent = np.full((5, spread.TERMS), 0.1)
    child = spread.fit(context, target, known, parent)
    traits = slice(spread.TERMS - 10, spread.TERMS)
    np.testing.assert_array_equal(child[:, traits], 0.1)
    assert not np.allclose(child[:, :4], 0.1)


@pytest.mark.parametrize(("weights", "bound"), [(-1e3, QUIET), (1e3, 2.0)])
def test_no_weights_make_a_spread_that_cannot_be(weights: float, bound: float) -> None:
    context, _, known = cut(200)
    wild = np.zeros((5, spread.TERMS))
    wild[:, 0] = weights
    np.testing.assert_allclose(spread.spread(wild, context, known), bound)


def test_a_price_that_never_moved_has_the_least_spread() -> None:
    still = np.full((1, 60, 7), 50.0)
    found = spread.spread(np.zeros((5, spread.TERMS)), still, Covariates.unknown(1))
    np.testing.assert_allclose(found, QUIET)
