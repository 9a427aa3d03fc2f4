"""Slipway's: kept current by `copier update`. The base of the steps that a request goes through."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from . import responses

type Message = Any  # a mapping whose keys depend on its "type"; see the ASGI specification
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Any, Receive, Send], Awaitable[None]]
type Header = tuple[bytes, bytes]

CLOSE = (b"connection", b"close")
REFUSED = "slipway.refused"
"""The key in the scope of the status that refuses a malformed request: see `protocol.py`."""


class Step:
    """A step that does nothing by itself."""

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


def add(message: Message, *headers: Header) -> None:
    """Add the headers that the response does not have yet."""
    own = message["headers"] = list(message.get("headers", ()))
    names = {name.lower() for name, _ in own}
    own += [header for header in headers if header[0] not in names]


async def reply(
    send: Send, status: int, body: bytes, kind: bytes, *headers: Header, more: bool = False
) -> None:
    """Answer with this body; if `more` is true, the caller ends the response."""
    length = str(len(body)).encode()
    full = [(b"content-type", kind), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": full})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def problem(send: Send, status: int, *headers: Header, more: bool = False) -> None:
    """Answer with a problem document."""
    document = responses.problem(status)
    await reply(send, status, document, b"application/problem+json", *headers, more=more)


async def refuse(receive: Receive, send: Send, status: int) -> None:
    """Answer a request that is not read to its end, and close the connection."""
    await problem(send, status, CLOSE, more=True)
    await end_refusal(receive, send)


async def end_refusal(receive: Receive, send: Send) -> None:
    """End such an answer after reading on for a moment: see DISCARD_SECONDS."""
    more, rest = True, responses.DISCARD_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(responses.DISCARD_SECONDS):
            while more and rest > 0:
                message = await receive()
                rest -= len(message.get("body", b""))
                more = message.get("more_body", False)
    await send({"type": "http.response.body"})
