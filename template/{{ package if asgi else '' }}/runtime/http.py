"""Slipway's: kept current by `copier update`. The steps of a request's way through `middleware.py`.

Each is an ASGI application around another one, and does one thing.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from structlog.contextvars import bound_contextvars
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from . import responses
from .drain import drain
from .services import Attached

type Message = Any  # a mapping whose keys depend on its "type"; see the ASGI specification
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Any, Receive, Send], Awaitable[None]]
type Header = tuple[bytes, bytes]

log = structlog.get_logger(__name__)

CLOSE = (b"connection", b"close")
ENDLESS = b"text/event-stream"
CLIENT_LEFT = 499  # nginx's status for a client that left before the answer


def through(app: App, *steps: Callable[[App], App]) -> App:
    """Put an application inside these steps; the first one is the outermost."""
    for step in reversed(steps):
        app = step(app)
    return app


class Step:
    """A step of the way that does nothing yet."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.http(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handle a request; websockets and the lifespan pass by."""
        await self.app(scope, receive, send)


class ProxyHeaders(Step):
    """Takes scheme and client from X-Forwarded-* of the proxies that FORWARDED_ALLOW_IPS names."""

    def __init__(self, app: App, trusted: str) -> None:
        super().__init__(app)
        self.forwarded = ProxyHeadersMiddleware(app, trusted)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if client := scope.get("client"):
            # an IPv4 client of an IPv6 socket is ::ffff:192.0.2.1, which no entry would match
            scope["client"] = (client[0].removeprefix("::ffff:"), client[1])
        await self.forwarded(scope, receive, send)


class RequestId(Step):
    """Puts the request's id on its response and on every event of it."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = responses.request_id(given.decode("latin-1"))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(message, (b"x-request-id", request_id.encode()))
            await send(message)

        with bound_contextvars(request_id=request_id):
            await self.app(scope, receive, send_with_id)


class AccessLog(Step):
    """Logs one event a request and one a websocket, at its end."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        began = time.perf_counter()
        status, sent = CLIENT_LEFT, 0

        async def send_counted(message: Message) -> None:
            nonlocal status, sent
            match message["type"]:
                case "http.response.start":
                    status = message["status"]
                case "http.response.body":
                    sent += len(message.get("body", b""))
                case "websocket.accept":
                    status = 101
                case "websocket.close" if status != 101:
                    status = 403
                case "websocket.send":
                    sent += len(message.get("bytes") or message.get("text") or b"")
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        finally:
            client = scope["client"]
            (log.debug if scope["path"] in responses.HEALTH_PATHS else log.info)(
                "request",
                method=scope.get("method", "GET"),
                path=scope["path"],
                status=status,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
                bytes=sent,
                client=client[0] if client else None,
            )


class ResponseHeaders(Step):
    """Adds the security headers, and `Connection: close` while the process drains."""

    def __init__(self, app: App, https_only: bool) -> None:
        super().__init__(app)
        self.https_only = https_only
        self.always = [(k.encode(), v.encode()) for k, v in responses.SECURITY_HEADERS.items()]
        self.hsts = (responses.HSTS[0].encode(), responses.HSTS[1].encode())

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Add what the application has not said otherwise."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = list(self.always)
                if self.https_only and scope["scheme"] == "https":
                    added.append(self.hsts)
                if drain.draining:
                    added.append(CLOSE)
                _add(message, *added)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Health(Step):
    """Answers /livez and /readyz."""

    def __init__(self, app: App, services: Attached) -> None:
        super().__init__(app)
        self.services = services

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a health endpoint, and pass on the rest."""
        if scope["path"] not in responses.HEALTH_PATHS:
            return await self.app(scope, receive, send)
        status, document = await responses.health(scope["path"], self.services)
        await _reply(send, status, orjson.dumps(document), b"application/json")


class HttpsOnly(Step):
    """Redirects plain HTTP where HTTPS_ONLY says so."""

    def __init__(self, app: App, https_only: bool) -> None:
        super().__init__(app)
        self.https_only = https_only

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Redirect, or pass on."""
        if not self.https_only or scope["scheme"] == "https":
            return await self.app(scope, receive, send)
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        location = b"https://" + dict(scope["headers"]).get(b"host", b"") + target
        await _problem(send, 308, (b"location", location))


