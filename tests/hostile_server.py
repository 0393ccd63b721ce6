"""A server on loopback that speaks to whoever connects, in one bad way; it counts what it could get rid of."""

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
    """Where it is, and how many bytes clients took of it."""

    port: int
    took: int = 0
    connections: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, for HTTP."""
        return f"http://127.0.0.1:{self.port}"


def http_answer(fault: HttpFault, port: int) -> Iterator[bytes]:
    """The bytes of an answer; a drip where they are single."""
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
    """256 MiB of blanks in a quarter of one."""
    packer = zlib.compressobj(6, wbits=31)
    return b"".join([*(packer.compress(b" " * (1 << 20)) for _ in range(256)), packer.flush()])


def redis_answer(fault: RedisFault) -> Iterator[bytes]:
    """The bytes of an answer in Redis's protocol."""
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
    """One byte after another."""
    for byte in data:
        time.sleep(_DRIP_SECONDS)
        yield bytes([byte])


@contextmanager
def hostile(fault: HttpFault | RedisFault | bytes) -> Iterator[Hostile]:
    """Serve while the context lasts; bytes are sent as they are, once for each thing that comes in."""
    listener = socket.create_server(("127.0.0.1", 0))
    known = Hostile(listener.getsockname()[1])
    threading.Thread(target=_accept, args=(listener, known, fault), daemon=True).start()
    try:
        yield known
    finally:
        listener.close()
        for taken in known.sockets:
            taken.close()


def _accept(listener: socket.socket, known: Hostile, fault: HttpFault | RedisFault | bytes) -> None:
    while True:
        try:
            taken, _ = listener.accept()
        except OSError:
            return
        known.connections += 1
        known.sockets.append(taken)
        threading.Thread(target=_speak, args=(taken, known, fault), daemon=True).start()


def _speak(taken: socket.socket, known: Hostile, fault: HttpFault | RedisFault | bytes) -> None:
    try:
        while taken.recv(1 << 20):
            for part in _answer(fault, known.port):
                if not part:
                    time.sleep(_DRIP_SECONDS)
                    continue
                taken.sendall(part)
                known.took += len(part)
    except OSError:
        return


def _answer(fault: HttpFault | RedisFault | bytes, port: int) -> Iterator[bytes]:
    if isinstance(fault, bytes):
        return iter([fault])
    if fault in REDIS_FAULTS:
        return redis_answer(fault)
    return http_answer(fault, port)  # type: ignore[arg-type]
