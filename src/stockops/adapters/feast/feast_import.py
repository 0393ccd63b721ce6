"""Import Feast in a second instead of six, and leave this process as it was.

Nearly all of the six seconds is work that nothing here needs: `typeguard.typechecked` compiles every function
of Feast anew so that it checks its arguments, and torch, which Feast takes where it finds it, is imported for
one conversion. Without the checks Feast's classes and values are the same. The import would also leave
warning filters behind, and a folder for metrics in the environment that turns every Prometheus client of this
process and its children into one of many workers.
"""

import importlib.metadata
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from stockops.adapters.storage.block_import import block_import
from stockops.errors import ServiceError

_METRICS = ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR")

F = TypeVar("F", bound=Callable[..., object])


def load() -> str:
    """Import Feast, unless it is loaded already, and return its version; ServiceError where it cannot be imported."""
    if "feast" not in sys.modules:
        # Decides between one process and many at its import, by the same variables that Feast's import sets.
        import prometheus_client  # noqa: F401

        with block_import("torch"), _unchecked(), _no_metrics_folder(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _import()
        logging.getLogger("feast").setLevel(logging.ERROR)  # what goes wrong is raised, too
    return importlib.metadata.version("feast")


def _import() -> None:
    try:
        import feast  # noqa: F401
    except ImportError as exc:
        raise ServiceError(f"feast cannot be imported: {exc}", "install stockops anew", service="feast") from exc


@contextmanager
def _unchecked() -> Iterator[None]:
    import typeguard

    checked = typeguard.typechecked
    typeguard.typechecked = _as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        typeguard.typechecked = checked


def _as_it_is(target: F) -> F:
    return target


@contextmanager
def _no_metrics_folder() -> Iterator[None]:
    """Keep Feast from making a folder and naming it in the environment; one that is named already stays."""
    missing = [name for name in _METRICS if name not in os.environ]
    os.environ.update(dict.fromkeys(missing, ""))
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
