"""Tag runs with the process that records them, and end runs whose recorder died, else MLflow shows them as running."""

import logging
from typing import TYPE_CHECKING

from stockops import processes

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger("stockops.mlflow")

RECORDER = "stockops.recorder"  # the tag: the name of a process
_SOURCE = "mlflow.source.name"  # a tag of every run started by another program, and of none of ours
_MOST = 1_000  # runs examined; few are running


def tag() -> dict[str, str]:
    """Return the tag that names this process as the recorder of a run."""
    return {RECORDER: processes.this_process()}


def end_abandoned(client: "MlflowClient", experiment: str, *, alone: bool) -> None:
    """End the runs of an experiment whose recorder is dead as KILLED, and log each.

    alone: nobody else can be recording there now, so a run from another machine, or from a release that did not tag its
    runs, is dead too. Otherwise a run counts as dead only if its process was on this machine. If that is alive after
    all, in a container with this machine's name, it will still end its run as finished. Server errors are ignored: the
    run to be recorded does not depend on this.
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
        alive = processes.is_alive(recorder)
    except ValueError:  # not in our format
        return False
    return alone if alive is None else not alive
