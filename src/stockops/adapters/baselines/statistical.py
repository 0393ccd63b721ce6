"""Baselines from third-party libraries, an optional extra (port BaselineForecaster). The owner of statsforecast."""

import numpy as np
import numpy.typing as npt

from stockops.adapters.baselines import garch
from stockops.arrays import Floats
from stockops.backtesting.evaluation_set import BaselineForecast
from stockops.errors import UsageError
from stockops.market.windows import HORIZON

Rows = npt.NDArray[np.int64]


class StatisticalBaselines:
    """Port BaselineForecaster: garch, and non-seasonal AutoARIMA, AutoETS, AutoTheta, each channel alone, in logs."""

    def forecasts(self, name: str, values: Floats, rows: Rows) -> BaselineForecast:
        """Return the forecasts of the named baseline from each origin."""
        try:
            return garch.forecasts(values, rows) if name == "garch" else _statsforecast(name, values, rows)
        except ImportError as exc:
            library = "arch" if name == "garch" else "statsforecast"
            hint = "pip install '.[baselines]' in a clone of stockops"
            raise UsageError(f"--baselines {name} needs {library}, which is not installed", hint) from exc


def _statsforecast(name: str, values: Floats, rows: Rows) -> BaselineForecast:
    from statsforecast import models

    logs = np.log1p(values)  # log1p, as volume may be zero
    predicted = np.empty((len(rows), HORIZON, values.shape[1]))
    for channel, series in enumerate(logs.T):
        if np.ptp(series[: rows[0]]) == 0:  # nothing to fit
            predicted[:, :, channel] = series[rows, None]
            continue
        model = getattr(models, name)(season_length=1).fit(series[: rows[0]].copy())
        for origin, row in enumerate(rows):
            predicted[origin, :, channel] = model.forward(series[: row + 1].copy(), h=HORIZON)["mean"]
    return BaselineForecast(np.expm1(predicted))
