"""A backtest on one screen: is the model any good, at which horizon, and how certain is that?"""

from typing import TYPE_CHECKING

from stockops.console.views.common import caveats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType
    from rich.table import Table

    from stockops.documents.backtest import BacktestResult, Channel, PeerFigures, RangeLevel

_COMPARED = (("Close", "1"), ("Close", "5"), ("High", "1"), ("Low", "1"), ("Volume", "1"))
_SURE = 0.01


def backtested(document: "BacktestResult") -> "RenderableType":
    """Show the result of `backtest`."""
    from rich.console import Group

    parts = [_skills(document.channels), _ranges(document.ranges), *_peers(document.peers)]
    return Group(
        f"[bold]{document.ticker}[/]: {document.origins:,} forecasts of unseen sessions, "
        f"{document.start} to {document.end}",
        *_learnt(document),
        *(f"{caveat[0].upper()}{caveat[1:]}." for caveat in caveats(document.data)),
        _verdict(document.summary.close_findings),
        *parts,
        "; ".join([f"* Diebold-Mariano p < {_SURE}", *(document.artifacts or ())[:1]]),
    )


def _learnt(document: "BacktestResult") -> list[str]:
    """Return notes on what is tested, unless it is a model with a parent trained on the index alone."""
    found = []
    if document.strategy == "parent":
        found.append("Too young for a model of its own: this tests its parent as it is.")
    if panel := document.panel:
        beside = f"{len(panel)} others" if len(panel) > 1 else panel[0]
        tested = f", {document.ticker} among them" if document.ticker in panel else ""
        found.append(f"The parent learnt from ^GSPC and {beside}{tested}.")
    return found


def _verdict(findings: "Mapping[str, str]") -> str:
    for word, colour in (("worse", "red"), ("better", "green")):
        if days := [day for day, what in findings.items() if what == word]:
            return f"Close is [{colour}]{word}[/] than persistence at {', '.join(days)} sessions ahead."
    return "Close [yellow]ties[/] with persistence at every horizon: no direction is told."


def _skills(channels: "Mapping[str, Channel]") -> "Table":
    from stockops.backtesting.summary import finding

    table = _table("skill, days ahead", list(channels["Close"].horizons), "best naive")
    for name, part in channels.items():
        cells = [
            "- " if figures is None else f"{_percent(figures.skill)}{_star(finding(figures) != 'tied')}"
            for figures in part.horizons.values()
        ]
        next_day = part.horizons["1"]
        table.add_row(name, *cells, next_day.best_naive if next_day else "")
    directions = [figures and figures.direction for figures in channels["Close"].horizons.values()]
    told = [f"{found.accuracy:.1%} " if found else "- " for found in directions]
    up = f"always up {directions[0].naive_accuracy['always up']:.1%}" if directions[0] else ""
    table.add_row("direction of Close", *told, up)
    return table


def _ranges(ranges: "Mapping[str, RangeLevel]") -> "Table":
    from stockops.backtesting.summary import against_best

    table = _table("ranges on Close", [*ranges["80"].horizons, "all"])
    for level, part in ranges.items():
        cells = [f"{found.coverage:.1%} " for found in part.horizons.values()]
        table.add_row(f"in the {level} % range", *cells, f"{part.coverage:.1%} ")
    ratios, best = against_best(ranges["80"])
    cells = ["- " if ratio is None else f"{ratio:.3f} " for ratio in ratios.values()]
    table.add_row("Winkler / best 80 %", *cells, best)
    return table


def _peers(peers: "Mapping[str, Mapping[str, Mapping[str, PeerFigures]]]") -> "list[Table]":
    if not peers:
        return []
    table = _table("skill against", [f"{channel} {days}" for channel, days in _COMPARED])
    for name, channels in peers.items():
        if not channels:
            continue
        cells = []
        for channel, days in _COMPARED:
            found = channels.get(channel, {}).get(days)
            sure = found is not None and found.p_value is not None and found.p_value < _SURE
            cells.append("- " if found is None else f"{_percent(found.model_skill)}{_star(sure)}")
        table.add_row(name, *cells)
    return [table]


def _table(title: str, columns: list[str], last: str = "") -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column(title, min_width=20)
    for name in columns:
        table.add_column(f"{name} ", justify="right", min_width=7)
    if last:
        table.add_column(last)
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:+.1%}"


def _star(sure: bool) -> str:
    return "*" if sure else " "
