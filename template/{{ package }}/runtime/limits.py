"""Maintained by `copier update`. The steps that limit bodies, streams and concurrency."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from .asgi import (
    CLOSE,
    REFUSED,
    App,
    Message,
    Receive,
    Send,
    Step,
    add,
    end_refusal,
    problem,
    refuse,
)
from .drain import drain

AT_ONCE = 100  # the most requests that a process works on at once
WAIT_SECONDS = 5  # how long a request waits for its turn before it gets a 503
AHEAD_BYTES = 65_536  # how much of a body must arrive before its request gets a turn
ENDLESS = b"text/event-stream"
REFUSAL = "slipway.refusal"
"""The scope's key for the status that the application should refuse the body with."""


def refuses(app: Any) -> bool:
    """Tell whether an application, or its `state`, has a true attribute `refuses`."""
    said = getattr(app, "refuses", False) or getattr(getattr(app, "state", None), "refuses", False)
    return bool(said)


class EndStreams(Step):
    """Ends the responses that have no end of their own when the drain is over."""

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on, and note it if its response is endless."""
        task = asyncio.current_task()

        def send_noting(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start" and task:
                headers = dict(message.get("headers", ()))  # in lower case, as ASGI says
                unbuffered = headers.get(b"x-accel-buffering") == b"no"  # nginx's switch
                if unbuffered or headers.get(b"content-type", b"").startswith(ENDLESS):
                    drain.streams.add(task)
            return send(message)

        try:
            await self.app(scope, receive, send_noting)
        except asyncio.CancelledError:
            if task not in drain.streams:
                raise
            await send({"type": "http.response.body"})


class BodyLimit(Step):
    """Refuses a body over MAX_BODY_BYTES, without reading all of it or keeping it.

    An application that `refuses` finds the status in the scope and answers itself, so that its own
    hooks see the response. Any other response that it sends is replaced.
    """

    def __init__(self, app: App, max_bytes: int) -> None:
        super().__init__(app)
        self.max_bytes = max_bytes
        self.inside = refuses(app)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on while its body is within the limit."""
        if int(dict(scope["headers"]).get(b"content-length", 0)) > self.max_bytes:
            scope[REFUSAL] = 413
            if not self.inside:
                return await refuse(receive, send, 413)
        received, started, refused = 0, False, False

        async def receive_up_to_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received <= self.max_bytes and REFUSED not in scope:
                return message
            scope[REFUSAL] = scope.get(REFUSED, 413)
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
                message = {**message, "more_body": True}  # `end_refusal` ends it
            await send(message)

        try:
            await self.app(scope, receive_up_to_limit, send_if_taken)
        except Exception:
            if started or REFUSAL not in scope:
                raise
        if refused:
            await end_refusal(receive, send)
        elif REFUSAL in scope and not started:
            await refuse(receive, send, scope[REFUSAL])


class Concurrency(Step):
    """Lets `at_once` requests run at once. Others wait for their turn, and may get a 503.

    Without this limit, an overload would slow down all requests until every one fails.
    """

    def __init__(self, app: App, at_once: int = AT_ONCE) -> None:
        super().__init__(app)
        # at least one place for each thread of a bridge
        self.places = asyncio.Semaphore(max(at_once, getattr(app, "at_once", 0)))
        self.refuses = refuses(app)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on in its turn. Its place is free once its response begins."""
        ahead = await _read_ahead(scope, receive)
        if not self.places.locked():
            await self.places.acquire()  # returns at once
        else:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await self.places.acquire()
            except TimeoutError:
                return await problem(send, 503, (b"retry-after", b"1"))
        waits = True

        async def receive_on() -> Message:
            return ahead.pop(0) if ahead else await receive()

        def send_noting(message: Message) -> Awaitable[None]:
            nonlocal waits
            if waits:
                waits = False
                self.places.release()
            return send(message)

        try:
            await self.app(scope, receive_on, send_noting)
        finally:
            if waits:
                self.places.release()


async def _read_ahead(scope: Any, receive: Receive) -> list[Message]:
    """Read a short body, or the start of a long one, while the request has no place yet."""
    names = {name for name, _ in scope["headers"]}
    has_body = b"content-length" in names or b"transfer-encoding" in names
    if REFUSAL in scope or b"expect" in names or not has_body:
        return []  # a client that waits for a 100 has sent nothing yet
    ahead, size, more = list[Message](), 0, True
    while more and size < AHEAD_BYTES:
        message = await receive()
        ahead.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return ahead
