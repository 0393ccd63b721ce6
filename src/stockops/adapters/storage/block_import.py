"""Keep a library from importing another one that costs seconds and that it can do without."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def block_import(name: str) -> Iterator[None]:
    """Let imports of a module fail while the context lasts, as if it were not installed; loaded or not."""
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # what the import system documents for a module that is not there
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
