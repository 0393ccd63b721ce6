"""MLflow's HTTP, bounded as bounded_io has it: MLflow makes its own sessions of requests, over urllib3.

urllib3 takes the class of its connections from the class of its pools, which is where it wants to be extended.
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
    """What plain and TLS connections have in common here."""

    def connect(self) -> None:
        """Connect; looking the name up is within the time-out, too."""
        exchange = Exchange()
        seconds = self.timeout if isinstance(self.timeout, (int, float)) else None
        addresses_of(self.host, self.port or self.default_port, seconds)
        super().connect()
        if self.sock is not None:
            self.sock = BoundedSocket(self.sock, exchange)  # it is one but for its class

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **kwargs: Any) -> None:
        """Ask for an answer as it is: a few KiB of gzip can hold gigabytes."""
        super().request(method, url, body, {**(headers or {}), "Accept-Encoding": "identity"}, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        """Return the answer, unless it is compressed all the same."""
        response = super().getresponse()
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            response.close()
            raise ProtocolError("an answer compressed against our wish")
        return response


class _BoundedTls(_Bounded, HTTPSConnection):
    pass


@contextmanager
def bounded() -> Iterator[None]:
    """Bound every connection that requests makes while the context lasts."""
    before = HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls
    HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls = _Bounded, _BoundedTls
    try:
        yield
    finally:
        HTTPConnectionPool.ConnectionCls, HTTPSConnectionPool.ConnectionCls = before
