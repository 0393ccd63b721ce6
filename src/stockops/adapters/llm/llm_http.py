"""HTTP client for all language-model servers: bounded in time, with retries and plain error messages."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import httpx

from stockops import strict_json
from stockops.adapters.network import addresses, bounded_http
from stockops.adapters.network.retries import RetryPolicy, Transient, retry_after
from stockops.agent import answer
from stockops.errors import ServiceError, TryAgainError
from stockops.ports import Reply
from stockops.wording import one_line, well_formed

S = TypeVar("S")
T = TypeVar("T")

_CONNECT_SECONDS = 2.0  # a running server accepts a connection at once, however long it then takes to answer
_MOST_CHARACTERS = 100_000  # of one answer
_BUSY = {408, 409, 425, 429, 500, 502, 503, 504}  # llama.cpp returns 503 while it loads its model
_SPENT = {"insufficient_quota", "billing_not_active", "billing_hard_limit_reached"}  # waiting does not help
_BROKEN_OFF = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class Refused(Exception):
    """The server rejected a request, or its answer is invalid; the message says why."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class Reader:
    """Assembles a streamed answer from its lines; `done` at its end, `cut` if the end was the token limit.

    thoughts: the model's reasoning, separate from its answer.
    """

    def __init__(self) -> None:
        self.text = ""
        self.thoughts = ""
        self.model = ""
        self.done = False
        self.cut = False

    def line(self, line: str) -> None:
        """Handle one line as it arrives."""
        raise NotImplementedError

    def whole(self, document: dict[str, Any]) -> None:
        """Handle a complete answer from a server that does not stream."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class LlmServer:
    """One server: its name in `degraded`, its address, and its key if it needs one."""

    service: str
    url: str
    key: str = field(default="", repr=False)
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(attempts=3, first_wait_seconds=0.5))

    @property
    def address(self) -> str:
        """Return host and port, without user and password."""
        return addresses.shown(self.url)

    def get(self, path: str, seconds: float, read: Callable[[Any], T]) -> T:
        """Return what `read` makes of the JSON at a path, without retries; ServiceError on failure."""
        once = replace(self, retry=RetryPolicy(attempts=1))
        try:
            return once._run(seconds, lambda client: _parse(read, _json(_checked(client.get(path)))))
        except Refused as exc:
            raise self.failure(str(exc)) from None

    def post(self, path: str, body: Mapping[str, Any], seconds: float) -> Any:
        """Post a body and return the JSON response; ServiceError if there is none, Refused if the server rejects it."""
        return self._run(seconds, lambda client: _json(_checked(client.post(path, json=body))))

    def stream(self, path: str, body: Mapping[str, Any], seconds: float, reader: Callable[[], Reader]) -> Reader:
        """Return a reader with the complete streamed answer; raises like `post`."""

        def read(client: httpx.Client) -> Reader:
            answer = reader()
            with client.stream("POST", path, json=body) as response:
                lines = _checked(response).iter_lines()
                if response.headers.get("content-type", "").startswith("application/json"):
                    lines = _whole(answer, lines)
                for line in lines:
                    _parse(answer.line, line)
                    if len(answer.text) + len(answer.thoughts) > _MOST_CHARACTERS:
                        raise Refused("an answer without end")
            if not answer.done:
                raise Transient("an answer that breaks off")
            return answer

        return self._run(seconds, read)

    def reply(self, found: Reader, model: str) -> Reply:
        """Return a model's answer, even from its reasoning; ServiceError if it only reasoned without answering."""
        text = found.text
        if not text.strip() and found.thoughts.strip():
            if not answer.is_one(found.thoughts):
                hint = "raise STOCKOPS_LLM_MAX_TOKENS" if found.cut else "switch its thinking off"
                raise self.failure("the model only thought and gave no answer", hint, alive=True)
            text = found.thoughts
        return Reply(well_formed(text), one_line(found.model or model, 100), found.cut)

    def failure(self, what: str, hint: str = "", *, alive: bool = False) -> ServiceError:
        """Return an error about this server."""
        message = f"{self.service} at {self.address} does not serve: {what}"
        return ServiceError(message, hint, service=self.service, alive=alive)

    def _run(self, seconds: float, work: Callable[[httpx.Client], T]) -> T:
        """Return the result of `work` on a client, within `seconds` in total over all attempts."""
        if not addresses.is_plain(self.url):
            raise self.failure("the address is none", addresses.cure(self.url, "http://HOST:PORT"))

        def attempt(left: float) -> T:
            try:
                with self._client(left) as client:
                    return work(client)
            except _BROKEN_OFF as exc:
                raise Transient(f"a connection that breaks off ({type(exc).__name__})") from None

        with self._translate_errors(seconds):
            return replace(self.retry, total_seconds=seconds).run(self.service, attempt)

    def _client(self, seconds: float) -> httpx.Client:
        limit = max(seconds, 0.1)
        timeout = httpx.Timeout(limit, connect=min(_CONNECT_SECONDS, limit))
        return bounded_http.client(self.url, timeout, {"Authorization": f"Bearer {self.key}"} if self.key else None)

    @contextmanager
    def _translate_errors(self, seconds: float) -> Iterator[None]:
        """Translate transport failures into ServiceError, without the full address, which may contain a password."""
        try:
            yield
        except httpx.ConnectTimeout:
            raise self.failure("no connection in time") from None
        except httpx.TimeoutException:
            raise self.failure(f"no whole answer in {seconds:.0f} s") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise self.failure("the address is none", addresses.cure(self.url, "http://HOST:PORT")) from None
        except (bounded_http.AnswerTooLarge, httpx.DecodingError) as exc:
            raise self.failure(str(exc)) from None
        except httpx.HTTPError as exc:
            raise self.failure(f"no connection ({type(exc).__name__})") from None
        except TryAgainError as exc:
            raise self.failure(str(exc.__cause__)) from None
        except ValueError:
            raise self.failure("an answer that is no JSON") from None


