"""A forecast on a terminal."""

from typing import TYPE_CHECKING

from stockops.console.views.common import captioned, model_age, price, quoted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.documents.forecast import PredictionResult, Risks

_SCORED = 5  # sessions that a model forecasts; later ones are extrapolated


def predicted(document: "PredictionResult") -> "RenderableType":
    """Show a forecast, one session per row, with the last close."""
    from rich.console import Group
    from rich.table import Table

    close = quoted(document.last_close, document.currency)
    title = f"{document.ticker}: forecast after {document.last_date}, last close {close}"
    table = Table("session", title=captioned(title, document.data), title_justify="left")
    for name in ("open", "high", "low", "close", "80 % range", "95 % range", "volume"):
        table.add_column(name, justify="right")
    for bar in document.predictions.days:
        if bar.horizon == _SCORED + 1:
            table.add_section()
        table.add_row(
            bar.date,
            *(price(value) for value in (bar.open, bar.high, bar.low, bar.close)),
            *(" to ".join(map(price, bounds)) for bounds in (bar.close_80, bar.close_95)),
            f"{bar.volume:,}",
        )
    return Group(table, *_risk(document.risk), *_notes(document))


def _risk(risk: "Risks") -> list[str]:
    """Return the risk figures, one line per span, and the yearly volatility."""
    return [
        f"{span}: value at risk {found.var_95:.1%} (95 %), {found.var_99:.1%} (99 %), expected shortfall "
        f"{found.es_95:.1%}"
        for span, found in (("next session", risk.next_day), ("five sessions", risk.week))
    ] + [f"volatility {risk.next_day.volatility_year:.1%} a year"]


def _notes(document: "PredictionResult") -> list[str]:
    """Return what a reader of a forecast should know about its model."""
    notes = [f"model {document.model_version}, trained to {document.trained_to}; prices from {document.source}"]
    notes += model_age(document.model_age_sessions)
    if document.model_source != document.source:
        notes.append(f"the model was trained on prices from {document.model_source}")
    if document.strategy == "parent":
        notes.append(f"too young for a model of its own: {document.ranges_from}'s forecasts it, ranges included")
    elif document.ranges_from != document.ticker:
        notes.append(f"its history is short: the ranges are calibrated on {document.ranges_from}")
    if document.predictions.days[-1].extrapolated:
        notes.append(f"beyond {_SCORED} sessions: extrapolated, not scored")
    return notes