class Problems(Step):
    """Logs what fails, and answers it with a problem document: 503 for an outage, else 500."""

    def __init__(self, app: App, services: Attached) -> None:
        super().__init__(app)
        self.services = services

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.websocket(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on; answer in place of the application where that fails."""
        started = disconnected = False
        held: list[Message] = []  # a 500, until it is known whether the framework raises its cause

        async def receive_noting(*_: Any) -> Message:
            nonlocal disconnected
            message = await receive()
            disconnected = message["type"] == "http.disconnect"
            return message

        async def send_or_hold(message: Message) -> None:
            nonlocal started
            if held or message.get("status") == 500:
                held.append(message)
            else:
                started = True
                await send(message)

        try:
            await self.app(scope, receive_noting, send_or_hold)
            if not (started or held or disconnected):
                raise RuntimeError("The application has returned without an answer.")
        except asyncio.CancelledError:  # uvicorn cancels what outlasts the grace
            log.error("request cut", method=scope["method"], path=scope["path"])
            if not started:
                await _problem(send, 503)
            return
        except Exception as error:
            if disconnected and not started:
                return
            if outage := self.services.outage(error):
                responses.log_outage(*outage)
            else:
                log.exception("request failed", method=scope["method"], path=scope["path"])
            if not started and not _is_users(held):
                if outage:
                    return await _problem(send, 503, (b"retry-after", b"1"))
                return await _problem(send, 500)
        for message in held:
            await send(message)

    async def websocket(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a websocket on; uvicorn closes one that fails."""
        try:
            await self.app(scope, receive, send)
        except Exception:
            log.exception("websocket failed", path=scope["path"])


class EndStreams(Step):
    """Ends a response that has no end of its own when the drain is over."""

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on, and know of it if its response is endless."""
        task = asyncio.current_task()

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start" and task:
                kinds = (v for k, v in message.get("headers", ()) if k.lower() == b"content-type")
                if any(kind.startswith(ENDLESS) for kind in kinds):
                    drain.streams.add(task)
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except asyncio.CancelledError:
            if task not in drain.streams:
                raise
            await send({"type": "http.response.body"})


class BodyLimit(Step):
    """Refuses a body over MAX_BODY_BYTES, without reading it to its end or keeping it."""

    def __init__(self, app: App, max_bytes: int) -> None:
        super().__init__(app)
        self.max_bytes = max_bytes

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on while its body is within the limit."""
        if int(dict(scope["headers"]).get(b"content-length", 0)) > self.max_bytes:
            return await _refuse_body(receive, send)
        received, started = 0, False

        async def receive_up_to_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return {"type": "http.disconnect"} if received > self.max_bytes else message

        async def send_if_taken(message: Message) -> None:
            nonlocal started
            if started or received <= self.max_bytes:
                started = True
                await send(message)

        try:
            await self.app(scope, receive_up_to_limit, send_if_taken)
        except Exception:
            if started or received <= self.max_bytes:
                raise
        if received > self.max_bytes and not started:
            await _refuse_body(receive, send)


def _add(message: Message, *headers: Header) -> None:
    """Add what the response does not say yet."""
    own = message["headers"] = list(message.get("headers", ()))
    names = {name.lower() for name, _ in own}
    own += [header for header in headers if header[0] not in names]


def _is_users(held: list[Message]) -> bool:
    """Tell whether a handler of the user's wrote this 500, and not Starlette itself."""
    body = b"".join(message.get("body", b"") for message in held)
    return bool(held) and body != b"Internal Server Error"


async def _reply(
    send: Send, status: int, body: bytes, kind: bytes, *headers: Header, more: bool = False
) -> None:
    length = str(len(body)).encode()
    full = [(b"content-type", kind), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": full})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _problem(send: Send, status: int, *headers: Header, more: bool = False) -> None:
    document = responses.problem(status)
    await _reply(send, status, document, b"application/problem+json", *headers, more=more)


async def _refuse_body(receive: Receive, send: Send) -> None:
    """Answer 413, and read on for a moment: see DISCARD_SECONDS."""
    await _problem(send, 413, CLOSE, more=True)
    more, rest = True, responses.DISCARD_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(responses.DISCARD_SECONDS):
            while more and rest > 0:
                message = await receive()
                rest -= len(message.get("body", b""))
                more = message.get("more_body", False)
    await send({"type": "http.response.body"})
