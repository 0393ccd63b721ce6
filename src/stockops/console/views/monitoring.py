"""Monitoring results on a terminal."""

from typing import TYPE_CHECKING

from stockops.console.views.common import captioned, model_age

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.documents.monitoring import (
        Drift,
        DriftSkipped,
        Evaluation,
        MonitoringResult,
        PartFailed,
        PartSkipped,
        Performance,
        PerformanceSkipped,
        ReturnsDrift,
    )


def monitored(document: "MonitoringResult") -> "RenderableType":
    """Show the monitoring result of a ticker, part by part."""
    from rich.console import Group
    from rich.panel import Panel

    parts = [drift(document.drift), evaluation(document.agent_eval), performance(document.performance)]
    notes = [f"degraded: {', '.join(document.degraded)}"] if document.degraded else []
    notes += model_age(document.model_age_sessions or 0)  # unknown without a forecast
    title = f"{document.ticker}: {document.health or 'not judged'}"
    title = captioned(title, document.data) if document.data else title
    return Panel(Group(*parts, *notes), title=title, title_align="left")


def drift(part: "Drift") -> "RenderableType":
    """Show a drift report: returns, and levels, which move by nature."""
    from rich.console import Group
    from rich.table import Table

    if part.status != "completed":
        return _without("drift", part)
    table = Table("feature", box=None, padding=(0, 2, 0, 0))
    for name in ("reference", "current", "shift"):
        table.add_column(name, justify="right")
    for name, shift in part.feature_metrics.items():
        numbers = (f"{mean:,.4g}" for mean in (shift.ref_mean, shift.curr_mean))
        table.add_row(name, *numbers, f"{shift.shift_score:.2f} sd")
    levels = f"score {part.drift_score:.2f}, volatility ratio {part.volatility_index:.2f}"
    return Group(
        f"[bold]Drift[/] as of {part.as_of}",
        *([_returns(part.returns)] if part.returns else []),
        f"  levels   {_coloured(part.health)}: {levels}; levels move by nature",
        table,
    )


def _returns(returns: "ReturnsDrift") -> str:
    low, high = returns.volatility.interval_95
    return f"  returns  {_coloured(returns.health)}: volatility ratio in {low:.2f} to {high:.2f}"


def evaluation(part: "Evaluation") -> "RenderableType":
    """Show an evaluation of the analyst's report."""
    from stockops.documents.monitoring import EvaluationResult

    if not isinstance(part, EvaluationResult):
        return _without("agent evaluation", part)
    found = part.metrics
    grounding, against = found.grounding, "" if found.stance_agrees else ", against the forecast"
    lines = [f"\n[bold]Analyst[/] {found.status}: score {found.overall_score:.2f}, written by {found.provider}"]
    if grounding:
        share = f"{grounding.share:.0%} of {grounding.claims} claims stand in the facts"
        lines.append(f"  {share}; {found.recommendation}{against}")
    if grounding and grounding.unmatched:
        lines.append(f"  not borne out: {', '.join(grounding.unmatched)}")
    return "\n".join(lines)


def performance(part: "Performance") -> "RenderableType":
    """Show the scores of past forecasts."""
    from rich.console import Group
    from rich.table import Table

    if part.status != "completed":
        return _without("performance", part)
    table = Table("sessions", box=None, padding=(0, 2, 0, 0))
    for name in ("forecasts", "error", "tomorrow = today", "MASE", "bias", "in 80 %", "in 95 %"):
        table.add_column(name, justify="right")
    for sessions, found in part.sessions.items():
        shares = (f"{found.coverage[level]:.0%}" for level in ("80", "95"))
        mase = "-" if found.mase is None else f"{found.mase:.3f}"
        errors = (f"{error:.2f} %" for error in (found.mae_percent, found.persistence_mae_percent))
        table.add_row(sessions, str(found.forecasts), *errors, mase, f"{found.bias_percent:+.2f} %", *shares)
    return Group(f"\n[bold]Forecasts[/] {_coloured(part.health)}", table)


def _without(name: str, part: "PartSkipped | PartFailed | DriftSkipped | PerformanceSkipped") -> str:
    reason = part.error.message if part.status == "failed" else part.reason
    return f"[bold]{name}[/] {part.status}: {reason}"


def _coloured(health: str) -> str:
    colours = {"Healthy": "green", "Degraded": "yellow", "Critical": "red"}
    return f"[{colours[health.split()[0]]}]{health}[/]"
