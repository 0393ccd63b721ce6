"""A listener in a thread, for tests that scrape one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stockops.adapters.prometheus.metrics_http import MetricsServer


@contextmanager
def serving(page: Callable[[], bytes], listen: str = "127.0.0.1:0") -> Iterator[str]:
    """Serve a page in a thread; yields its URL."""
    server = MetricsServer(listen, page)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server.url
    server.stop()
    thread.join(5)
    assert not thread.is_alive()
