"""Slipway's: kept current by `copier update`. The steps of a request's way through `middleware.py`.

Each is a WSGI application around another one, and does one thing.
"""

import contextlib
import errno
import io
import threading
import time
from collections.abc import Buffer, Callable, Generator, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
import structlog
from structlog.contextvars import bound_contextvars

from . import responses
from .drain import drain
from .proxies import Proxies
from .services import Attached

type Environ = dict[str, Any]
type Headers = list[tuple[str, str]]
type StartResponse = Callable[..., Callable[[bytes], object]]
type Chunks = Generator[bytes]
type App = Callable[[Environ, StartResponse], Iterable[bytes]]

log = structlog.get_logger(__name__)

CLOSE = ("connection", "close")
ENDLESS = "text/event-stream"
BODY = "slipway.body"


def through(app: App, *steps: Callable[[App], App]) -> App:
    """Put an application inside these steps; the first one is the outermost."""
    for step in reversed(steps):
        app = step(app)
    return app


class Step:
    """A step of the way that does nothing yet."""

    def __init__(self, app: App) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return self.app(environ, start_response)

    def forward(self, environ: Environ, start_response: StartResponse) -> Chunks:
        """Pass the request on, and close the response at its end, as WSGI demands."""
        chunks = self.app(environ, start_response)
        try:
            yield from chunks
        finally:
            if close := getattr(chunks, "close", None):
                close()


class ProxyHeaders(Step):
    """Takes scheme and client from X-Forwarded-* of the proxies that FORWARDED_ALLOW_IPS names."""

    def __init__(self, app: App, trusted: str) -> None:
        super().__init__(app)
        self.proxies = Proxies(trusted)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # an IPv4 client of an IPv6 socket is ::ffff:192.0.2.1, which no entry would match
        peer = environ["REMOTE_ADDR"] = environ.get("REMOTE_ADDR", "").removeprefix("::ffff:")
        if peer in self.proxies:
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").strip()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
            client = self.proxies.client(environ.get("HTTP_X_FORWARDED_FOR", ""))
            environ["REMOTE_ADDR"] = client or peer
        return self.app(environ, start_response)


class RequestId(Step):
    """Puts the request's id on its response and on every event of it."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Chunks:
        request_id = responses.request_id(environ.get("HTTP_X_REQUEST_ID", ""))

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            added = _with(headers, ("x-request-id", request_id))
            return start_response(status, added, exc_info)

        with bound_contextvars(request_id=request_id):
            yield from self.forward(environ, start)


class AccessLog(Step):
    """Logs one event a request, at its end, or where it is cut."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Chunks:
        began = time.perf_counter()
        path = _path(environ)
        code, sent = 500, 0

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            nonlocal code
            code = int(status[:3])
            write = start_response(status, headers, exc_info)
            return lambda chunk: write(count(chunk))

        def count(chunk: bytes) -> bytes:
            nonlocal sent
            sent += len(chunk)
            return chunk

        def log_request() -> None:
            (log.debug if path in responses.HEALTH_PATHS else log.info)(
                "request",
                method=environ["REQUEST_METHOD"],
                path=path,
                status=code,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
                bytes=sent,
                client=environ.get("REMOTE_ADDR") or None,
            )

        request = drain.enter(log_request)
        try:
            for chunk in self.forward(environ, start):
                yield count(chunk)
        finally:
            if drain.leave(request):
                log_request()


class ResponseHeaders(Step):
    """Adds the security headers, and `Connection: close` while the process drains."""

    def __init__(self, app: App, https_only: bool) -> None:
        super().__init__(app)
        self.https_only = https_only

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            added = list(responses.SECURITY_HEADERS.items())
            if self.https_only and environ["wsgi.url_scheme"] == "https":
                added.append(responses.HSTS)
            if drain.draining:
                added.append(CLOSE)
            return start_response(status, _with(headers, *added), exc_info)

        return self.app(environ, start)


