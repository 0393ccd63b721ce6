"""The scaler and its pickle match scikit-learn's to the digit."""

import pickle

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from stockops.arrays import Floats
from stockops.forecasting.scaler import Scaler


@pytest.fixture
def rows() -> Floats:
    found = np.random.default_rng(1).normal([0, 1, -5, 1e6, 1e-6, 0, 0], [1, 3, 0.1, 1e5, 1e-7, 1, 1], (500, 7))
    found[:, 5] = 0.0
    found[:, 6] = 123.456  # its computed mean is not exact
    return found


def test_the_scaler_matches_scikit_learns(rows: Floats) -> None:
    ours, theirs = Scaler.of(rows), StandardScaler().fit(rows)
    np.testing.assert_allclose(ours.mean, theirs.mean_, rtol=1e-14)
    np.testing.assert_allclose(ours.variance, theirs.var_, rtol=1e-12, atol=1e-24)
    np.testing.assert_allclose(ours.scale, theirs.scale_, rtol=1e-12)
    assert list(ours.scale[5:]) == [1.0, 1.0]  # constant columns are not divided by almost zero


def test_windows_are_treated_as_consecutive_rows(rows: Floats) -> None:
    both = Scaler.of(rows), Scaler.of(rows.reshape(10, 50, 7))
    np.testing.assert_array_equal(both[0].scale, both[1].scale)


def test_the_pickle_is_a_fitted_scaler_of_the_installed_scikit_learn(rows: Floats) -> None:
    theirs = StandardScaler().fit(rows)
    loaded = pickle.loads(Scaler.of(rows).pickled())  # noqa: S301  another release would warn, which fails here
    assert type(loaded) is StandardScaler
    assert vars(loaded).keys() == vars(theirs).keys()
    assert loaded.get_params() == theirs.get_params()
    np.testing.assert_allclose(loaded.transform(rows), theirs.transform(rows), rtol=1e-9, atol=1e-9)
    assert loaded.n_samples_seen_ == theirs.n_samples_seen_
