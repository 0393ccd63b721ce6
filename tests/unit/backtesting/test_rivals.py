"""HAR and GARCH: rivals as good as they are known to be, using no later data."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from stockops.adapters.baselines import garch
from stockops.backtesting import har, scoring
from stockops.backtesting.evaluation_set import BaselineForecast, EvaluationSet, build_evaluation_set, joined
from stockops.documents.encoding import as_json
from stockops.market import announced
from stockops.market.ohlcv import OHLCV

Rival = Callable[[np.ndarray, np.ndarray], BaselineForecast]


def har_forecasts(values: np.ndarray, rows: np.ndarray) -> BaselineForecast:
    """Return HAR forecasts for sessions without traits."""
    return har.forecasts(values, rows, np.zeros((len(values), announced.SEEN, len(announced.TRAITS))))


RIVALS: list[Rival] = [har_forecasts, garch.forecasts]


@pytest.fixture(scope="module")
def clustered() -> np.ndarray:
    """OHLCV of a GJR-GARCH(1,1) with eight moves a day and autocorrelated volume."""
    rng = np.random.default_rng(5)
    count, moves = 3_000, 8
    variance, last, closes, rows = 1e-4, 0.0, 100.0, []
    volume = 0.0
    for _ in range(count):
        variance = 2e-6 + (0.03 + 0.1 * (last < 0)) * last**2 + 0.91 * variance
        steps = rng.standard_t(8, moves) * np.sqrt(variance * 6 / 8 / moves)
        path = closes * np.exp(np.concatenate([[0.0], np.cumsum(steps)]))
        volume = 0.8 * volume + rng.normal(0, 0.3)
        rows.append([path[0], path.max(), path.min(), path[-1], np.exp(14 + volume)])
        last, closes = float(steps.sum()), float(path[-1])
    return np.array(rows)


def evaluate(values: np.ndarray, rows: np.ndarray, forecast: BaselineForecast) -> EvaluationSet:
    """Return the evaluation set of a rival's ranges as if they were the model's."""
    table = pd.DataFrame(values, columns=list(OHLCV), index=pd.bdate_range("2000-01-03", periods=len(values)))
    last = np.repeat(values[rows][:, None], 5, axis=1)
    assert forecast.bounds is not None
    return build_evaluation_set(
        table,
        rows,
        np.where(np.isnan(forecast.bars), last, forecast.bars),
        np.repeat(forecast.bounds[:, None], 3, axis=1),
    )


@pytest.mark.slow
@pytest.mark.parametrize("rival", RIVALS)
def test_rival_ranges_are_as_good_as_they_are_known_to_be(clustered: np.ndarray, rival: Rival) -> None:
    rows = np.arange(1_500, len(clustered))
    found = as_json(scoring.intervals(evaluate(clustered, rows, rival(clustered, rows)), {}))
    for level in ("80", "95"):
        for days in ("1", "5"):
            figures = found[level]["horizons"][days]
            assert figures["coverage"] == pytest.approx(int(level) / 100, abs=0.02 if days == "1" else 0.05)
            assert figures["winkler_ratio"]["EWMA"] < (1.0 if days == "1" else 1.03), (level, days)
            assert figures["winkler_ratio"]["constant"] < 0.92, (level, days)


@pytest.mark.parametrize("rival", RIVALS)
def test_rival_forecasts_use_no_data_after_their_origin(clustered: np.ndarray, rival: Rival) -> None:
    rows, cut = np.arange(1_500, 1_700), 1_600
    plain = rival(clustered[:1_700], rows)
    altered = clustered[:1_700].copy()
    altered[cut + 1 :] *= np.linspace(0.3, 4.0, 1_700 - cut - 1)[:, None]
    other = rival(altered, rows)
    upto = cut - rows[0] + 1
    assert plain.bounds is not None
    assert other.bounds is not None
    np.testing.assert_array_equal(plain.bounds[:upto], other.bounds[:upto])
    np.testing.assert_array_equal(plain.bars[:upto], other.bars[:upto])
    assert not np.array_equal(plain.bounds[upto:], other.bounds[upto:])


def test_har_beats_naive_forecasts_of_volume_high_and_low(clustered: np.ndarray) -> None:
    rows = np.arange(1_500, len(clustered))
    found = as_json(scoring.channels(evaluate(clustered, rows, har_forecasts(clustered, rows))))
    for channel in ("High", "Low", "Volume"):
        assert found[channel]["horizons"]["1"]["skill"] > 0.05, channel
    assert found["Volume"]["horizons"]["5"]["skill"] > 0.03


def test_channels_that_a_rival_does_not_forecast_are_nan(clustered: np.ndarray) -> None:
    rows = np.arange(1_500, 1_520)
    bars = har_forecasts(clustered, rows).bars
    forecast_channels = [name for channel, name in enumerate(OHLCV) if np.isfinite(bars[..., channel]).all()]
    assert forecast_channels == ["High", "Low", "Volume"]
    assert np.isnan(bars[..., [0, 3]]).all()
    assert np.isnan(garch.forecasts(clustered, rows).bars).all()


@pytest.mark.parametrize("rival", RIVALS)
def test_a_constant_price_gives_ranges_at_that_price(rival: Rival) -> None:
    still = np.tile([50.0, 50.0, 50.0, 50.0, 0.0], (400, 1))
    forecast = rival(still, np.arange(300, 400))
    assert forecast.bounds is not None
    assert forecast.bounds == pytest.approx(50.0, rel=1e-3)


def test_forecasts_of_consecutive_origins_are_joined(clustered: np.ndarray) -> None:
    one, two = np.arange(1_500, 1_510), np.arange(1_510, 1_520)
    whole = joined([har_forecasts(clustered[:1_520], part) for part in (one, two)])
    assert whole.bounds is not None
    assert len(whole.bars) == len(whole.bounds) == 20


def test_the_best_range_is_named_and_peers_are_reported_beside_the_model(clustered: np.ndarray) -> None:
    rows = np.arange(1_500, 2_000)
    ours = evaluate(clustered, rows, har_forecasts(clustered, rows))
    own = ours.bounds[:, 0]
    wide, none = own * [0.5, 2.0], None
    figures = as_json(scoring.intervals(ours, {"wide": wide, "silent": none, "same": own}))["80"]["horizons"]["1"]
    assert set(figures["peers"]) == {"wide", "same"}
    assert figures["winkler_ratio"]["same"] == pytest.approx(1.0)
    assert figures["winkler_ratio"]["wide"] < 1
    assert figures["best_range"] == "same"
    assert figures["peers"]["same"]["coverage"] == figures["coverage"]


def test_har_uses_the_traits_of_the_session_when_forecasting_volume(clustered: np.ndarray) -> None:
    expiry = np.zeros(len(clustered) + 5)
    expiry[::21] = 1.0
    traits = np.zeros((len(clustered), announced.SEEN, len(announced.TRAITS)))
    for ahead in range(announced.SEEN):
        traits[:, ahead, announced.TRAITS.index("expiry")] = expiry[ahead : ahead + len(clustered)]
    values, rows = clustered.copy(), np.arange(1_500, 2_900)
    values[:, OHLCV.index("Volume")] *= np.where(expiry[: len(values)] > 0, 2.0, 1.0)
    volume = OHLCV.index("Volume")
    informed, plain = (
        har.forecasts(values, rows, traits).bars[..., volume],
        har_forecasts(values, rows).bars[..., volume],
    )
    for days in (1, 5):
        special = expiry[rows + days] > 0
        assert np.median(informed[special, days - 1] / plain[special, days - 1]) > 1.6
        actual = values[rows + days, volume]
        assert np.abs(informed[:, days - 1] - actual).mean() < 0.95 * np.abs(plain[:, days - 1] - actual).mean()
