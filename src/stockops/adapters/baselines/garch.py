"""The strongest cheap baseline for ranges: GJR-GARCH(1,1)-t with filtered historical simulation. The owner of arch.

Source: Glosten, Jagannathan, Runkle, On the Relation between the Expected Value and the Volatility (1993);
Barone-Adesi, Giannopoulos, Vosper, VaR without Correlations for Portfolios of Derivative Securities (1999).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stockops.arrays import Floats
from stockops.backtesting.evaluation_set import CLOSE, BaselineForecast
from stockops.forecasting.ranges import TAILS
from stockops.market.ohlcv import OHLCV
from stockops.market.windows import HORIZON

Rows = npt.NDArray[np.int64]

_PATHS = 1_000
_PERCENT = 100  # arch's optimiser needs returns near 1


def forecasts(values: Floats, rows: Rows) -> BaselineForecast:
    """Return its ranges on Close from each origin; the bars are NaN.

    values: OHLCV, (rows, 5). rows: consecutive row numbers of the origins. The model is fitted once, on data up to the
    first origin; its variance is then updated with each session. Paths sample the standardised residuals of the fit.
    """
    closes = values[: rows[-1] + 1, CLOSE]
    bars = np.full((len(rows), HORIZON, len(OHLCV)), np.nan)
    returns = _PERCENT * np.diff(np.log(closes))  # return i belongs to row i + 1
    known = int(rows[0])
    if np.ptp(returns[:known]) == 0:  # nothing to fit
        return BaselineForecast(bars, np.tile(closes[rows, None, None, None], (1, len(TAILS), HORIZON, 2)))
    garch = _fitted(returns[:known])
    missed = returns - garch.mean
    variance = garch.filtered(missed, float(missed[:known].var()))
    residuals = missed[:known] / np.sqrt(variance[:known])
    drawn = np.random.default_rng(0).choice(residuals, (len(rows), HORIZON, _PATHS))
    ahead, total = variance[rows, None], np.zeros((len(rows), _PATHS))
    bounds = np.empty((len(rows), len(TAILS), HORIZON, 2))
    for step in range(HORIZON):
        shock = drawn[:, step] * np.sqrt(ahead)
        total += garch.mean + shock
        ahead = garch.next(shock, ahead)
        bounds[:, :, step] = np.moveaxis(np.quantile(total / _PERCENT, TAILS, axis=1), -1, 0)
    return BaselineForecast(bars, closes[rows, None, None, None] * np.exp(bounds))


@dataclass(frozen=True, slots=True)
class _Garch:
    """The fitted parameters, for returns in percent."""

    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float

    def next(self, shock: Any, variance: Any) -> Any:
        """Return the variance of the session after one with this shock and variance."""
        return self.omega + (self.alpha + self.gamma * (shock < 0)) * shock**2 + self.beta * variance

    def filtered(self, missed: Floats, first: float) -> Floats:
        """Return the variance of each return and of the next one, (returns + 1,)."""
        variance = [first]
        for shock in missed:
            variance.append(float(self.next(shock, variance[-1])))
        return np.array(variance)


def _fitted(returns: Floats) -> _Garch:
    from arch import arch_model

    model = arch_model(returns, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
    params = model.fit(disp="off", show_warning=False).params
    return _Garch(*(float(params[name]) for name in ("mu", "omega", "alpha[1]", "gamma[1]", "beta[1]")))
