"""Stop a library from importing an optional dependency that takes seconds to load."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def block_import(name: str) -> Iterator[None]:
    """Make imports of a module fail inside the context as if it were not installed, even if already loaded."""
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # documented way to make an import fail
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
