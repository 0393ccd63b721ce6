"""Summarises a backtest for reports and terminal. Reads its records only; needs no numeric library."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from stockops.documents.backtest import (
    BacktestSummary,
    Channel,
    Finding,
    HorizonFigures,
    RangeLevel,
)
from stockops.records import FailOn

_SURE = 0.01  # p-value at each of five horizons: 0.05 for all of them
_SHOWN = ("1", "5")


def finding(figures: HorizonFigures) -> Finding:
    """Return whether a channel at one horizon is significantly better or worse than its best naive forecast."""
    test = figures.diebold_mariano[figures.best_naive]
    if test is None or test.p_value >= _SURE:
        return "tied"
    return "better" if test.statistic < 0 else "worse"


def brief(
    ticker: str,
    channels: Mapping[str, Channel],
    ranges: Mapping[str, RangeLevel],
    *,
    start: str,
    end: str,
    origins: int,
    source: str,
    refit: str,
) -> BacktestSummary:
    """Return the summary of a backtest: skill of every channel, findings on Close, coverage, and a text."""
    close = {days: found for days, found in channels["Close"].horizons.items() if found}
    stated = [found.skill for found in close.values() if found.skill is not None]
    summary = BacktestSummary(
        start=start,
        end=end,
        origins=origins,
        source=source,
        refit=refit,
        skill={
            name: {days: found.skill for days in _SHOWN if (found := part.horizons.get(days))}
            for name, part in channels.items()
        },
        close_skill=sum(stated) / len(stated) if stated else None,
        close_findings={days: finding(found) for days, found in close.items()},
        coverage={level: part.coverage for level, part in ranges.items()},
        text="",
    )
    return replace(summary, text=_text(ticker, summary))


def alarm(channels: Mapping[str, Channel], summary: BacktestSummary, fail_on: FailOn | None) -> str:
    """Return why a backtest fails under `fail_on`, "" if it does not.

    `worse`: Close is significantly worse than its best naive forecast at some horizon. `tied`: or better at none.
    """
    horizons, findings = channels["Close"].horizons, summary.close_findings
    worse = [_tested(days, found) for days, found in horizons.items() if found and findings[days] == "worse"]
    if fail_on and worse:
        return f"Close is worse than its best naive forecast: {', '.join(worse)}"
    if fail_on == "tied" and "better" not in findings.values():
        return f"Close is nowhere better than its best naive forecast: {_close(summary)}"
    return ""


def against_best(level: RangeLevel) -> tuple[dict[str, float | None], str]:
    """Return the model's Winkler score at a level over that of the best other ranges, by days ahead.

    Also returns the names of those, the most frequent first. A ratio is None if the other score is zero.
    """
    ratios = {days: found.winkler_ratio.get(found.best_range) for days, found in level.horizons.items()}
    names = Counter(found.best_range for found in level.horizons.values())
    return ratios, ", ".join(name for name, _ in names.most_common())


def _tested(days: str, figures: HorizonFigures) -> str:
    test = figures.diebold_mariano[figures.best_naive]
    sure = f", Diebold-Mariano p = {test.p_value:.1g}" if test else ""
    return f"{_days(days)} ahead (skill {_percent(figures.skill)}{sure})"


def verdict(summary: BacktestSummary) -> str:
    """Return what a backtest found about Close, and over which period."""
    return f"Close {_close(summary)} in the backtest of {summary.start} to {summary.end}"


def worth(summary: BacktestSummary | None, ticker: str) -> str:
    """Return the verdict of a backtest, or that there is none."""
    return untested(ticker) if summary is None else verdict(summary)


def untested(ticker: str) -> str:
    """Return the notice for a model without a backtest."""
    return f"not tested on unseen sessions: run stockops backtest --ticker {ticker}"


def _text(ticker: str, summary: BacktestSummary) -> str:
    others = ", ".join(f"{name} {_both(summary.skill[name])}" for name in ("High", "Low", "Volume", "Open"))
    inside = " and ".join(
        f"{100 * share:.1f} % of closes fell into their {level} % range" for level, share in summary.coverage.items()
    )
    return (
        f"{ticker}, {summary.origins:,} forecasts from {summary.start} to {summary.end}, each from a model "
        f"that had not seen what came: Close {_close(summary)}. Against the best naive forecast of each, at 1 day and "
        f"at 5: {others}. {inside}."
    )


def _both(skill: Mapping[str, float | None]) -> str:
    return " and ".join(_percent(skill[days]) for days in _SHOWN if days in skill)


def _close(summary: BacktestSummary) -> str:
    skill = summary.skill["Close"]
    figures = ", ".join(f"{_percent(skill[days])} at {_days(days)}" for days in _SHOWN if days in skill)
    found = summary.close_findings
    parts = [
        f"is {word} than 'tomorrow = today' at {_days(', '.join(days))}"
        for word in ("better", "worse")
        if (days := [day for day, what in found.items() if what == word])
    ]
    told = " and ".join(parts) or "ties with 'tomorrow = today'"
    return f"{told} (skill {figures})"


def _days(days: str) -> str:
    return "1 day" if days == "1" else f"{days} days"


def _percent(skill: float | None) -> str:
    return "-" if skill is None else f"{100 * skill:+.1f} %"
