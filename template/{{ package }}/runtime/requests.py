"""Around the whole application: request ids, the access event, errors, limits and headers."""

import asyncio
import contextlib
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson
import structlog

from ..settings import Settings
from . import health
from .drain import Drain

type Message = Any  # a mapping whose keys depend on its "type"; see the ASGI specification
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Any, Receive, Send], Awaitable[None]]
type Headers = list[tuple[bytes, bytes]]

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,200}")
SECURITY_HEADERS = [
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
HSTS = (b"strict-transport-security", b"max-age=31536000")
CLOSE = (b"connection", b"close")
DISCARD_BYTES, DISCARD_SECONDS = 16 * 1024 * 1024, 1


class Requests:
    """The ASGI application that the server runs, with the service's own inside."""

    def __init__(self, app: App, settings: Settings, drain: Drain) -> None:
        self.app, self.settings, self.drain = app, settings, drain

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(self, scope, receive, send).run()
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._lifespan(scope, receive, send)

    async def _websocket(self, scope: Any, receive: Receive, send: Send) -> None:
        with structlog.contextvars.bound_contextvars(request_id=_request_id(scope)):
            try:
                await self.app(scope, receive, send)
            except Exception:
                log.exception("websocket failed", path=scope["path"])

    async def _lifespan(self, scope: Any, receive: Receive, send: Send) -> None:
        event = "cannot start"

        async def send_on(message: Message) -> None:
            nonlocal event
            if message["type"] == "lifespan.startup.complete":
                event = "cannot stop"
            message.pop("message", None)  # the traceback, which uvicorn would log as plain text
            await send(message)

        try:
            await self.app(scope, receive, send_on)
        except Exception:
            log.critical(event, exc_info=True)
            raise


def _request_id(scope: Any) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


class _Exchange:
    """One request and its response."""

    def __init__(self, outer: Requests, scope: Any, receive: Receive, send: Send) -> None:
        self.app, self.settings, self.drain = outer.app, outer.settings, outer.drain
        self.scope, self._receive, self._send = scope, receive, send
        self.method, self.path = scope["method"], scope["path"]
        self.headers = dict(scope["headers"])
        self.id = _request_id(scope)
        self.task = asyncio.current_task()
        self.status = 500
        self.received = self.sent = 0  # bytes of the two bodies
        self.started = self.too_large = self.disconnected = False
        self.held: list[Message] = []

    async def run(self) -> None:
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=self.id):
            try:
                await self.answer()
            except asyncio.CancelledError:
                await self.cut()
            except Exception:
                log.exception("request failed", method=self.method, path=self.path)
                self.held.clear()
                await self.problem(500)
            client = self.scope["client"]
            (log.debug if self.path in health.PATHS else log.info)(
                "request",
                method=self.method,
                path=self.path,
                status=self.status,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
                bytes=self.sent,
                client=client[0] if client else None,
            )

    async def answer(self) -> None:
        if self.path in health.PATHS:
            await self.reply(*await health.answer(self.path, self.drain))
        elif self.settings.https_only and self.scope["scheme"] == "http":
            await self.redirect_to_https()
        elif int(self.headers.get(b"content-length", 0)) > self.settings.max_body_bytes:
            await self.refuse_body()
        else:
            await self.call_application()

    async def call_application(self) -> None:
        try:
            await self.app(self.scope, self.receive, self.send)
        except Exception:
            if self.started or not (self.too_large or self.disconnected):
                raise
        if self.too_large and not self.started:
            self.held.clear()
            await self.refuse_body()
        for message in self.held:
            await self.pass_on(message)
        if not self.started:
            if not self.disconnected:
                raise RuntimeError("The application has returned without an answer.")
            self.status = 499  # nginx's status for a client that went before the answer

    async def receive(self) -> Message:
        message = await self._receive()
        self.disconnected = message["type"] == "http.disconnect"
        self.received += len(message.get("body", b""))
        self.too_large = self.received > self.settings.max_body_bytes
        return {"type": "http.disconnect"} if self.too_large else message

    async def send(self, message: Message) -> None:
        # Frameworks answer an unhandled error before they raise it: hold a 500 until that is known.
        if self.held or message.get("status") == 500:
            self.held.append(message)
        elif self.started or not self.too_large:
            await self.pass_on(message)

    async def pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            message["headers"] = self.complete(list(message.get("headers", ())))
        self.sent += len(message.get("body", b""))
        await self._send(message)

    def complete(self, headers: Headers) -> Headers:
        """Add what every response carries, where the application has not said otherwise."""
        own = {name.lower(): value for name, value in headers}
        if self.task and own.get(b"content-type", b"").startswith(b"text/event-stream"):
            self.drain.streams.add(self.task)
        added = [*SECURITY_HEADERS, (b"x-request-id", self.id.encode())]
        if self.settings.https_only and self.scope["scheme"] == "https":
            added.append(HSTS)
        if self.drain.draining:
            added.append(CLOSE)
        return headers + [header for header in added if header[0] not in own]

    async def reply(
        self,
        status: int,
        document: dict[str, Any],
        headers: Headers | None = None,
        kind: bytes = b"application/json",
        more_body: bool = False,
    ) -> None:
        """Answer in place of the application. If it has begun to, uvicorn will cut it short."""
        if self.started:
            return
        body = orjson.dumps(document)
        length = str(len(body)).encode()
        full = [(b"content-type", kind), (b"content-length", length), *(headers or [])]
        await self.pass_on({"type": "http.response.start", "status": status, "headers": full})
        await self.pass_on({"type": "http.response.body", "body": body, "more_body": more_body})

    async def problem(self, status: int, **more: Any) -> None:
        """Reply with a problem document (RFC 9457)."""
        title = HTTPStatus(status).phrase
        document = {"title": title, "status": status, "request_id": self.id}
        await self.reply(status, document, kind=b"application/problem+json", **more)

    async def redirect_to_https(self) -> None:
        query = self.scope["query_string"]
        target = self.scope["raw_path"] + (b"?" + query if query else b"")
        url = b"https://" + self.headers.get(b"host", b"") + target
        await self.problem(308, headers=[(b"location", url)])

    async def refuse_body(self) -> None:
        """413, and read on for a moment: a client that still sends would see but a reset."""
        await self.problem(413, headers=[CLOSE], more_body=True)
        more, end = True, self.received + DISCARD_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                while more and self.received < end:
                    message = await self._receive()
                    self.received += len(message.get("body", b""))
                    more = message.get("more_body", False)
        await self.pass_on({"type": "http.response.body"})

    async def cut(self) -> None:
        """The drain has cancelled a stream, or uvicorn what outlasts the grace."""
        if self.task in self.drain.streams:
            await self.pass_on({"type": "http.response.body"})
        else:
            log.error("request cut", method=self.method, path=self.path)
            await self.problem(503)
