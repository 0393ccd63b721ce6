"""What a home stores, on a terminal: artifacts, cached forecasts and reports, and the results of `doctor`."""

from typing import TYPE_CHECKING

from stockops.console.views.common import age

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.documents.stores import CacheCleared, CacheList, DoctorResult, Outputs


def outputs(document: "Outputs") -> "RenderableType":
    """Show the artifacts, one per row."""
    from rich.table import Table

    apart = {f"{name} as of {day}": parts for day, found in document.as_of.items() for name, parts in found.items()}
    found = {**document.outputs, **apart}
    if not found:
        return "nothing under outputs/ yet; run: stockops train-parent"
    table = Table("ticker", "category", "path", title="outputs", title_justify="left")
    table.add_column("size", justify="right")
    table.add_column("age", justify="right")
    for ticker, categories in found.items():
        for category, entries in categories.items():
            for entry in entries:
                size = f"{entry.bytes / 1024:,.0f} kB"
                table.add_row(ticker, category, entry.path, size, age(entry.age_seconds))
    return table


def cache_entries(document: "CacheList") -> "RenderableType":
    """Show the cached forecasts and reports, one per row, and the hits and misses of forecasts."""
    from rich.console import Group
    from rich.table import Table

    table = Table(
        "ticker", "after", "model", "source", "made at", "fresh until", title="forecasts", title_justify="left"
    )
    table.add_column("expires in", justify="right")
    for row in document.entries:
        cells = (row.ticker, row.last_date, row.model_version, row.source, row.made_at)
        table.add_row(*cells, row.fresh_until or "the file changes", age(row.seconds_left or 0))
    written = Table("ticker", "question", "stance", "by", title="reports", title_justify="left")
    written.add_column("expires in", justify="right")
    for report in document.reports:
        told = (report.ticker, report.question, report.recommendation, report.provider)
        written.add_row(*map(str, told), age(report.seconds_left))
    return Group(table, f"{document.hits} hits, {document.misses} misses", written)


def cleared(document: "CacheCleared") -> "RenderableType":
    """Show whose forecasts and reports were deleted."""
    forecasts, reports = (", ".join(names) or "none" for names in (document.cleared, document.cleared_reports))
    return f"deleted: forecasts of {forecasts}; reports of {reports}"


def findings(document: "DoctorResult") -> "RenderableType":
    """Show the checks, one per row, each failed one with its fix."""
    from rich.table import Table

    colours = {"up": "green", "down": "yellow", "broken": "red"}
    table = Table("", "state", "what", title="Required checks passed" if document.ok else "Required checks failed")
    table.add_column("ms", justify="right")
    for row in document.checks:
        what = row.detail + (f"\n-> {row.hint}" if row.hint else "")
        state = f"[{colours[row.state]}]{row.state}[/]"
        table.add_row(row.name, state, what, str(row.latency_ms))
    return table
