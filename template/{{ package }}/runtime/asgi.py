"""Maintained by `copier update`. The base of the ASGI middleware in runtime/, the steps."""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from . import responses

type Message = Any  # a mapping whose keys depend on its "type"; see the ASGI specification
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Any, Receive, Send], Awaitable[None]]
type Header = tuple[bytes, bytes]

CLOSE = (b"connection", b"close")
ALLOW = (b"allow", b"GET, HEAD")  # what every service allows somewhere; a 405 must name methods
REFUSED = "slipway.refused"
"""The scope's key for the status that answers a malformed request: see `protocol.py`."""
CUT = "slipway.cut"
"""The scope's key for a function that closes the connection of a client that does not read."""
FAILURE = "slipway.failure"
"""The scope's key for an error that the application's middleware may catch."""


class Step:
    """An ASGI middleware that passes everything on; subclasses override its methods."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.http(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handle a request; websockets and the lifespan skip this step."""
        await self.app(scope, receive, send)


def through(app: App, *steps: Callable[[App], App]) -> App:
    """Wrap an application in these steps; the first one is the outermost.

    Raises TypeError if one of them is not an ASGI application.
    """
    _check(app, app)
    for step in reversed(steps):
        app = step(app)
        _check(app, step)
    return app


def _check(app: Any, made_by: Any) -> None:
    try:
        inspect.signature(app).bind("scope", "receive", "send")
    except TypeError:
        if isinstance(made_by, partial):
            made_by = made_by.func
        name = getattr(made_by, "__name__", type(made_by).__name__)
        raise TypeError(
            f"middleware.py: {name} must return an ASGI application: (scope, receive, send)."
            " WSGI middleware, (environ, start_response), goes inside: http.Bridge(Yours(app), …)"
        ) from None
    except ValueError:  # written in C, without a signature
        pass


def add(message: Message, *headers: Header) -> Message:
    """Return a copy with the headers that the response does not have yet.

    The application may send the same message again, as Litestar's cache does.
    """
    own = list(message.get("headers", ()))
    names = {name.lower() for name, _ in own}
    own += [header for header in headers if header[0] not in names]
    return {**message, "headers": own}


async def reply(
    send: Send, status: int, body: bytes, kind: bytes, *headers: Header, more: bool = False
) -> None:
    """Answer with this body; if `more` is true, the caller ends the response."""
    length = str(len(body)).encode()
    full = [(b"content-type", kind), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": full})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def refuse_websocket(scope: Any, send: Send, status: int) -> None:
    """Refuse a websocket before it is accepted, with a problem document if the server can."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        return await send({"type": "websocket.close"})  # the server answers 403

    async def send_to_websocket(message: Message) -> None:
        await send({**message, "type": "websocket." + message["type"]})

    await problem(send_to_websocket, status)


async def problem(send: Send, status: int, *headers: Header, more: bool = False) -> None:
    """Answer with a problem document."""
    document = responses.problem(status)
    await reply(send, status, document, b"application/problem+json", *headers, more=more)


async def refuse(receive: Receive, send: Send, status: int) -> None:
    """Answer a request without reading all of it, and close the connection."""
    await problem(send, status, CLOSE, *([ALLOW] if status == 405 else []), more=True)
    await end_refusal(receive, send)


async def end_refusal(receive: Receive, send: Send) -> None:
    """Read on for a moment, and then end the response: see DISCARD_SECONDS."""
    more, rest = True, responses.DISCARD_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(responses.DISCARD_SECONDS):
            while more and rest > 0:
                message = await receive()
                rest -= len(message.get("body", b""))
                more = message.get("more_body", False)
    await send({"type": "http.response.body"})
