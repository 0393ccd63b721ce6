"""Background tasks on a terminal."""

from typing import TYPE_CHECKING

from stockops.records import Document

if TYPE_CHECKING:
    from rich.console import RenderableType


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
