"""`status`, and the command that background workers run."""

import time
from typing import TYPE_CHECKING

import typer

from stockops.app import telemetry
from stockops.app.factories import prediction_service, tasks, trainer
from stockops.console import failures, terminal
from stockops.console.command_context import CommandContext
from stockops.console.options import COMMON, EPOCHS, LOCAL, REPLACE, SPLIT, STRATEGY, TIMEOUT, WAIT, argument, command
from stockops.console.views import tasks as tasks_view
from stockops.errors import TryAgainError
from stockops.records import PARENT, Job, ModelRef

if TYPE_CHECKING:
    from stockops.documents.tasks import TaskOutcome
    from stockops.pipelines.tasks import TaskRecorder

_LOOK_SECONDS = 0.5


@command(argument("task", str, optional=True), WAIT, TIMEOUT, common=LOCAL)
def status(context: CommandContext) -> None:
    """Show background tasks, or one: a ticker, or `parent`."""
    from stockops.documents.tasks import TaskList

    known = tasks(context)
    name = context.given.get("task")
    if name is None:
        context.show(TaskList(tasks=tuple(task.state for task in known.all())), tasks_view.tasks)
        return
    task = known.get(task_id := _task_id(name))
    until = time.monotonic() + (context.settings.timeout_seconds or float("inf"))
    while context.settings.wait and not task.ended:
        if time.monotonic() > until:
            raise TryAgainError(f"{task_id} is {task.status} still", f"see {task.log}")
        time.sleep(_LOOK_SECONDS)
        task = known.get(task_id)
    context.show(task.state, tasks_view.task)
    if context.settings.wait and task.exit_code:
        raise typer.Exit(task.exit_code)


@command(argument("job", Job), argument("worker_ticker", str), EPOCHS, SPLIT, STRATEGY, REPLACE, common=COMMON)
def work(context: CommandContext) -> None:
    """Do a task in the background; started by `--background` and `--on-missing background`."""
    job: Job = context.given["job"]
    ref = _ref(context.given["worker_ticker"])
    with context.measured(), tasks(context).run(job, ref.ticker, ref.task) as task:
        try:
            outcome = _outcome(context, job, ref, task)
        except Exception as exc:  # noqa: BLE001  whatever it is, it must be recorded
            failure = failures.describe(exc)
            terminal.fail(failure)
            task.failed(failure.problem, failure.code)
        else:
            task.completed(outcome)
            telemetry.metrics_recorder(context.services).succeeded(job, ref.ticker)


def _outcome(context: CommandContext, job: Job, ref: ModelRef, task: "TaskRecorder") -> "TaskOutcome":
    """Do the work of a task and return the outcome for its record."""
    from stockops.documents.forecast import PredictionResult
    from stockops.documents.tasks import TaskOutcome

    if job.startswith("train"):
        model = trainer(context, task).train(ref)
        return TaskOutcome(model_version=model.model_version, location=model.location, degraded=model.degraded)
    found = prediction_service(context, task).child(ref.ticker)
    version = found.model_version if isinstance(found, PredictionResult) else None
    return TaskOutcome(model_version=version, degraded=found.degraded)


def _task_id(name: str) -> str:
    """Return the task id of a name as typed; the index stands for the parent."""
    return name if name == PARENT.task else _ref(name).task


def _ref(ticker: str) -> ModelRef:
    from stockops.market.symbols import parse

    return ModelRef.of(parse(ticker))
