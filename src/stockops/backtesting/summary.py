"""What a backtest comes to, for those who quote it. Only its document is read: no library of numbers is needed."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from stockops.records import Document, FailOn

Finding = Literal["better", "tied", "worse"]

_SURE = 0.01  # a p-value for each of five horizons: one in twenty for all of them
_SHOWN = ("1", "5")


def finding(figures: Mapping[str, Any]) -> Finding:
    """Return what a channel's figures at one horizon say against its best naive forecast, beyond what chance brings."""
    test = figures["diebold_mariano"][figures["best_naive"]]
    if test is None or test["p_value"] >= _SURE:
        return "tied"
    return "better" if test["statistic"] < 0 else "worse"


def brief(document: Mapping[str, Any]) -> Document:
    """Return the honest summary of a backtest: skill of every channel, findings on Close, coverage, and a sentence."""
    channels, ranges = document["channels"], document["ranges"]
    close = {days: found for days, found in channels["Close"]["horizons"].items() if found}
    skills = {
        name: {days: found["skill"] for days in _SHOWN if (found := part["horizons"].get(days))}
        for name, part in channels.items()
    }
    stated = [found["skill"] for found in close.values() if found["skill"] is not None]
    summary: Document = {name: document[name] for name in ("start", "end", "origins", "source", "refit")}
    summary |= {
        "skill": skills,
        "close_skill": sum(stated) / len(stated) if stated else None,
        "close_findings": {days: finding(found) for days, found in close.items()},
        "coverage": {level: part["coverage"] for level, part in ranges.items()},
    }
    return summary | {"text": _text(document["ticker"], summary)}


def alarm(document: Mapping[str, Any], fail_on: FailOn | None) -> str:
    """Return why a backtest is as bad as that or worse, "" where it is not.

    `worse`: Close is worse than its best naive forecast at some horizon, beyond chance. `tied`: or nowhere better.
    """
    horizons, findings = document["channels"]["Close"]["horizons"], document["summary"]["close_findings"]
    worse = [_tested(days, horizons[days]) for days, found in findings.items() if found == "worse"]
    if fail_on and worse:
        return f"Close is worse than its best naive forecast: {', '.join(worse)}"
    if fail_on == "tied" and "better" not in findings.values():
        return f"Close is nowhere better than its best naive forecast: {_close(document['summary'])}"
    return ""


def against_best(part: Mapping[str, Any]) -> tuple[dict[str, float | None], str]:
    """Return the Winkler score of the model's ranges of a level over that of the best others, by days ahead.

    And whose those are, the most frequent first. None where theirs has no width.
    """
    horizons = part["horizons"]
    ratios = {days: found["winkler_ratio"].get(found["best_range"]) for days, found in horizons.items()}
    names = Counter(found["best_range"] for found in horizons.values())
    return ratios, ", ".join(name for name, _ in names.most_common())


def _tested(days: str, figures: Mapping[str, Any]) -> str:
    p_value = figures["diebold_mariano"][figures["best_naive"]]["p_value"]
    return f"{_days(days)} ahead (skill {_percent(figures['skill'])}, Diebold-Mariano p = {p_value:.1g})"


def verdict(summary: Mapping[str, Any]) -> str:
    """Return what a backtest found about Close, and when: the one figure of a model's worth."""
    return f"Close {_close(summary)} in the backtest of {summary['start']} to {summary['end']}"


def worth(summary: Mapping[str, Any] | None, ticker: str) -> str:
    """Return the verdict of a backtest, or that there is none to quote."""
    return untested(ticker) if summary is None else verdict(summary)


def untested(ticker: str) -> str:
    """Return what is to be said of a model that no backtest has tested."""
    return f"not tested on unseen sessions: run stockops backtest --ticker {ticker}"


def _text(ticker: str, summary: Document) -> str:
    others = ", ".join(f"{name} {_both(summary['skill'][name])}" for name in ("High", "Low", "Volume", "Open"))
    inside = " and ".join(
        f"{100 * share:.1f} % of closes fell into their {level} % range" for level, share in summary["coverage"].items()
    )
    return (
        f"{ticker}, {summary['origins']:,} forecasts from {summary['start']} to {summary['end']}, each from a model "
        f"that had not seen what came: Close {_close(summary)}. Against the best naive forecast of each, at 1 day and "
        f"at 5: {others}. {inside}."
    )


def _both(skill: Mapping[str, float | None]) -> str:
    return " and ".join(_percent(skill[days]) for days in _SHOWN if days in skill)


def _close(summary: Mapping[str, Any]) -> str:
    skill = summary["skill"]["Close"]
    figures = ", ".join(f"{_percent(skill[days])} at {_days(days)}" for days in _SHOWN if days in skill)
    found = summary["close_findings"]
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
