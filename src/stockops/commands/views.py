"""Documents as a person reads them on a terminal. rich is imported only here and when a bar is drawn."""

import json
from typing import TYPE_CHECKING, Any

from stockops.records import WORTH_A_WORD

if TYPE_CHECKING:
    from rich.console import RenderableType

Document = dict[str, Any]

_OVERLAP = "these windows overlap with those it learned from: the best case"
_SCORED = 5  # sessions that a model forecasts; later ones are extrapolated


def trained(document: Document) -> "RenderableType":
    """Show what a training gave: what its method is worth, its errors on windows held out, where it went."""
    from rich.console import Group

    from stockops.backtesting import summary

    data, parent, ticker = document["data"], document["parent"], document["ticker"]
    if document["status"] == "fresh":
        return Group(f"{ticker}: model {document['model_version']} is current, to {data['last']}")
    title = f"{ticker}: model {document['model_version']}, {data['rows']} sessions to {data['last']}"
    lines = [f"best epoch {document['best_epoch']}, {document['duration_seconds']:.1f} s"]
    if parent:
        lines.append(
            f"from parent {parent['version']} ({parent['ticker']} to {parent['last']}), {document['strategy']}"
        )
    worth = summary.worth(document["backtest"], ticker)
    held_out = _held_out(document["metrics"].get("validation"), data["currency"])
    return Group(_captioned(title, data), worth, held_out, *lines, *document["artifacts"])


def metrics(document: Document) -> "RenderableType":
    """Show the metrics of a model as its training left them."""
    from rich.console import Group

    from stockops.backtesting import summary

    ticker, data = document["ticker"], document["data"]
    title = f"{ticker}: model {document['model_version']}, {data['rows']} sessions to {data['last']}"
    worth = summary.worth(document["backtest"], ticker)
    return Group(title, worth, _held_out(document.get("validation"), data.get("currency")))


