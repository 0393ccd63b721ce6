import json
import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from stockops.documents.encoding import as_json
from stockops.documents.monitoring import DriftSkipped
from stockops.market.features import FEATURES
from stockops.monitoring import drift
from stockops.monitoring.drift import HEALTHS, DriftReport, Shift

AS_OF = date(2024, 7, 1)
NOW = datetime(2024, 7, 1, 21, tzinfo=UTC)
MIDDLE, START = AS_OF - timedelta(days=30), AS_OF - timedelta(days=180)


def table(values: dict[date, float]) -> pd.DataFrame:
    """Return features that all have the same value on each of the given days."""
    index = pd.DatetimeIndex([pd.Timestamp(day) for day in sorted(values)])
    column = [values[day] for day in sorted(values)]
    return pd.DataFrame(dict.fromkeys(FEATURES, column), index=index, dtype=float)


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def alternating(first: date, count: int, low: float, high: float) -> dict[date, float]:
    return {day: (low, high)[number % 2] for number, day in enumerate(days(first, count))}


def health_of(score: float, ratio: float) -> str:
    shifts = {name: Shift(0.0, score, score) for name in FEATURES}
    return DriftReport(AS_OF, shifts=shifts, volatility=(1.0, ratio)).health


def test_drift_figures_match_numbers_worked_by_hand() -> None:
    reference = alternating(START, 24, 10.0, 14.0)  # mean 12, sample variance 24 * 4 / 23
    current = alternating(MIDDLE, 6, 12.0, 18.0)  # mean 15
    found = drift.report(table(reference | current), AS_OF)
    shift = found.shifts["Close"]
    assert (shift.reference_mean, shift.current_mean) == (12.0, 15.0)
    assert shift.score == pytest.approx(3 / math.sqrt(24 * 4 / 23))
    assert found.score == pytest.approx(shift.score)
    before = np.array([0.4, 10 / 14 - 1] * 12)[:23]
    after = np.array([0.5, 12 / 18 - 1] * 3)[:5]
    assert found.volatility_ratio == pytest.approx(after.std(ddof=1) / before.std(ddof=1))


@pytest.mark.parametrize(
    ("score", "ratio", "level"),
    [
        (0.0, 1.0, 0), (0.999, 1.0, 0), (1.0, 1.0, 1), (2.0, 1.0, 1), (2.001, 1.0, 2),
        (0.0, 0.6, 0), (0.0, 1.5, 0), (0.0, 0.599, 1), (0.0, 1.501, 1),
        (0.0, 0.4, 1), (0.0, 2.5, 1), (0.0, 0.399, 2), (0.0, 2.501, 2),
        (1.5, 3.0, 2), (3.0, 1.0, 2), (1.5, 0.5, 1),
    ],
)  # fmt: skip
def test_health_has_exact_bounds_and_is_the_worse_of_two_verdicts(score: float, ratio: float, level: int) -> None:
    assert health_of(score, ratio) == HEALTHS[level]


def test_the_health_texts_are_the_ones_clients_match() -> None:
    assert HEALTHS == ("Healthy", "Degraded (Warning)", "Critical (Drift Detected)")


def test_the_windows_have_the_documented_bounds() -> None:
    inside = {START, MIDDLE - timedelta(days=1), MIDDLE, AS_OF}
    outside = {START - timedelta(days=1), AS_OF + timedelta(days=1)}
    values = dict.fromkeys(outside, 1000000000.0) | dict.fromkeys(inside, 7.0)
    values |= alternating(START + timedelta(days=5), 20, 6.0, 8.0) | alternating(
        MIDDLE + timedelta(days=3), 5, 6.0, 8.0
    )
    found = drift.report(table(values), AS_OF)
    assert found.reference == (START, MIDDLE - timedelta(days=1), 22)
    assert found.current == (MIDDLE, AS_OF, 7)
    assert max(found.shifts["Close"].reference_mean, found.shifts["Close"].current_mean) < 8