def _whole(answer: Reader, lines: Iterator[str]) -> Iterator[str]:
    """Pass an unstreamed answer to the reader and return no lines; if it is a stream after all, return its lines."""
    found, left = [], 10 * _MOST_CHARACTERS
    for line in lines:
        found.append(line)
        left -= len(line)
        if left < 0:
            raise Refused("an answer without end")
    try:
        document = strict_json.read("\n".join(found))
    except ValueError:
        return iter(found)
    if isinstance(document, dict):
        _parse(answer.whole, document)
    return iter(())


def _parse(read: Callable[[S], T], answer: S) -> T:
    """Return what `read` makes of an answer; Refused if its shape does not match the protocol."""
    try:
        return read(answer)
    except (AttributeError, TypeError, LookupError, ValueError):
        raise Refused("an answer of another shape than the protocol has") from None


def _json(response: httpx.Response) -> Any:
    return strict_json.read(response.content)


def json_line(line: str) -> dict[str, Any]:
    """Parse a line as a JSON object; Transient for anything else, as the stream broke."""
    try:
        document = strict_json.read(line)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Transient("a stream that is no JSON")
    return document


def _checked(response: httpx.Response) -> httpx.Response:
    status = response.status_code
    if status < 300:
        return response
    response.read()
    # llama-cpp-python's server returns 500 for a request that it does not understand.
    error = _error(response)
    reason = f"status {status}, {reason_of(error)}" if error else f"status {status}"
    if status in _BUSY and "response_format" not in response.text and not _is_spent(error):
        raise Transient(reason, retry_after(response.headers))
    raise Refused(reason, status)


def _error(response: httpx.Response) -> object:
    """Return the server's `error`, text or an object that contains it; None if there is none."""
    try:
        return _json(response).get("error")
    except (ValueError, AttributeError):
        return None


def reason_of(error: object) -> str:
    """Return a server's `error`, text or an object with a `message`, as one short line."""
    return one_line(error.get("message") or error if isinstance(error, dict) else error, 160)


def _is_spent(error: object) -> bool:
    """Return whether a quota is used up, for which OpenAI's protocol uses the status of a rate limit."""
    return isinstance(error, dict) and not _SPENT.isdisjoint({str(error.get("type")), str(error.get("code"))})
