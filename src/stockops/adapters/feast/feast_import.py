"""Import Feast in one second instead of six, without side effects on this process.

Nearly all of the six seconds is unnecessary here: `typeguard.typechecked` recompiles every function of Feast to check
its arguments, and torch, which Feast uses if installed, is imported for one conversion. Without the checks Feast's
classes and values are the same. The import would also leave warning filters behind, and a metrics folder in the
environment that switches every Prometheus client of this process and its children to multiprocess mode.
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
    """Import Feast unless already loaded and return its version; ServiceError if it cannot be imported."""
    if "feast" not in sys.modules:
        # On import it chooses single- or multiprocess mode by the same variables that Feast's import sets.
        import prometheus_client  # noqa: F401

        with block_import("torch"), _unchecked(), _no_metrics_folder(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _import()
        logging.getLogger("feast").setLevel(logging.ERROR)  # failures are raised as well
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
    """Keep Feast from creating a metrics folder and naming it in the environment; a folder already named stays."""
    missing = [name for name in _METRICS if name not in os.environ]
    os.environ.update(dict.fromkeys(missing, ""))
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
