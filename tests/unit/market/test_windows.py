import numpy as np
import pytest

from stockops.errors import DataError
from stockops.market import windows
from stockops.market.windows import CONTEXT, HORIZON, MIN_WINDOWS
from stockops.records import Split

ROWS = 400
VALUES = np.arange(ROWS * 7, dtype=float).reshape(ROWS, 7)


def make(split: Split = "random", seed: int = 0) -> windows.Windows:
    return windows.make(VALUES, symbol="AAPL", split=split, seed=seed)


def test_a_window_has_sixty_rows_and_its_target_the_next_five() -> None:
    cut = make()
    assert cut.context.shape == (ROWS - 64, 60, 7)
    assert cut.target.shape == (ROWS - 64, 5, 7)
    np.testing.assert_array_equal(cut.context[3], VALUES[3:63])
    np.testing.assert_array_equal(cut.target[3], VALUES[63:68])
    np.testing.assert_array_equal(cut.target[-1], VALUES[-5:])


def test_a_random_split_holds_out_a_fifth_and_uses_every_window_once() -> None:
    cut = make()
    assert len(cut.validation) == round(0.2 * len(cut.context))
    np.testing.assert_array_equal(np.sort(np.r_[cut.training, cut.validation]), np.arange(len(cut.context)))
    assert np.diff(cut.validation).max() < 40  # spread over the history


def test_the_split_depends_on_the_seed() -> None:
    np.testing.assert_array_equal(make(seed=1).validation, make(seed=1).validation)
    assert not np.array_equal(make(seed=1).validation, make(seed=2).validation)


def test_a_chronological_split_shares_no_target_row() -> None:
    cut = make("chronological")
    last_training_target = cut.training[-1] + CONTEXT + HORIZON - 1
    first_validation_target = cut.validation[0] + CONTEXT
    assert last_training_target < first_validation_target
    assert cut.validation[-1] == len(cut.context) - 1


def test_too_few_rows_are_refused_with_the_number_missing() -> None:
    enough = CONTEXT + HORIZON - 1 + MIN_WINDOWS
    windows.make(VALUES[:enough], symbol="GEV", split="random", seed=0)
    with pytest.raises(DataError, match=r"GEV: too few rows.*99 windows.*100 are needed; wait for 1 more sessions"):
        windows.make(VALUES[: enough - 1], symbol="GEV", split="random", seed=0)
    with pytest.raises(DataError, match="0 windows"):
        windows.make(VALUES[:10], symbol="GEV", split="random", seed=0)
