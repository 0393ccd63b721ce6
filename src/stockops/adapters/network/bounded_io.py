"""One deadline and one size for every exchange with a server: a request and all of its answer.

A library's time-out bounds the wait for each byte, so a server that drips one a second holds a client for ever, and
nothing bounds how much it sends. Here a time-out is that of a whole exchange, name look-up and connecting included,
and an answer ends at MOST_BYTES. Each client library meets this at the one place where it reads: httpx and
qdrant-client in bounded_http, MLflow's requests in bounded_requests, Redis in redis_client, Yahoo's curl, which keeps
deadlines of its own, in yahoo_session.
"""

import io
import ipaddress
import socket
import threading
import time
from typing import Any

MOST_BYTES = 8 << 20  # the longest honest answer, sixty years of daily bars, is a quarter of that


class AnswerTooLargeError(OSError):
    """An answer cut off because it does not end; an OSError, which every client library expects of a socket."""

    def __init__(self) -> None:
        super().__init__(f"an answer of more than {MOST_BYTES >> 20} MiB")


class Exchange:
    """A request and its answer: begins with connecting, or with what is sent after something was received."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._received = 0

    def sent(self) -> None:
        """Note that something is sent: after an answer, that begins the next exchange."""
        if self._received:
            self._started, self._received = time.monotonic(), 0

    def received(self, count: int) -> None:
        """Note so many bytes of the answer; AnswerTooLargeError when they are too many."""
        self._received += count
        if self._received > MOST_BYTES:
            raise AnswerTooLargeError

    def left(self, seconds: float | None) -> float | None:
        """Return what is left of a time-out; TimeoutError when nothing is. None and 0 mean what they do to a socket."""
        if not seconds:
            return seconds
        left = self._started + seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {seconds:g} s")
        return left


class BoundedSocket:
    """A connected socket, TLS or not, whose time-out is that of an exchange. Everything else is the socket's own."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._seconds = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def __del__(self) -> None:
        self._sock.close()  # who lets go of it has let go of the socket

    def settimeout(self, seconds: float | None) -> None:
        """Bound the exchange."""
        self._seconds = seconds
        self._sock.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        self._exchange.sent()
        self._sock.settimeout(self._exchange.left(self._seconds))
        self._sock.sendall(data)

    def recv(self, most: int) -> bytes:
        """Receive what has come."""
        self.prepare()
        data = self._sock.recv(most)
        self.received(len(data))
        return data

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        """Return what http.client reads an answer from."""
        return io.BufferedReader(_Answer(self, self._sock.makefile("rb", buffering=0)))

    def prepare(self) -> None:
        """Let the next wait take no longer than what is left."""
        self._sock.settimeout(self._exchange.left(self._seconds))

    def received(self, count: int) -> None:
        """Note so many bytes."""
        self._exchange.received(count)


class _Answer(io.RawIOBase):
    """The unbuffered reading side of a socket."""

    def __init__(self, sock: BoundedSocket, raw: socket.SocketIO) -> None:
        self._bounded = sock
        self._raw = raw

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has come."""
        self._bounded.prepare()
        count: int | None = self._raw.readinto(buffer)
        self._bounded.received(count or 0)
        return count

    def close(self) -> None:
        """Let the socket go."""
        self._raw.close()
        super().close()


def addresses_of(host: str, port: int, seconds: float | None) -> list[str]:
    """Return the IP addresses of a host; TimeoutError when no name server says them in time, OSError when none does.

    A name server that is silent has no time-out but its own, which may be half a minute.
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
