"""Slipway's: kept current by `copier update`. The steps that bound bodies, in size and in time."""

import asyncio
import contextlib
from typing import Any

from . import responses
from .asgi import CLOSE, App, Message, Receive, Send, Step, add, problem
from .drain import drain

ENDLESS = b"text/event-stream"
REFUSAL = "slipway.refusal"
"""In the scope: the status to refuse the body with, for an application that does so itself."""


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
    """Refuses a body over MAX_BODY_BYTES, without reading it to its end or keeping it.

    An application whose `refuses` is true does that itself, so that its own hooks see the response;
    it finds the status in the scope. Any other response of it is replaced.
    """

    def __init__(self, app: App, max_bytes: int) -> None:
        super().__init__(app)
        self.max_bytes = max_bytes
        self.inside = getattr(app, "refuses", False)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on while its body is within the limit."""
        if int(dict(scope["headers"]).get(b"content-length", 0)) > self.max_bytes:
            scope[REFUSAL] = 413
            if not self.inside:
                return await _refuse(receive, send)
        received, started, refused = 0, False, False

        async def receive_up_to_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received <= self.max_bytes:
                return message
            scope[REFUSAL] = 413
            return {"type": "http.disconnect"}

        async def send_if_taken(message: Message) -> None:
            nonlocal started, refused
            if REFUSAL in scope and not started:
                if not self.inside or message.get("status") != scope[REFUSAL]:
                    return
                refused = True
                add(message, CLOSE)
            started = True
            if refused and message["type"] == "http.response.body":
                message = {**message, "more_body": True}  # `_end` ends it
            await send(message)

        try:
            await self.app(scope, receive_up_to_limit, send_if_taken)
        except Exception:
            if started or REFUSAL not in scope:
                raise
        if refused:
            await _end(receive, send)
        elif REFUSAL in scope and not started:
            await _refuse(receive, send)


async def _refuse(receive: Receive, send: Send) -> None:
    await problem(send, 413, CLOSE, more=True)
    await _end(receive, send)


async def _end(receive: Receive, send: Send) -> None:
    """End a refusal, after reading on for a moment: see DISCARD_SECONDS."""
    more, rest = True, responses.DISCARD_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(responses.DISCARD_SECONDS):
            while more and rest > 0:
                message = await receive()
                rest -= len(message.get("body", b""))
                more = message.get("more_body", False)
    await send({"type": "http.response.body"})
