"""Background tasks on a terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.documents.tasks import TaskList, TaskState
    from stockops.documents.training_started import TrainingStarted


def started(document: "TrainingStarted") -> "RenderableType":
    """Show that a training runs in the background, and how to wait for it."""
    task = document.task_id
    return f"{document.ticker}: training in the background; ask with: stockops status {task} --wait"


def task(document: "TaskState") -> "RenderableType":
    """Show one background task."""
    from rich.table import Table

    table = Table(show_header=False, title=f"task {document.task_id}", title_justify="left")
    for name in ("status", "job", "ticker", "stage", "queued_at", "started_at", "finished_at", "exit_code", "log"):
        if (value := getattr(document, name)) is not None:
            table.add_row(name, str(value))
    if document.epochs is not None:
        table.add_row("epoch", f"{document.epoch} of {document.epochs}")
    if document.error:
        table.add_row("error", "; ".join(filter(None, (document.error.message, document.error.hint))))
    if document.result and document.result.model_version:
        table.add_row("model", document.result.model_version)
    return table


def tasks(document: "TaskList") -> "RenderableType":
    """Show the background tasks, one per row."""
    from rich.table import Table

    if not document.tasks:
        return "no background tasks; start one: stockops train-child --ticker T --background"
    table = Table("task", "status", "job", "stage", "epoch", "queued at", title="tasks", title_justify="left")
    for row in document.tasks:
        epoch = f"{row.epoch}/{row.epochs}" if row.epochs is not None else ""
        table.add_row(row.task_id, row.status, row.job, row.stage or "", epoch, row.queued_at)
    return table
