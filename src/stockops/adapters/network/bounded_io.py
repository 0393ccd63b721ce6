"""One deadline and one size limit for each exchange with a server: a request and its whole response.

A library's timeout usually bounds the wait for each read, so a server that drips one byte a second can hold a client
forever, and nothing bounds the size of the response. Here a timeout covers the whole exchange, including name lookup
and connecting, and a response is cut off at MOST_BYTES. Each client library is hooked where it reads: httpx and
qdrant-client in bounded_http, MLflow's requests in bounded_requests, Redis in redis_client, and Yahoo's curl, which has
deadlines of its own, in yahoo_session.
"""

import io
import ipaddress
import socket
import threading
import time
from typing import Any

MOST_BYTES = 8 << 20  # four times the largest legitimate response, sixty years of daily bars


class AnswerTooLargeError(OSError):
    """The response exceeds MOST_BYTES; an OSError, because every client library expects those from a socket."""

    def __init__(self) -> None:
        super().__init__(f"an answer of more than {MOST_BYTES >> 20} MiB")


class Exchange:
    """A request and its response; starts with the connection, or with the first send after a receive."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._received = 0

    def sent(self) -> None:
        """Record a send; after a response, it starts the next exchange."""
        if self._received:
            self._started, self._received = time.monotonic(), 0

    def received(self, count: int) -> None:
        """Count bytes of the response; raise AnswerTooLargeError when it exceeds MOST_BYTES."""
        self._received += count
        if self._received > MOST_BYTES:
            raise AnswerTooLargeError

    def left(self, seconds: float | None) -> float | None:
        """Return what remains of a timeout, or raise TimeoutError. None and 0 mean the same as for a socket."""
        if not seconds:
            return seconds
        left = self._started + seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {seconds:g} s")
        return left


class BoundedSocket:
    """A connected socket, TLS or plain, whose timeout covers a whole exchange; delegates everything else."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._seconds = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def __del__(self) -> None:
        self._sock.close()  # dropping the wrapper drops the socket

    def settimeout(self, seconds: float | None) -> None:
        """Set the timeout of an exchange."""
        self._seconds = seconds
        self._sock.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        """Send all of the data."""
        self._exchange.sent()
        self._sock.settimeout(self._exchange.left(self._seconds))
        self._sock.sendall(data)

    def recv(self, most: int) -> bytes:
        """Receive the available data."""
        self.prepare()
        data = self._sock.recv(most)
        self.received(len(data))
        return data

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        """Return the reader that http.client reads a response from."""
        return io.BufferedReader(_Answer(self, self._sock.makefile("rb", buffering=0)))

    def prepare(self) -> None:
        """Limit the next wait to the time remaining."""
        self._sock.settimeout(self._exchange.left(self._seconds))

    def received(self, count: int) -> None:
        """Count received bytes."""
        self._exchange.received(count)


class _Answer(io.RawIOBase):
    """The unbuffered reading side of a socket."""

    def __init__(self, sock: BoundedSocket, raw: socket.SocketIO) -> None:
        self._bounded = sock
        self._raw = raw

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read the available data."""
        self._bounded.prepare()
        count: int | None = self._raw.readinto(buffer)
        self._bounded.received(count or 0)
        return count

    def close(self) -> None:
        """Release the socket."""
        self._raw.close()
        super().close()


def addresses_of(host: str, port: int, seconds: float | None) -> list[str]:
    """Return the IP addresses of a host; raise TimeoutError if the lookup takes too long, OSError if it fails.

    The lookup runs in a thread because the resolver has only its own timeout, which may be half a minute.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    found: list[str] = []
    failures: list[Exception] = []

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as exc:
            failures.append(exc)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise OSError(f"no address of {host}") from failures[0]
    if not found:
        raise TimeoutError(f"no address of {host} within {seconds:g} s")
    return found
