"""Background tasks: their records in the state store, correct even if the worker dies.

One record per task, in a public format: key `task_status:{task_id}`, the id being the ticker, or `parent`. It expires
two hours after its last heartbeat while the task runs, and an hour after its end. A worker holds a lock as long as
it lives; an unfinished record without one belongs to a dead worker, and the next read marks it failed.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from stockops import strict_json
from stockops.documents.encoding import as_json
from stockops.documents.failures import Problem
from stockops.documents.fields import Moment, field_values
from stockops.documents.reading import parsed
from stockops.documents.tasks import TaskOutcome, TaskState
from stockops.documents.training_started import TrainingStarted
from stockops.errors import DataError
from stockops.optional_services import OptionalServices
from stockops.ports import BackgroundWorkers, StateStore
from stockops.records import EpochLoss, Job, ModelRef, TaskStatus

log = logging.getLogger("stockops.tasks")

PREFIX = "task_status:"
SECONDS_RUNNING = 7_200
SECONDS_ENDED = 3_600
_SIGN_OF_LIFE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One background task; times are ISO 8601 in UTC. error, exit_code: as for a call; None until it has ended."""

    task_id: str
    job: Job
    ticker: str
    status: TaskStatus
    here: str
    log: str
    queued_at: Moment
    started_at: Moment | None = None
    finished_at: Moment | None = None
    stage: str | None = None
    epoch: int | None = None
    epochs: int | None = None
    result: TaskOutcome | None = None
    error: Problem | None = None
    exit_code: int | None = None

    @property
    def ended(self) -> bool:
        """Whether it has completed or failed."""
        return self.status in ("completed", "failed")

    @property
    def state(self) -> TaskState:
        """The task as `status` prints it."""
        return TaskState(**{name: value for name, value in field_values(self).items() if name != "here"})


@dataclass(frozen=True, slots=True)
class Tasks:
    """Starts tasks, reads their records, and records the one that this process runs."""

    state: StateStore
    workers: BackgroundWorkers
    optional: OptionalServices
    now: Callable[[], datetime]

    def train(self, ref: ModelRef) -> TrainingStarted:
        """Start the training of a model, unless it is already under way."""
        return self.start("train-parent" if ref.kind == "parent" else "train-child", ref.ticker, ref.task)

    def start(self, job: Job, ticker: str, task_id: str) -> TrainingStarted:
        """Start a task, unless it is already under way.

        ServiceError if its record belongs in the home and cannot be written there.
        """
        with self.workers.starting(task_id):
            if not self.workers.is_held(task_id):
                task = self._new(job, ticker, task_id)
                # A home that cannot store the record cannot store the model either: fail now, not in the worker.
                self._put(task) if self.state.in_home else self._try_put(task)
                self.workers.start(job, ticker, task_id)
        return TrainingStarted(
            ticker=ticker, task_id=task_id, log=self.workers.log(task_id), degraded=self.optional.degraded
        )

    def get(self, task_id: str) -> Task:
        """Return the current state of a task; DataError if none of that name is known."""
        raw = self.state.get(PREFIX + task_id)
        task = None if raw is None else _decode(raw, task_id)
        if task is None:
            raise DataError(f"no background task {task_id}", "start one: stockops train-child --ticker T --background")
        return self._checked(task)

    def all(self) -> list[Task]:
        """Return every known task, latest first."""
        found = []
        for key in self.state.keys(PREFIX):
            raw = self.state.get(key)
            task = None if raw is None else _decode(raw, key.removeprefix(PREFIX))
            if task is not None:
                found.append(self._checked(task))
        return sorted(found, key=lambda task: task.queued_at, reverse=True)

    @contextmanager
    def run(self, job: Job, ticker: str, task_id: str) -> Iterator["TaskRecorder"]:
        """Hold a task and wait for a slot; the caller records the outcome through TaskRecorder."""
        with self.workers.hold(task_id):
            raw = self.optional.attempt(self.state, lambda: self.state.get(PREFIX + task_id))
            queued = None if raw is None else _decode(raw, task_id)
            task = queued if queued and not queued.ended else self._new(job, ticker, task_id)
            with self.workers.slot():
                work = TaskRecorder(self, replace(task, status="running", started_at=self._time()))
                work.save()
                yield work

    def _new(self, job: Job, ticker: str, task_id: str) -> Task:
        return Task(
            task_id=task_id,
            job=job,
            ticker=ticker,
            status="queued",
            here=self.workers.host_id,
            log=self.workers.log(task_id),
            queued_at=self._time(),
        )

    def _try_put(self, task: Task) -> None:
        self.optional.attempt(self.state, lambda: self._put(task))

    def _put(self, task: Task) -> None:
        value = strict_json.signed(as_json(task))
        seconds = SECONDS_ENDED if task.ended else SECONDS_RUNNING
        self.state.put(PREFIX + task.task_id, value, seconds=seconds)

    def _checked(self, task: Task) -> Task:
        """Return the task, marked failed if its worker died."""
        if task.ended or task.here != self.workers.host_id:
            return task
        # The order matters: a starting process waits until its worker holds the task.
        if self.workers.is_starting(task.task_id) or self.workers.is_held(task.task_id):
            return task
        raw = self.state.get(PREFIX + task.task_id)  # it may have ended between the two reads
        latest = (None if raw is None else _decode(raw, task.task_id)) or task
        if latest.ended:
            return latest
        error = Problem(kind="worker", message="its worker died", hint=f"see {task.log} and start it again")
        dead = replace(latest, status="failed", finished_at=self._time(), error=error, exit_code=1)
        self._try_put(dead)
        return dead

    def _time(self) -> str:
        return self.now().isoformat(timespec="seconds")


class TaskRecorder:
    """Records the task that this process runs; also its progress bar (port Progress)."""

    def __init__(self, tasks: Tasks, task: Task) -> None:
        self._tasks = tasks
        self._task = task
        self._saved_at = 0.0

    def save(self) -> None:
        """Write the record, which is also a heartbeat."""
        self._saved_at = time.monotonic()
        self._tasks._try_put(self._task)

    def completed(self, result: TaskOutcome) -> None:
        """Record the end of a task and its result."""
        self._task = replace(
            self._task, status="completed", finished_at=self._tasks._time(), result=result, exit_code=0
        )
        self.save()

    def failed(self, error: Problem, exit_code: int) -> None:
        """Record the end of a task that failed."""
        self._task = replace(
            self._task, status="failed", finished_at=self._tasks._time(), error=error, exit_code=exit_code
        )
        self.save()

    @contextmanager
    def epochs(self, label: str, total: int) -> Iterator[Callable[[EpochLoss], None]]:
        """Record which model is being trained, and its progress."""
        self._task = replace(self._task, stage=label, epoch=0, epochs=total)
        self.save()

        def done(epoch: EpochLoss) -> None:
            self._task = replace(self._task, epoch=epoch.epoch)
            if time.monotonic() - self._saved_at >= _SIGN_OF_LIFE_SECONDS:
                self.save()

        yield done


def _decode(raw: bytes, task_id: str) -> Task | None:
    """Return a record, or None with a warning if it is invalid: others may write to the store."""
    try:
        task = parsed(strict_json.verified(raw), Task)
        if task.task_id != task_id:
            raise ValueError("not of this task")
    except ValueError as exc:
        log.warning("ignoring an invalid record %s%s (%s)", PREFIX, task_id, type(exc).__name__)
        return None
    return task
