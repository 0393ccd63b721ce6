"""A window as the network sees it: relative to its last close, in units of its own volatility.

So a price never seen before looks like any other, 2005 like 2025, and a calm month like a wild one. What the network
says is measured the same way and led back to raw units here. Windows are float64 in raw units, columns FEATURES.
"""

import math

import numpy as np
import numpy.typing as npt

from stockops.market.features import FEATURES

Floats = npt.NDArray[np.float64]

_HIGH, _LOW, _CLOSE, _VOLUME, _RSI = (FEATURES.index(name) for name in ("High", "Low", "Close", "Volume", "RSI14"))
_RSI_POINTS = 15.0  # about its standard deviation, so that RSI14 weighs in the loss like the others
_WILDEST = 5.0  # largest change of log volume, a factor of 150, whatever the head says
_DECAY = 0.85  # of a session's weight in today's volatility
_LATELY = 0.7  # how far volatility is what it was lately, and not what is usual
QUIET = 1e-4  # a price that moves less than a basis point a day gives no unit to measure in
_AVERAGES = (5, 20, 60)  # sessions that volume is compared with; as in HAR models (Corsi, 2009), plus the window
STANDING = len(_AVERAGES) + 2


def daily_variance(rows: Floats) -> Floats:
    """Return the variance of each session's log return but the first's, (..., sessions - 1); 0 and less where it stood.

    rows: open, high, low, close and whatever follows, (..., sessions, channels). That of the night (last close to
    open) and of the day (Garman-Klass, from open, high, low and close), which tells several times more than the close.
    Source: Garman, Klass, On the Estimation of Security Price Volatilities from Historical Data (1980).
    """
    opened, high, low, close = np.moveaxis(np.log(rows[..., : _CLOSE + 1]), -1, 0)
    night = np.square(opened[..., 1:] - close[..., :-1])
    day = 0.5 * np.square(high - low) - (2 * math.log(2) - 1) * np.square(close - opened)
    found: Floats = night + day[..., 1:]
    return found


def volatility(windows: Floats) -> Floats:
    """Return the standard deviation of a daily log return as it stands at the end of a window, shape (windows,).

    The estimate lies between the mean of `daily_variance` over the window and one that weighs the last days most, in
    logarithms: volatility comes back to what is usual. The mean return is taken as zero; never below a basis point.
    """
    variance = daily_variance(windows)
    weights = _DECAY ** np.arange(variance.shape[1] - 1, -1, -1)
    lately, usual = variance @ (weights / weights.sum()), variance.mean(axis=1)
    found: Floats = np.maximum(np.sqrt(lately**_LATELY * usual ** (1 - _LATELY)), QUIET)
    return found


def units(windows: Floats) -> Floats:
    """Return what a change is measured in, (windows, 1, 7): a window's own volatility.

    Prices and MACD: the last close times the volatility, what a usual day brings. Volume is measured in logarithms
    and RSI14 in points: it has a scale of its own.
    """
    usual = windows[:, -1, _CLOSE] * volatility(windows)
    unit = np.repeat(usual[:, None, None], windows.shape[-1], axis=2)
    unit[..., _VOLUME] = 1.0
    unit[..., _RSI] = _RSI_POINTS
    return unit


def anchor(windows: Floats) -> Floats:
    """Return what a forecast starts from, (windows, 1, 7): the last row, with its close for every price."""
    last = windows[:, -1:].copy()
    last[..., :_CLOSE] = last[..., _CLOSE, None]
    return last


def relative(windows: Floats) -> Floats:
    """Return windows (windows, 60, 7) as changes from the anchor in `units`.

    RSI14 alone keeps its level, which is what an oscillator means.
    """
    origin = _logged(anchor(windows))
    origin[..., _RSI] = 0.0
    return (_logged(windows) - origin) / units(windows)


def changes(windows: Floats, rows: Floats) -> Floats:
    """Return rows (windows, days, 5 or 7) as changes from the anchor in `units`: what the head is to say."""
    columns = rows.shape[-1]
    return (_logged(rows) - _logged(anchor(windows))[..., :columns]) / units(windows)[..., :columns]


def applied(windows: Floats, change: npt.NDArray[np.floating]) -> Floats:
    """Return the rows in raw units that these changes lead to, (windows, days, 7)."""
    origin = anchor(windows)
    rows = origin + change * units(windows)
    volume, growth = origin[..., _VOLUME], np.clip(change[..., _VOLUME], -_WILDEST, _WILDEST)
    rows[..., _VOLUME] = volume + (volume + 1) * np.expm1(growth, dtype=np.float64)
    return rows


def standing(windows: Floats) -> Floats:
    """Return where the last row stands in its window, (windows, 5).

    Log volume less its mean over 5, 20 and 60 sessions; log of today's volatility over the window's; the day's
    range in usual days' moves.
    """
    volume = np.log1p(windows[..., _VOLUME])
    last, close = windows[:, -1], windows[..., _CLOSE]
    now = volatility(windows)
    usual = np.maximum(np.sqrt(np.square(np.diff(np.log(close), axis=1)).mean(axis=1)), QUIET)
    span = (last[:, _HIGH] - last[:, _LOW]) / (last[:, _CLOSE] * now)
    against = [volume[:, -1] - volume[:, -sessions:].mean(axis=1) for sessions in _AVERAGES]
    return np.stack([*against, np.log(now / usual), span], axis=1)


def _logged(rows: Floats) -> Floats:
    """Return rows with volume in logarithms; a session without trading is zero in both."""
    logged = rows.copy()
    logged[..., _VOLUME] = np.log1p(logged[..., _VOLUME])
    return logged
