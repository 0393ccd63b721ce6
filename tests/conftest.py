"""No test depends on what the caller's environment says, nor takes more than its core."""

import gc
import logging
import os
import sys
from collections.abc import Iterator

import pytest

from stockops import GC_THRESHOLD

_OURS = (
    "STOCKOPS_", "TRANSFER_STRATEGY", "FINNHUB_API_KEY", "FMI_API_KEY", "REDIS_", "MLFLOW_", "DAGSHUB_", "FEAST_",
    "LLAMA_CPP_", "LLM_", "EMBED_MODEL", "OLLAMA_", "QDRANT_", "PUSHGATEWAY_URL",
)  # fmt: skip
_COLOUR = ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS")

for name in list(os.environ):  # before any fixture, so that those of a whole session are covered too
    if name.startswith(_OURS) or name in _COLOUR:
        del os.environ[name]

# Tests run on every core at once: two threads each would wait for each other more than they compute.
os.environ.update(STOCKOPS_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
os.environ["STOCKOPS_JOBS"] = "1"  # starting workers takes seconds; they have tests of their own
# Else every process compiles what it imports: those that run tests, and those that tests start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes run tests: twice as many as cores, since a third of the time is waiting."""
    from stockops.adapters.execution.local_executor import cores  # those that a container or an affinity allows

    return max(cores(), min(2 * cores(), 8))


gc.set_threshold(GC_THRESHOLD)  # as the command line has it


def pytest_collection_finish() -> None:
    """Leave modules and tests, which stay to the end, out of every later garbage collection."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _as_if_nothing_had_been_said() -> Iterator[None]:
    """Give back the log that a command has taken for itself."""
    yield
    logger = logging.getLogger("stockops")
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)