def _held_out(validation: Document | None, currency: str | None) -> "RenderableType":
    """Show the errors on windows that were kept from the training, Close apart from the others; None without any."""
    from rich.table import Table

    if validation is None:
        return "Too young for a model of its own: this is its parent as it is."
    title = f"{validation['windows']:,} windows held out of the training, RMSE"
    table = Table(
        title=title, title_justify="left", caption=_OVERLAP, caption_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for name in ("channel", "unit"):
        table.add_column(name)
    for name in ("days ahead", "model", "tomorrow = today", "skill"):
        table.add_column(name, justify="right")
    for channels in ("Close", "Open_High_Low", "Volume"):
        unit = "shares" if channels == "Volume" else currency or "as priced"
        for days, groups in validation["horizons"].items():
            found = groups[channels]
            errors = (f"{found[name]:,.4g}" for name in ("RMSE", "persistence"))
            skill = "-" if found["skill"] is None else f"{found['skill']:+.1%}"
            table.add_row(channels.replace("_", ", "), unit, days, *errors, skill)
    return table


def predicted(document: Document) -> "RenderableType":
    """Show a forecast, one session a row, beside the last close."""
    from rich.console import Group
    from rich.table import Table

    close = _quoted(document["last_close"], document["currency"])
    title = f"{document['ticker']}: forecast after {document['last_date']}, last close {close}"
    table = Table("session", title=_captioned(title, document["data"]), title_justify="left")
    for name in ("open", "high", "low", "close", "80 % range", "95 % range", "volume"):
        table.add_column(name, justify="right")
    for bar in document["predictions"]["days"]:
        if bar["horizon"] == _SCORED + 1:
            table.add_section()
        table.add_row(
            bar["date"],
            *(_price(bar[name]) for name in ("open", "high", "low", "close")),
            *(" to ".join(map(_price, bar[name])) for name in ("close_80", "close_95")),
            f"{bar['volume']:,}",
        )
    return Group(table, *_risk(document["risk"]), *_notes(document))


def _risk(risk: Document) -> list[str]:
    """Return what may be lost, a line a span."""
    return [
        f"{span}: value at risk {found['var_95']:.1%} (95 %), {found['var_99']:.1%} (99 %), expected shortfall "
        f"{found['es_95']:.1%}"
        for span, found in (("next session", risk["next_day"]), ("five sessions", risk["week"]))
    ] + [f"volatility {risk['next_day']['volatility_year']:.1%} a year"]


def _notes(document: Document) -> list[str]:
    """Return what a reader of a forecast has to know of its model."""
    notes = [
        f"model {document['model_version']}, trained to {document['trained_to']}; prices from {document['source']}"
    ]
    notes += _model_age(document)
    if document["model_source"] != document["source"]:
        notes.append(f"the model was trained on prices from {document['model_source']}")
    if document["strategy"] == "parent":
        notes.append(f"too young for a model of its own: {document['ranges_from']}'s forecasts it, ranges included")
    elif document["ranges_from"] != document["ticker"]:
        notes.append(f"its history is short: the ranges are calibrated on {document['ranges_from']}")
    if document["predictions"]["days"][-1]["extrapolated"]:
        notes.append(f"beyond {_SCORED} sessions: extrapolated, not scored")
    return notes


def _model_age(document: Document) -> list[str]:
    unseen = document["model_age_sessions"] or 0  # nobody can tell where no forecast came
    return [f"the model has not seen the last {unseen} sessions"] if unseen > WORTH_A_WORD else []


def analysis(document: Document) -> "RenderableType":
    """Show a report, and where it comes from if that is not plain."""
    from rich.console import Group
    from rich.markdown import Markdown

    notes = ["answered from the cache"] if document["cache"] == "hit" else []
    if document["degraded"]:
        notes.append(f"degraded: {', '.join(document['degraded'])}")
    return Group(Markdown(document["report"]), *notes)


def monitored(document: Document) -> "RenderableType":
    """Show what a look at a ticker found, a part a table."""
    from rich.console import Group
    from rich.panel import Panel

    parts = [drift(document["drift"]), evaluation(document["agent_eval"]), performance(document["performance"])]
    notes = [f"degraded: {', '.join(document['degraded'])}"] if document["degraded"] else []
    notes += _model_age(document)
    title = f"{document['ticker']}: {document['health'] or 'not judged'}"
    title = _captioned(title, document["data"]) if document["data"] else title
    return Panel(Group(*parts, *notes), title=title, title_align="left")


def drift(part: Document) -> "RenderableType":
    """Show a drift report: returns, which are judged, and levels, which move by nature."""
    from rich.console import Group
    from rich.table import Table

    if "health" not in part:
        return _without("drift", part)
    table = Table("feature", box=None, padding=(0, 2, 0, 0))
    for name in ("reference", "current", "shift"):
        table.add_column(name, justify="right")
    for name, shift in part["feature_metrics"].items():
        numbers = (f"{shift[key]:,.4g}" for key in ("ref_mean", "curr_mean"))
        table.add_row(name, *numbers, f"{shift['shift_score']:.2f} sd")
    levels = f"score {part['drift_score']:.2f}, volatility ratio {part['volatility_index']:.2f}"
    low, high = part["returns"]["volatility"]["interval_95"]
    returns = f"volatility ratio in {low:.2f} to {high:.2f}"
    return Group(
        f"[bold]Drift[/] as of {part['as_of']}",
        f"  returns  {_coloured(part['returns']['health'])}: {returns}",
        f"  levels   {_coloured(part['health'])}: {levels}; levels move by nature",
        table,
    )


def evaluation(part: Document) -> "RenderableType":
    """Show an evaluation of the analyst."""
    if "metrics" not in part:
        return _without("agent evaluation", part)
    found = part["metrics"]
    grounding, against = found["grounding"], "" if found["stance_agrees"] else ", against the forecast"
    lines = [
        f"\n[bold]Analyst[/] {found['status']}: score {found['overall_score']:.2f}, written by {found['provider']}",
        f"  {grounding['share']:.0%} of {grounding['claims']} claims stand in the facts; "
        f"{found['recommendation']}{against}",
    ]
    if grounding["unmatched"]:
        lines.append(f"  not borne out: {', '.join(grounding['unmatched'])}")
    return "\n".join(lines)


def performance(part: Document) -> "RenderableType":
    """Show how past forecasts did."""
    from rich.console import Group
    from rich.table import Table

    if "health" not in part:
        return _without("performance", part)
    table = Table("sessions", box=None, padding=(0, 2, 0, 0))
    for name in ("forecasts", "error", "tomorrow = today", "MASE", "bias", "in 80 %", "in 95 %"):
        table.add_column(name, justify="right")
    for sessions, found in part["sessions"].items():
        shares = (f"{found['coverage'][level]:.0%}" for level in ("80", "95"))
        mase = "-" if found["mase"] is None else f"{found['mase']:.3f}"
        errors = (f"{found[name]:.2f} %" for name in ("mae_percent", "persistence_mae_percent"))
        table.add_row(sessions, str(found["forecasts"]), *errors, mase, f"{found['bias_percent']:+.2f} %", *shares)
    return Group(f"\n[bold]Forecasts[/] {_coloured(part['health'])}", table)


def _without(name: str, part: Document) -> str:
    reason = part["error"]["message"] if "error" in part else part.get("reason", "")
    return f"[bold]{name}[/] {part['status']}: {reason}"


def _coloured(health: str) -> str:
    colours = {"Healthy": "green", "Degraded": "yellow", "Critical": "red"}
    return f"[{colours[health.split()[0]]}]{health}[/]"


def started(document: Document) -> "RenderableType":
    """Say what was left to a worker, and how to ask for it."""
    task = document["task_id"]
    return f"{document['ticker']}: training in the background; ask with: stockops status {task} --wait"


def task(document: Document) -> "RenderableType":
    """Show one background task."""
    from rich.table import Table

    table = Table(show_header=False, title=f"task {document['task_id']}", title_justify="left")
    for name in ("status", "job", "ticker", "stage", "queued_at", "started_at", "finished_at", "exit_code", "log"):
        if name in document:
            table.add_row(name, str(document[name]))
    if "epochs" in document:
        table.add_row("epoch", f"{document['epoch']} of {document['epochs']}")
    if "error" in document:
        table.add_row("error", "; ".join(filter(None, (document["error"]["message"], document["error"]["hint"]))))
    if "result" in document:
        table.add_row("model", document["result"]["model_version"])
    return table


def tasks(document: Document) -> "RenderableType":
    """Show the background tasks, one a row."""
    from rich.table import Table

    if not document["tasks"]:
        return "no background tasks; start one: stockops train-child --ticker T --background"
    table = Table("task", "status", "job", "stage", "epoch", "queued at", title="tasks", title_justify="left")
    for row in document["tasks"]:
        epoch = f"{row['epoch']}/{row['epochs']}" if "epochs" in row else ""
        table.add_row(row["task_id"], row["status"], row["job"], row.get("stage", ""), epoch, row["queued_at"])
    return table


def cache_entries(document: Document) -> "RenderableType":
    """Show the kept forecasts and reports, one a row, and the count of hits and misses of forecasts."""
    from rich.console import Group
    from rich.table import Table

    table = Table(
        "ticker", "after", "model", "source", "made at", "fresh until", title="forecasts", title_justify="left"
    )
    table.add_column("expires in", justify="right")
    for row in document["entries"]:
        cells = (row[name] or "-" for name in ("ticker", "last_date", "model_version", "source", "made_at"))
        table.add_row(*cells, row["fresh_until"] or "the file changes", _age(row["seconds_left"] or 0))
    written = Table("ticker", "question", "stance", "by", title="reports", title_justify="left")
    written.add_column("expires in", justify="right")
    for row in document["reports"]:
        cells = (str(row[name]) for name in ("ticker", "question", "recommendation", "provider"))
        written.add_row(*cells, _age(row["seconds_left"]))
    return Group(table, f"{document['hits']} hits, {document['misses']} misses", written)


def findings(document: Document) -> "RenderableType":
    """Show what was tried out, one a row, and under each that failed the way out."""
    from rich.table import Table

    colours = {"up": "green", "down": "yellow", "broken": "red"}
    table = Table("", "state", "what", title="everything required works" if document["ok"] else "not fit for work")
    table.add_column("ms", justify="right")
    for row in document["checks"]:
        what = row["detail"] + (f"\n-> {row['hint']}" if row["hint"] else "")
        state = f"[{colours[row['state']]}]{row['state']}[/]"
        table.add_row(row["name"], state, what, str(row["latency_ms"]))
    return table


def cleared(document: Document) -> "RenderableType":
    """Say whose forecasts and reports were forgotten."""
    forecasts, reports = (", ".join(document[name]) or "none" for name in ("cleared", "cleared_reports"))
    return f"forgotten: forecasts of {forecasts}; reports of {reports}"


def outputs(document: Document) -> "RenderableType":
    """Show the artifacts, one a row."""
    from rich.table import Table

    apart = {f"{name} as of {day}": parts for day, found in document["as_of"].items() for name, parts in found.items()}
    found = {**document["outputs"], **apart}
    if not found:
        return "nothing under outputs/ yet; run: stockops train-parent"
    table = Table("ticker", "category", "path", title="outputs", title_justify="left")
    table.add_column("size", justify="right")
    table.add_column("age", justify="right")
    for ticker, categories in found.items():
        for category, entries in categories.items():
            for entry in entries:
                size, age = f"{entry['bytes'] / 1024:,.0f} kB", _age(entry["age_seconds"])
                table.add_row(ticker, category, entry["path"], size, age)
    return table


def report(document: Document) -> "RenderableType":
    """Show a report as it was written."""
    from rich.json import JSON

    return JSON(json.dumps(document))


def caveats(data: Document) -> list[str]:
    """Return what has to be known first of the prices that a result rests on."""
    known = [f"prices end {data['behind']} sessions too early"] if data["behind"] > 1 else []
    known += [f"no trade in the last {data['untraded']} sessions"] if data["untraded"] > 1 else []
    return known + [f"repaired {repair['date']}: {repair['what']}" for repair in data["repairs"]]


def _captioned(title: str, data: Document) -> str:
    return "; ".join([title, *caveats(data)])


def _quoted(value: float, unit: str | None) -> str:
    from stockops.market.exchanges import quoted

    return quoted(value, unit)


def _price(value: float) -> str:
    from stockops.market.exchanges import written

    return written(value)


def _age(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
