"""`/metrics` over HTTP for Prometheus to scrape; computed afresh for each scrape."""

import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from socketserver import TCPServer

from stockops.adapters.prometheus.exposition import CONTENT_TYPE
from stockops.errors import StockopsError, UsageError

log = logging.getLogger("stockops.metrics")

_PATH = "/metrics"
_TEXT = "text/plain; charset=utf-8"


class MetricsServer:
    """A server on HOST:PORT; it listens from construction, and answers while `serve` runs.

    page: called for each scrape, never concurrently; its StockopsError is answered with 503, a bug with 500.
    """

    def __init__(self, listen: str, page: Callable[[], bytes]) -> None:
        host, port = _address(listen)
        try:
            self._server = _Server(host, port, page)
        except OSError as exc:
            raise UsageError(f"cannot listen on {listen}: {exc.strerror}", "choose another HOST:PORT") from exc

    @property
    def url(self) -> str:
        """The URL to scrape, with the port that was assigned if 0 was requested."""
        host, port = str(self._server.server_address[0]), self._server.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{_PATH}"

    @property
    def is_open(self) -> bool:
        """Whether it listens on all addresses of this machine."""
        return str(self._server.server_address[0]) in ("0.0.0.0", "::")

    def serve(self) -> None:
        """Answer until Ctrl-C, which is raised after the port is released."""
        try:
            self._server.serve_forever()
        finally:
            self.close()

    def stop(self) -> None:
        """Stop `serve` from another thread."""
        self._server.shutdown()

    def close(self) -> None:
        """Release the port."""
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a hanging scraper does not block exit

    def __init__(self, host: str, port: int, page: Callable[[], bytes]) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self._page = page
        self._one_at_a_time = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's DNS lookup of the host's own name."""
        TCPServer.server_bind(self)

    def page(self) -> bytes:
        """Return the page; scrapes are serialised, as the adapters below are not thread-safe."""
        with self._one_at_a_time:
            return self._page()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log a failed connection; ignore OSError, such as a scraper that disconnected."""
        if not isinstance(sys.exc_info()[1], OSError):
            log.exception("a scrape by %s failed", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "stockops"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        """Answer a scrape."""
        if self.path.split("?")[0] != _PATH:
            self._answer(404, f"metrics are at {_PATH}\n".encode(), _TEXT)
            return
        try:
            page = self.server.page()
        except StockopsError as exc:
            log.warning("%s: a scrape goes without an answer", exc)
            self._answer(503, f"{exc}\n".encode(), _TEXT)
        except Exception:  # the server survives a bug in one scrape
            log.exception("a scrape failed")
            self._answer(500, b"a bug: see the log\n", _TEXT)
        else:
            self._answer(200, page, CONTENT_TYPE)

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, form: str, *values: object) -> None:
        """Log each request at debug level, for --verbose."""
        log.debug("%s " + form, self.address_string(), *values)


def _address(listen: str) -> tuple[str, int]:
    """Parse HOST:PORT; `:PORT` is all addresses of this machine, as in Prometheus's own programs."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65_535 or not _is_host(host):
        raise UsageError(f"{listen!r} is no HOST:PORT", "write, for example, 127.0.0.1:9464")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_host(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return "\0" not in host
