"""Slipway's: kept current by `copier update`. The steps of a request's way through `middleware.py`.

Each is an ASGI application around another one, and does one thing.
"""

import inspect
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import structlog
from structlog.contextvars import bound_contextvars
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from . import responses
from .asgi import CLOSE, App, Message, Receive, Send, Step, add, problem, reply
from .drain import drain
from .errors import Problems
from .limits import BodyLimit, EndStreams
from .services import Attached

__all__ = [
    "AccessLog",
    "App",
    "BodyLimit",
    "EndStreams",
    "Health",
    "HttpsOnly",
    "Problems",
    "ProxyHeaders",
    "RequestId",
    "ResponseHeaders",
    "Step",
    "through",
]

log = structlog.get_logger(__name__)

CLIENT_LEFT = 499  # nginx's status for a client that left before the answer


def through(app: App, *steps: Callable[[App], App]) -> App:
    """Put an application inside these steps; the first one is the outermost.

    Raises TypeError where one of them is no ASGI application.
    """
    _check(app, app)
    for step in reversed(steps):
        app = step(app)
        _check(app, step)
    return app


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
                add(message, (b"x-request-id", request_id.encode()))
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
                add(message, *added)
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
        await reply(send, status, orjson.dumps(document), b"application/json")


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
        await problem(send, 308, (b"location", location))


def _check(app: Any, made_by: Any) -> None:
    try:
        inspect.signature(app).bind("scope", "receive", "send")
    except TypeError:
        if isinstance(made_by, partial):
            made_by = made_by.func
        name = getattr(made_by, "__name__", type(made_by).__name__)
        raise TypeError(
            f"middleware.py: {name} gives no ASGI application, which takes (scope, receive, send)."
            " A WSGI one, of (environ, start_response), goes inside Bridge: Bridge(Yours(app), …)"
        ) from None
    except ValueError:  # of C, without a signature
        pass