class Health(Step):
    """Answers /livez and /readyz."""

    def __init__(self, app: App, services: Attached) -> None:
        super().__init__(app)
        self.services = services

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = _path(environ)
        if path not in responses.HEALTH_PATHS:
            return self.app(environ, start_response)
        status, document = responses.health(path, self.services)
        return _reply(environ, start_response, status, orjson.dumps(document), "application/json")


class HttpsOnly(Step):
    """Redirects plain HTTP where HTTPS_ONLY says so."""

    def __init__(self, app: App, https_only: bool) -> None:
        super().__init__(app)
        self.https_only = https_only

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not self.https_only or environ["wsgi.url_scheme"] == "https":
            return self.app(environ, start_response)
        query = environ.get("QUERY_STRING")
        target = quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{query}" if query else "")
        location = f"https://{environ.get('HTTP_HOST', '')}{target}"
        return _problem(environ, start_response, 308, ("location", location))


class Problems(Step):
    """Logs what fails, and answers it with a problem document: 503 for an outage, else 500."""

    def __init__(self, app: App, services: Attached) -> None:
        super().__init__(app)
        self.services = services

    def __call__(self, environ: Environ, start_response: StartResponse) -> Chunks:
        response = Response(environ, start_response)
        where = {"method": environ["REQUEST_METHOD"], "path": _path(environ)}

        def cut() -> None:
            log.error("request cut", **where)
            with contextlib.suppress(OSError):  # it had begun, or the client has left
                document = b"".join(response.replace(503))
                response.write(document)

        request = drain.enter(cut)
        try:
            yield from response.send(self.forward(environ, response.start_response))
        except Exception as error:
            if response.replaced:  # cut, in the meantime
                return
            yield from response.replace(log_failure(error, self.services, **where))
        finally:
            drain.leave(request)


class EndStreams(Step):
    """Ends a response that has no end of its own when the drain is over."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Chunks:
        endless = False

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            nonlocal endless
            kinds = (value for name, value in headers if name.lower() == "content-type")
            endless = any(kind.startswith(ENDLESS) for kind in kinds)
            return start_response(status, headers, exc_info)

        with contextlib.closing(self.forward(environ, start)) as chunks:
            for chunk in chunks:
                yield chunk
                if endless and drain.closing:
                    return


class BodyLimit(Step):
    """Refuses a body over MAX_BODY_BYTES, without reading it to its end or keeping it.

    An application may refuse the body itself, so that its own hooks see the response: `refusal`
    says with which status. Any other response of it is replaced.
    """

    def __init__(self, app: App, max_bytes: int) -> None:
        super().__init__(app)
        self.max_bytes = max_bytes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Chunks:
        body = environ[BODY] = Body(environ, self.max_bytes)
        environ["wsgi.input"] = io.BufferedReader(body)

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            if body.refusal and int(status[:3]) != body.refusal:
                raise BodyError
            added = _with(headers, CLOSE) if body.refusal else headers
            return start_response(status, added, exc_info)

        response = Response(environ, start)
        try:
            yield from response.send(self.forward(environ, response.start_response))
        except Exception:
            if response.started or not body.refusal:
                raise
            yield from response.replace(body.refusal)


class Concurrency(Step):
    """Lets WEB_THREADS requests through at once; the others wait for their turn."""

    def __init__(self, app: App, limit: int) -> None:
        super().__init__(app)
        self.free = threading.Semaphore(limit)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Chunks:
        with self.free:
            yield from self.forward(environ, start_response)


class Response:
    """A response of which nothing is sent before its first byte: another may replace it."""

    write: Callable[[bytes], object]

    def __init__(self, environ: Environ, start_response: StartResponse) -> None:
        self.environ, self.outer_start_response = environ, start_response
        self.head: tuple[str, Headers] | None = None
        self.started = self.replaced = False
        self.lock = threading.Lock()  # between the request's thread and the one that cuts

    def start_response(
        self, status: str, headers: Headers, exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Keep what the application says."""
        if exc_info and self.started:
            raise exc_info[1]
        self.head = status, headers
        return lambda chunk: self.start()(chunk)

    def start(self) -> Callable[[bytes], object]:
        """Begin to send, once; return what sends a chunk."""
        if not self.head:
            raise RuntimeError("The application has returned without an answer.")
        with self.lock:
            if self.replaced:
                raise _broken_off()
            if not self.started:
                self.write = self.outer_start_response(*self.head)
                self.started = True
        return self.write

    def send(self, chunks: Chunks) -> Chunks:
        """Pass on the application's body."""
        with contextlib.closing(chunks):
            for chunk in chunks:
                if chunk:
                    self.start()
                    yield chunk
        self.start()  # where there was no body

    def replace(self, status: int) -> Iterable[bytes]:
        """Answer with a problem document instead, or break off what has begun."""
        with self.lock:
            if self.started or self.replaced:
                raise _broken_off()
            self.replaced = True

            def start(*head: Any) -> Callable[[bytes], object]:
                self.write = self.outer_start_response(*head)
                return self.write

            return _problem(self.environ, start, status)


