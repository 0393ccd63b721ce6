"""A small loopback HTTP server for tests: answers with a function, records its requests, can misbehave."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_POLL_SECONDS = 0.02  # between looks whether to stop; half a second by default


@dataclass(frozen=True)
class Request:
    """A request; `body` is the decoded JSON, None if there is none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """An answer: its parts are sent one by one, `pause` seconds apart; `cut` breaks the connection after them."""

    status: int = 200
    parts: list[str] = field(default_factory=list)
    content_type: str = "application/json"
    pause: float = 0.0
    cut: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def as_json(document: Any, status: int = 200) -> Answer:
    """Answer with a JSON document."""
    return Answer(status, [json.dumps(document)])


@dataclass
class Loopback:
    """A running server: its address, and every request in order."""

    url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Serve in the background while the context lasts."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def loopback(respond: Callable[[Request], Answer]) -> Iterator[Loopback]:
    """Serve on a free port while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # a client that gave up is not an error here
                self.close_connection = True

        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            running.requests.append(request)
            answer = respond(request)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Transfer-Encoding", "chunked")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for part in answer.parts:
                self._send(part)
                time.sleep(answer.pause)
            if answer.cut:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def _send(self, part: str) -> None:
            data = part.encode()
            if data:
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()

        do_GET = do_POST = do_PUT = do_DELETE = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Loopback(f"http://127.0.0.1:{server.server_port}")
    with serving(server):
        yield running
