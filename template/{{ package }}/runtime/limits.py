"""Maintained by `copier update`. The steps that limit bodies, streams and concurrency."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from .asgi import (
    CLOSE,
    CUT,
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
CUT_SECONDS = 1  # how long a stream behind a bridge may wait for its client while a request waits
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
                message = add(message, CLOSE)
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
        threads: int = getattr(app, "at_once", 0)  # of a bridge; else 0
        self.places = Places(threads or at_once)
        self.until_start = not threads
        self.refuses = refuses(app)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on in its turn.

        While it waits for its body, its place is free. It is also free once the response begins;
        but behind a bridge, a response holds its place while it holds its thread.
        """
        names = {name for name, _ in scope["headers"]}
        more = b"content-length" in names or b"transfer-encoding" in names
        ahead = list[Message]()
        if more and REFUSAL not in scope and b"expect" not in names:
            ahead = await _read_ahead(receive)  # after an Expect, nothing comes before a 100
        try:
            await self.places.take()
        except TimeoutError:
            return await problem(send, 503, (b"retry-after", b"1"))
        holds, ends = True, False

        def give_back() -> None:
            nonlocal holds
            if holds:
                holds = False
                self.places.give_back()

        async def receive_on() -> Message:
            nonlocal holds, more
            if ahead:
                message = ahead.pop(0)
            elif holds and more:
                give_back()
                message = await receive()
                await self.places.take(first=True)
                holds = True
                if ends:  # meanwhile
                    give_back()
            else:
                return await receive()
            more = message.get("more_body", False)
            return message

        def send_noting(message: Message) -> Awaitable[None]:
            nonlocal ends
            last = message["type"] == "http.response.body" and not message.get("more_body")
            if self.until_start or last:
                ends = True
                give_back()
            sent = send(message)
            return sent if ends or CUT not in scope else self.places.stream(sent, scope[CUT])

        try:
            await self.app(scope, receive_on, send_noting)
        finally:
            ends = True
            give_back()


class Places:
    """The places of requests that run; those that wait for one get it in turn.

    A request that has begun comes first and has no deadline: it may hold a connection.
    """

    def __init__(self, free: int) -> None:
        self.free = free
        self.turns = {first: deque[asyncio.Future[None]]() for first in (True, False)}
        self.streams: dict[Callable[[], None], float] = {}
        """Since when each stream waits for its client, by the function that cuts it."""

    async def take(self, first: bool = False) -> None:
        """Take a place, or wait for one. Raises TimeoutError if it has not begun and none comes."""
        if self.free:
            self.free -= 1
            return
        turn, turns = asyncio.get_running_loop().create_future(), self.turns[first]
        turns.append(turn)
        try:
            async with asyncio.timeout(None if first else WAIT_SECONDS):
                while not (await asyncio.wait([turn], timeout=CUT_SECONDS / 4))[0]:
                    self.cut_stream()
        except BaseException:
            if turn.done():  # its turn had just come
                self.give_back()
            else:
                turns.remove(turn)
            raise

    def give_back(self) -> None:
        """Give a place to the next one that waits, or free it."""
        for turns in self.turns.values():
            if turns:
                return turns.popleft().set_result(None)
        self.free += 1

    async def stream(self, sent: Awaitable[None], cut: Callable[[], None]) -> None:
        """Wait until a client takes a part of a response; `cut` ends its connection."""
        self.streams[cut] = time.monotonic()
        try:
            await sent
        finally:
            self.streams.pop(cut, None)

    def cut_stream(self) -> None:
        """Cut the stream that waits the longest for its client, if it has waited for a while."""
        for cut, since in self.streams.items():  # the oldest is the first
            if time.monotonic() - since >= CUT_SECONDS:
                del self.streams[cut]
                cut()
            return


async def _read_ahead(receive: Receive) -> list[Message]:
    """Read a short body, or the start of a long one, while the request has no place yet."""
    ahead, size, more = list[Message](), 0, True
    while more and size < AHEAD_BYTES:
        message = await receive()
        ahead.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return ahead