@pytest.mark.parametrize(("reference", "current"), [(19, 10), (30, 4), (0, 0)])
def test_too_few_rows_give_no_verdict(reference: int, current: int) -> None:
    values = alternating(START, reference, 1.0, 2.0) | alternating(MIDDLE, current, 1.0, 2.0)
    found = drift.report(table(values), AS_OF).result("AAPL", NOW)
    assert isinstance(found, DriftSkipped)
    assert found.reason == (
        f"too few rows: {reference} reference and {current} current sessions, and 20 and 5 are needed"
    )


def test_the_minimum_number_of_rows_gives_a_verdict() -> None:
    values = alternating(START, 20, 1.0, 2.0) | alternating(MIDDLE, 5, 1.0, 2.0)
    assert drift.report(table(values), AS_OF).result("AAPL", NOW).status == "completed"


def test_the_document_has_the_specified_fields() -> None:
    values = alternating(START, 30, 10.0, 11.0) | alternating(MIDDLE, 8, 10.0, 11.0)
    document = as_json(drift.report(table(values), AS_OF).result("AAPL", NOW))
    assert {"health", "drift_score", "volatility_index", "feature_metrics", "timestamp"} <= set(document)
    assert set(document["feature_metrics"]) == set(FEATURES)
    assert set(document["feature_metrics"]["Close"]) == {"ref_mean", "curr_mean", "shift_score"}
    assert document["timestamp"] == "2024-07-01T21:00:00+00:00"
    assert document["as_of"] == "2024-07-01"
    assert document["returns"]["health"] == "Healthy"


@pytest.mark.parametrize(
    ("reference", "current"),
    [((5.0, 5.0), (5.0, 5.0)), ((5.0, 5.0), (5.0, 6.0)), ((5.0, 6.0), (5.0, 5.0)), ((0.0, 0.0), (0.0, 0.0))],
)
def test_constant_series_give_finite_numbers(reference: tuple[float, float], current: tuple[float, float]) -> None:
    values = alternating(START, 30, *reference) | alternating(MIDDLE, 8, *current)
    frame = table(values)
    frame[["Open", "High", "Low", "Close"]] += 1  # prices are above zero, volumes may be zero
    document = as_json(drift.report(frame, AS_OF).result("AAPL", NOW))
    json.dumps(document, allow_nan=False)
    unchanged = reference == current
    assert document["health"] == (HEALTHS[0] if unchanged else document["health"])
    if reference[0] == reference[1] != current[1]:
        assert document["health"] == HEALTHS[2]  # constant before, moving now


def random_walk(seed: int, spread: float, drift_up: float = 0.0) -> pd.DataFrame:
    """Return a random walk over both windows; spread: that of the current window, 0.01 before."""
    rng = np.random.default_rng(seed)
    index = pd.bdate_range(START, AS_OF)
    scale = np.where(index >= pd.Timestamp(MIDDLE), spread, 0.01)
    close = 100 * np.exp(np.cumsum(rng.standard_normal(len(index)) * scale + drift_up))
    frame = pd.DataFrame(dict.fromkeys(FEATURES, close), index=index)
    return frame.assign(Volume=np.exp(rng.normal(15, 0.4, len(index))))


def test_a_rising_price_is_not_drift_of_returns() -> None:
    found = drift.report(random_walk(1, 0.01, drift_up=0.004), AS_OF)
    assert found.returns is not None
    assert (found.health == HEALTHS[0], found.returns.health == HEALTHS[0]) == (False, True)


def test_returns_detect_a_rise_in_volatility() -> None:
    found = drift.report(random_walk(2, 0.05), AS_OF)
    assert found.returns is not None
    assert found.returns.health == HEALTHS[2]
    low, high = found.returns.ratio_95
    assert low < found.returns.ratio < high
    assert low > 2


@pytest.mark.slow
def test_returns_raise_few_false_alarms() -> None:
    alarms = [drift.report(random_walk(seed, 0.01), AS_OF).returns for seed in range(300)]
    share = np.mean([found is not None and found.health != HEALTHS[0] for found in alarms])
    assert share < 0.06  # with price levels: about 0.35 on the same walks


def test_p_values_are_corrected_for_three_tests() -> None:
    assert drift._holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a": 0.03, "c": 0.06, "b": 0.06}
