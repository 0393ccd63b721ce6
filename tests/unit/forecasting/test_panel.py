"""Many histories as one training set: sampled evenly, in date order, held-out windows never trained on."""

import numpy as np
import pytest

from stockops.errors import DataError
from stockops.forecasting import panel
from stockops.forecasting.trainer import TrainingSet
from stockops.records import Split
from tests.builders import bars, seen


def table(symbol: str, rows: int, split: Split = "random") -> TrainingSet:
    return TrainingSet.of(symbol, *seen(bars(rows, seed=rows)), split=split, seed=0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "MOST", 600)


@pytest.mark.usefixtures("small")
def test_histories_give_equally_many_windows_and_a_short_one_all_it_has() -> None:
    parts = [table("A", 700), table("B", 900), table("C", 220)]
    found = panel.gathered(iter(parts), 3, symbol="^GSPC", seed=0)
    assert len(found.windows.context) == 200 + 200 + 131  # 220 rows make 131 windows
    assert (found.windows.context.shape[1:], found.windows.target.shape[1:]) == ((60, 7), (5, 7))
    assert len(found.covariates.level) == len(found.targets_from) == len(found.windows.target)
    assert list(found.targets_from) == sorted(found.targets_from)


@pytest.mark.parametrize("split", ["random", "chronological"])
@pytest.mark.usefixtures("small")
def test_every_window_keeps_its_target_covariates_and_split(split: Split) -> None:
    parts = [table("A", 700, split), table("B", 900, split)]
    found = panel.gathered(iter(parts), 2, symbol="^GSPC", seed=0)
    held_out = np.isin(np.arange(len(found.windows.context)), found.windows.validation)
    matched = 0
    for part in parts:
        windows = part.windows
        for row in range(0, len(found.windows.context), 7):
            same = np.flatnonzero((windows.context == found.windows.context[row]).all(axis=(1, 2)))
            if not len(same):
                continue
            [at] = same
            matched += 1
            np.testing.assert_array_equal(windows.target[at], found.windows.target[row])
            assert part.targets_from[at] == found.targets_from[row]
            np.testing.assert_array_equal(part.covariates.at(slice(at, at + 1)).traits[0], found.covariates.traits[row])
            assert (at in windows.validation) == held_out[row]
            assert at in windows.validation or at in windows.training  # windows left out by the split stay out
    assert matched == len(range(0, len(found.windows.context), 7))


@pytest.mark.usefixtures("small")
def test_the_sample_depends_on_the_seed() -> None:
    one, same, other = (
        panel.gathered(iter([table("A", 900)]), 2, symbol="^GSPC", seed=seed).targets_from for seed in (1, 1, 2)
    )
    assert one == same != other


def test_histories_are_requested_one_after_another() -> None:
    requested = []

    def tables() -> "object":
        for rows in (300, 320):
            requested.append(rows)
            yield table("A", rows)
        raise DataError("the end")

    with pytest.raises(DataError, match="the end"):
        panel.gathered(tables(), 3, symbol="^GSPC", seed=0)  # type: ignore[arg-type]
    assert requested == [300, 320]
