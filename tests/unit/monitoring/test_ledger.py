from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from stockops.documents.encoding import encoded
from stockops.documents.monitoring import PerformanceResult, PerformanceSkipped
from stockops.monitoring.ledger import Performance, score
from stockops.records import LedgerEntry

NOW = datetime(2024, 7, 1, 21, tzinfo=UTC)
SESSIONS = [stamp.date() for stamp in pd.bdate_range("2024-01-01", periods=120)]
LEVELS = 100 * np.cumprod(1 + 0.01 * (-1.0) ** np.arange(120))  # alternately up and down by 1 %
CLOSES = dict(zip(SESSIONS, map(float, LEVELS), strict=True))


def bars(closes: dict[date, float] = CLOSES, to: int = 120) -> pd.DataFrame:
    index = pd.DatetimeIndex([pd.Timestamp(day) for day in SESSIONS[:to]])
    return pd.DataFrame({"Close": [closes[day] for day in SESSIONS[:to]]}, index=index)


def entry(row: int, change: float, horizon: int = 1, width: float = 0.02, **more: object) -> LedgerEntry:
    """Return a forecast of `change` from the close of a session; width: half of both ranges."""
    origin = SESSIONS[row]
    close = CLOSES[origin] * (1 + change)
    intervals = (close * (1 - width), close * (1 + width))
    made = LedgerEntry(
        "AAPL", "child", "csv", "v1", origin, CLOSES[origin], SESSIONS[row + horizon], horizon, close, close, close,
        close, 1e6, intervals, intervals, "2024-01-01T00:00:00+00:00",
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def actual_change(row: int, horizon: int = 1) -> float:
    return CLOSES[SESSIONS[row + horizon]] / CLOSES[SESSIONS[row]] - 1


def test_errors_match_numbers_worked_by_hand() -> None:
    """Days alternate +1 % and -1 %; half of each change is forecast, so the error is half of persistence's."""
    found = score([entry(row, actual_change(row) / 2) for row in range(90, 119)], bars()).spans[20][0]
    assert found.forecasts == 20
    assert found.mae_percent == pytest.approx(0.5, rel=0.02)
    assert found.persistence_mae_percent == pytest.approx(1.0, rel=0.02)
    assert found.mase == pytest.approx(0.5)
    assert found.skill == pytest.approx(0.5)
    assert found.bias_percent == pytest.approx(0.0, abs=0.02)
    assert found.coverage == {80: 1.0, 95: 1.0}


def test_bias_keeps_its_sign_and_misses_lower_coverage() -> None:
    entries = [entry(row, actual_change(row) + 0.01, width=0.005) for row in range(60, 119)]
    found = score(entries, bars()).spans[60][1]
    assert found.bias_percent == pytest.approx(1.0)
    assert found.coverage == {80: 0.0, 95: 0.0}


def test_persistence_has_a_scaled_error_of_one() -> None:
    found = score([entry(row, 0.0) for row in range(60, 119)], bars())
    assert found.spans[60][0].mase == pytest.approx(1.0)
    assert found.health == "Healthy"


@pytest.mark.parametrize(
    ("share", "health"), [(2.04, "Healthy"), (2.06, "Degraded"), (2.24, "Degraded"), (2.26, "Critical")]
)
def test_health_follows_the_scaled_error(share: float, health: str) -> None:
    entries = [entry(row, actual_change(row) * share, width=0.5) for row in range(60, 119)]
    found = score(entries, bars())
    assert found.spans[60][0].mase == pytest.approx(share - 1)
    assert found.health == health


@pytest.mark.parametrize(
    ("outside", "health"),
    [
        (0, "Healthy"),
        (7, "Healthy"),
        (9, "Degraded"),
        (14, "Critical"),
    ],  # of 59 at 95 %: 3 are expected, 8 happen 1 time in 100
)
def test_health_follows_coverage(outside: int, health: str) -> None:
    entries = [entry(row, 0.0, width=0.5) for row in range(60, 119)]
    entries = [replace(e, close_95=(1.0, 2.0)) if n < outside else e for n, e in enumerate(entries)]
    assert score(entries, bars()).health == health


def test_a_rewritten_price_history_changes_nothing() -> None:
    entries = [entry(row, actual_change(row) / 2) for row in range(60, 119)]
    split = {day: close / 4 for day, close in CLOSES.items()}
    assert score(entries, bars(split)).result("AAPL", NOW) == score(entries, bars()).result("AAPL", NOW)


def test_only_matured_forecasts_count() -> None:
    entries = [entry(row, 0.0, horizon) for row in range(60, 114) for horizon in (1, 5)]
    found = score(entries, bars(to=101))
    assert found.matured == sum(e.target <= SESSIONS[100] for e in entries)
    assert found.pending == len(entries) - found.matured
    assert found.last == SESSIONS[100]


def test_too_few_forecasts_give_no_verdict() -> None:
    found = score([entry(row, 0.0) for row in range(60, 79)], bars()).result("AAPL", NOW)
    assert isinstance(found, PerformanceSkipped)
    assert found.reason == "too few forecasts have come of age: 19 of one day ahead, and 20 are needed"
    assert score([], bars()).matured == 0


def test_old_forecasts_give_no_verdict() -> None:
    found = score([entry(row, 0.0) for row in range(10, 40)], bars())
    assert found.skipped == "no forecast of the last 60 sessions"


def test_the_latest_of_several_forecasts_of_a_session_counts() -> None:
    first = [entry(row, 0.5) for row in range(60, 119)]
    later = [replace(e, close=e.origin_close, made_at="2024-01-02T00:00:00+00:00") for e in first]
    for entries in ([*first, *later], [*later, *first]):
        assert score(entries, bars()).spans[60][0].mase == pytest.approx(1.0)


def test_horizons_are_scored_separately_and_days_beyond_the_week_left_out() -> None:
    entries = [entry(row, actual_change(row, h) / 2 if h == 1 else 0.0, h) for row in range(60, 114) for h in (1, 5, 6)]
    found = score(entries, bars()).result("AAPL", NOW)
    assert isinstance(found, PerformanceResult)
    errors = found.sessions["60"]
    assert set(errors.horizons) == {"1", "5"}
    assert errors.horizons["1"].mase == pytest.approx(0.5)
    assert errors.horizons["5"].mase == pytest.approx(1.0)
    assert errors.forecasts == sum(part.forecasts for part in errors.horizons.values())


def test_a_constant_history_gives_finite_numbers() -> None:
    constant = dict.fromkeys(SESSIONS, 100.0)
    entries = [replace(entry(row, 0.0), origin_close=100.0, close=100.0) for row in range(60, 119)]
    found = score(entries, bars(constant))
    encoded(found.result("AAPL", NOW))
    assert found.spans[60][0].mase is None
    assert isinstance(found, Performance)
