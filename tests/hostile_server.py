"""A loopback server that misbehaves in one way towards every client, and counts the bytes it could send."""

import functools
import itertools
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

HttpFault = Literal[
    "silent", "drip_headers", "drip_body", "endless_body", "endless_headers", "endless_interim", "gzip_bomb",
    "redirect_loop",
]  # fmt: skip
HTTP_FAULTS: tuple[HttpFault, ...] = (
    "silent", "drip_headers", "drip_body", "endless_body", "endless_headers", "endless_interim", "gzip_bomb",
    "redirect_loop",
)  # fmt: skip
RedisFault = Literal["drip", "endless_line", "endless_value", "endless_array"]
REDIS_FAULTS: tuple[RedisFault, ...] = ("drip", "endless_line", "endless_value", "endless_array")

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_DRIP_SECONDS = 0.2
_BLOCK = b"x" * 65_536


@dataclass
class Hostile:
    """A running server: its port, its connections and how many bytes its clients took."""

    port: int
    took: int = 0
    connections: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its HTTP address."""
        return f"http://127.0.0.1:{self.port}"


def http_answer(fault: HttpFault, port: int) -> Iterator[bytes]:
    """Yield the parts of an answer; an empty one means a pause."""
    match fault:
        case "silent":
            while True:
                yield b""
        case "drip_headers":
            yield _HEAD
            yield from drip(b"X-Long: " + b"a" * 10_000)
        case "drip_body":
            yield _HEAD + b"Content-Length: 100000\r\n\r\n"
            yield from drip(b"[" + b" " * 99_999)
        case "endless_body":
            yield _HEAD + b"\r\n["
            yield from itertools.repeat(_BLOCK.replace(b"x", b" "))
        case "endless_headers":
            yield _HEAD
            for number in itertools.count():
                yield b"X-%d: %s\r\n" % (number, b"y" * 900)
        case "endless_interim":
            yield from itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)
        case "gzip_bomb":
            bomb = gzip_bomb()
            yield _HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
        case "redirect_loop":
            yield b"HTTP/1.1 307 Again\r\nLocation: http://127.0.0.1:%d/again\r\nContent-Length: 0\r\n\r\n" % port


@functools.cache
def gzip_bomb() -> bytes:
    """Return 256 MiB of blanks, compressed to a quarter of a MiB."""
    packer = zlib.compressobj(6, wbits=31)
    return b"".join([*(packer.compress(b" " * (1 << 20)) for _ in range(256)), packer.flush()])


def redis_answer(fault: RedisFault) -> Iterator[bytes]:
    """Yield the parts of an answer in Redis's protocol."""
    match fault:
        case "drip":
            yield from drip(b"$100000\r\n" + b"a" * 100_000)
        case "endless_line":
            yield b"+"
            yield from itertools.repeat(_BLOCK)
        case "endless_value":
            yield b"$1073741824\r\n"
            yield from itertools.repeat(_BLOCK)
        case "endless_array":
            yield b"*1000000000\r\n"
            yield from itertools.repeat(b":1\r\n" * 1_000)


def drip(data: bytes) -> Iterator[bytes]:
    """Yield one byte at a time, slowly."""
    for byte in data:
        time.sleep(_DRIP_SECONDS)
        yield bytes([byte])


@contextmanager
def hostile(fault: HttpFault | RedisFault | bytes) -> Iterator[Hostile]:
    """Serve while the context lasts; bytes given as the fault are sent unchanged, once per message received."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Hostile(listener.getsockname()[1])
    threading.Thread(target=_accept, args=(listener, server, fault), daemon=True).start()
    try:
        yield server
    finally:
        listener.close()
        for connection in server.sockets:
            connection.close()


def _accept(listener: socket.socket, server: Hostile, fault: HttpFault | RedisFault | bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        server.sockets.append(connection)
        threading.Thread(target=_speak, args=(connection, server, fault), daemon=True).start()


def _speak(connection: socket.socket, server: Hostile, fault: HttpFault | RedisFault | bytes) -> None:
    try:
        while connection.recv(1 << 20):
            for part in _answer(fault, server.port):
                if not part:
                    time.sleep(_DRIP_SECONDS)
                    continue
                connection.sendall(part)
                server.took += len(part)
    except OSError:
        return


def _answer(fault: HttpFault | RedisFault | bytes, port: int) -> Iterator[bytes]:
    if isinstance(fault, bytes):
        return iter([fault])
    if fault in REDIS_FAULTS:
        return redis_answer(fault)
    return http_answer(fault, port)  # type: ignore[arg-type]
