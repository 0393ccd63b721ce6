"""The notice of a training that was started; in a file of its own, since a cached forecast imports it."""

from dataclasses import dataclass
from typing import Literal

from stockops.records import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStarted:
    """A training started in the background; status `training` if a result has to wait for it."""

    schema: Literal[1] = SCHEMA
    status: Literal["started", "training"] = "started"
    ticker: str
    task_id: str
    log: str
    degraded: tuple[str, ...]
