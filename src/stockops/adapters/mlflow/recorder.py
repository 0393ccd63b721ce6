"""Who records a run, and the end of the runs whose recorder is dead: MLflow shows them as running for ever."""

import logging
import os
import socket
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger("stockops.mlflow")

RECORDER = "stockops.recorder"  # the tag: machine, process id and that process's start in seconds since 1970
_SOURCE = "mlflow.source.name"  # a tag of every run that a program of somebody else starts, and of none of ours
_MOST = 1_000  # runs looked at; those that run are few
_START_SECONDS = 2.0  # a start is read off the time since boot, and that off a clock that is set now and then


def tag() -> dict[str, str]:
    """Return the tag that tells who records a run: this process."""
    return {RECORDER: f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"}


def end_abandoned(client: "MlflowClient", experiment: str, *, alone: bool) -> None:
    """End the runs of an experiment whose recorder is dead, as KILLED; one line says so for each.

    alone: nobody else can be recording there now, so that a run of another machine, or of a release that did not tag
    its runs, is dead too. Without that a run is dead only where its process was on this machine. Should one live all
    the same, in a container that bears this machine's name, it ends its run as finished in its turn. What the server
    refuses is passed over: the run to be recorded does not depend on it.
    """
    from mlflow.exceptions import MlflowException

    try:
        for run in client.search_runs([experiment], "attributes.status = 'RUNNING'", max_results=_MOST):
            if _is_dead(run, alone):
                client.set_terminated(run.info.run_id, "KILLED")
                log.info("the process that recorded run %s is dead: the run is ended as killed", run.info.run_id)
    except MlflowException as exc:
        log.debug("abandoned runs could not be ended: %s", exc)


def _is_dead(run: "Run", alone: bool) -> bool:
    recorder = run.data.tags.get(RECORDER)
    if recorder is None:
        return alone and _SOURCE not in run.data.tags
    try:
        host, process, start = recorder.rsplit(" ", 2)
        lives = _lives(int(process), float(start))
    except ValueError:  # not as we write it
        return False
    return alone if host != socket.gethostname() else not lives


def _lives(process: int, start: float) -> bool:
    """Tell whether a process still is; one of the same number that started at another time is another one."""
    try:
        found = psutil.Process(process)
        dead = found.status() == psutil.STATUS_ZOMBIE  # killed, and its parent has not looked
        return not dead and abs(found.create_time() - start) <= _START_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
