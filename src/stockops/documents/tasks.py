"""Background tasks, as `status` prints them."""

from dataclasses import dataclass
from typing import Literal

from stockops.documents.failures import Problem
from stockops.documents.fields import Moment, absent
from stockops.records import SCHEMA, Job, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutcome:
    """What is stored of the result of a completed task."""

    model_version: str | None = absent()
    location: str | None = absent()
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """One background task, as `status` prints it. error, exit_code: as for a call."""

    schema: Literal[1] = SCHEMA
    task_id: str
    job: Job
    ticker: str
    status: TaskStatus
    log: str
    queued_at: Moment
    started_at: Moment | None = absent()
    finished_at: Moment | None = absent()
    stage: str | None = absent()
    epoch: int | None = absent()
    epochs: int | None = absent()
    result: TaskOutcome | None = absent()
    error: Problem | None = absent()
    exit_code: int | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskList:
    """What `status` prints without a task: all known tasks, latest first."""

    schema: Literal[1] = SCHEMA
    tasks: tuple[TaskState, ...]
