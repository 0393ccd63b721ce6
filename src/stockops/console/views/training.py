"""A training and its metrics on a terminal."""

from typing import TYPE_CHECKING

from stockops.console.views.common import captioned

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.documents.training import GroupScore, HeldOutScores, MetricsResult, TrainedModel

_OVERLAP = "these windows overlap with those it learned from: the best case"


def trained(document: "TrainedModel") -> "RenderableType":
    """Show the result of a training: the verdict on its method, its errors on held-out windows, its artifacts."""
    from rich.console import Group

    from stockops.backtesting import summary
    from stockops.documents.training import SeenData

    data, parent, ticker = document.data, document.parent, document.ticker
    if document.status == "fresh" or isinstance(data, SeenData):
        return Group(f"{ticker}: model {document.model_version} is current, to {data.last}")
    title = f"{ticker}: model {document.model_version}, {data.rows} sessions to {data.last}"
    lines = [f"best epoch {document.best_epoch}, {document.duration_seconds:.1f} s"]
    if parent:
        lines.append(f"from parent {parent.version} ({parent.ticker} to {parent.last}), {document.strategy}")
    worth = summary.worth(document.backtest, ticker)
    held_out = _held_out(document.metrics.validation, data.currency)
    return Group(captioned(title, data), worth, held_out, *lines, *document.artifacts)


def metrics(document: "MetricsResult") -> "RenderableType":
    """Show the metrics of a model as its training wrote them."""
    from rich.console import Group

    from stockops.backtesting import summary

    ticker, data = document.ticker, document.data
    title = f"{ticker}: model {document.model_version}, {data.rows} sessions to {data.last}"
    worth = summary.worth(document.backtest, ticker)
    return Group(title, worth, _held_out(document.validation, None))


def _held_out(validation: "HeldOutScores | None", currency: str | None) -> "RenderableType":
    """Show the errors on windows held out of the training, Close apart from the others; a note if there are none."""
    from rich.table import Table

    if validation is None:
        return "Too young for a model of its own: this is its parent as it is."
    title = f"{validation.windows:,} windows held out of the training, RMSE"
    table = Table(
        title=title, title_justify="left", caption=_OVERLAP, caption_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for name in ("channel", "unit"):
        table.add_column(name)
    for name in ("days ahead", "model", "tomorrow = today", "skill"):
        table.add_column(name, justify="right")
    for channels in ("Close", "Open_High_Low", "Volume"):
        unit = "shares" if channels == "Volume" else currency or "as priced"
        for days, groups in (validation.horizons or {}).items():
            found: GroupScore = getattr(groups, channels)
            errors = (f"{error:,.4g}" for error in (found.RMSE, found.persistence))
            skill = "-" if found.skill is None else f"{found.skill:+.1%}"
            table.add_row(channels.replace("_", ", "), unit, days, *errors, skill)
    return table