class BodyError(Exception):
    """The body will not be read to its end, and the application cannot go on without."""


class Body(io.RawIOBase):
    """The body of a request, up to a limit."""

    def __init__(self, environ: Environ, max_bytes: int) -> None:
        self.stream, self.max_bytes = environ["wsgi.input"], max_bytes
        self.length = int(environ.get("CONTENT_LENGTH") or 0)
        self.received = 0
        self.refusal = 413 if self.length > max_bytes else 0
        """The status to refuse it with, or 0."""

    def readable(self) -> bool:
        """Say what `io.BufferedReader` asks."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read on, or raise BodyError."""
        room = memoryview(buffer)
        data = b"" if self.refusal else self._read(len(room))
        if self.refusal:
            raise BodyError
        room[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            data: bytes = self.stream.read(size)
        except Exception:  # the client has left, or sends no HTTP
            self.refusal = 400
            return b""
        self.received += len(data)
        if self.received > self.max_bytes:
            self.refusal = 413
        elif len(data) < size and self.received < self.length:  # the client has left
            self.refusal = 400
        return data


def refusal(environ: Environ) -> int:
    """Return the status that `BodyLimit` refuses this request's body with, or 0."""
    body = environ.get(BODY)
    return body.refusal if isinstance(body, Body) else 0


def log_failure(error: BaseException, services: Attached, **request: str) -> int:
    """Log what has failed, and return the status to answer it with: 503 for an outage, else 500."""
    if outage := services.outage(error):
        responses.log_outage(*outage)
        return 503
    log.error("request failed", **request, exc_info=error)
    return 500


def _path(environ: Environ) -> str:
    path: str = environ["PATH_INFO"]
    return path.encode("latin-1").decode(errors="replace")


def _with(headers: Headers, *added: tuple[str, str]) -> Headers:
    """Add what the response does not say yet."""
    names = {name.lower() for name, _ in headers}
    return headers + [header for header in added if header[0] not in names]


def _reply(
    environ: Environ,
    start_response: StartResponse,
    status: int,
    body: bytes,
    kind: str,
    *headers: tuple[str, str],
) -> list[bytes]:
    full = [("content-type", kind), ("content-length", str(len(body))), *headers]
    start_response(f"{status} {HTTPStatus(status).phrase}", full)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _problem(
    environ: Environ, start_response: StartResponse, status: int, *headers: tuple[str, str]
) -> list[bytes]:
    document = responses.problem(status)
    more = [*headers, ("retry-after", "1")] if status == 503 else headers
    return _reply(environ, start_response, status, document, "application/problem+json", *more)


def _broken_off() -> OSError:
    """Return what gunicorn takes for a client that has left, and closes the connection at."""
    return ConnectionResetError(errno.ECONNRESET, "the response is broken off")
