"""MLflow's HTTP under the limits of bounded_io: MLflow creates its own requests sessions, over urllib3.

urllib3 takes its connection class from its pool class, which is its extension point.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError
from urllib3.response import HTTPResponse

from stockops.adapters.network.bounded_io import BoundedSocket, Exchange, addresses_of


class _Bounded(HTTPConnection):
    """Behaviour shared by plain and TLS connections."""

    def connect(self) -> None:
        """Connect; the timeout includes the name lookup."""
        exchange = Exchange()
        seconds = self.timeout if isinstance(self.timeout, (int, float)) else None
        addresses_of(self.host, self.port or self.default_port, seconds)
        super().connect()
        if self.sock is not None:
            self.sock = BoundedSocket(self.sock, exchange)  # duck-types a socket

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **kwargs: Any) -> None:
        """Request an uncompressed response: a few KiB of gzip can expand to gigabytes."""
        super().request(method, url, body, {**(headers or {}), "Accept-Encoding": "identity"}, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # same as urllib3
        """Return the response; raise ProtocolError if it is compressed anyway."""
        response = super().getresponse()
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            response.close()
            raise ProtocolError("an answer compressed against our wish")
        return response


class _BoundedTls(_Bounded, HTTPSConnection):
    pass


@contextmanager
def bounded() -> Iterator[None]:
    """Apply the limits to every connection that requests opens inside the context."""
    before = HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls
    HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls = _Bounded, _BoundedTls
    try:
        yield
    finally:
        HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls = before
