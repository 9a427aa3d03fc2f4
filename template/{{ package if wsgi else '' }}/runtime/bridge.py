"""Maintained by `copier update`. Runs a WSGI application under ASGI.

The event loop reads the whole body before it takes a thread, and sends the response after that.
So a slow client holds no thread, and health checks never wait for one.
"""

import asyncio
import contextlib
import io
import math
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

from .asgi import Header, Message, Receive, Send
from .environ import Environ, make_environ, read_body
from .limits import REFUSAL

type WSGI = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

WHOLE_BYTES = 1_048_576
"""A response of known length frees its thread before it is sent, up to this size."""
WATCH_SECONDS = 0.1
"""How long a request runs before the event loop watches whether its client leaves."""
UNSET = object()


class Bridge:
    """Runs a WSGI application in `threads` threads; further requests wait for their turn."""

    refuses = True  # see `BodyLimit`

    def __init__(self, app: WSGI, threads: int) -> None:
        self.app, self.at_once = app, threads
        self.threads = Threads(threads)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self.http(scope, receive, send)
            case "websocket":
                await send({"type": "websocket.close"})
            case "lifespan":
                await receive()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request, or raise what the application raises."""
        body = None if REFUSAL in scope else await read_body(receive)
        if not body and REFUSAL not in scope:
            return  # the client has left
        call = Call(self.app, make_environ(scope, body or io.BytesIO()))
        watch = call.loop.call_later(WATCH_SECONDS, call.watch, receive) if body else None
        self.threads.submit(call)
        try:
            await call.send_with(send)
        finally:
            if watch:
                watch.cancel()
            call.leave()


class Threads:
    """A pool of daemon threads, so that the process can end while a thread hangs."""

    def __init__(self, limit: int) -> None:
        self.limit, self.started = limit, 0
        self.calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def submit(self, call: Callable[[], None]) -> None:
        """Run a call in the next free thread."""
        if self.started < self.limit:
            threading.Thread(target=self._work, name=f"web-{self.started}", daemon=True).start()
            self.started += 1
        self.calls.put(call)

    def _work(self) -> None:
        while True:
            self.calls.get()()


class ClientLeftError(Exception):
    """The client has left, so nobody waits for the response."""


class Call:
    """One call of the application: a thread creates messages, and the event loop sends them."""

    def __init__(self, app: WSGI, environ: Environ) -> None:
        self.app, self.environ = app, environ
        self.context = copy_context()
        self.loop = asyncio.get_running_loop()
        self.made: asyncio.Future[list[Message] | BaseException] = self.loop.create_future()
        self.sent: SimpleQueue[None] = SimpleQueue()
        self.watcher: asyncio.Task[None] | None = None
        self.left = False
        self.status, self.headers, self.length = 0, list[Header](), math.inf
        self.begun = False

    # In the event loop

    async def send_with(self, send: Send) -> None:
        """Send the messages of the thread, to the end or until the client leaves."""
        more = True
        while more:
            made = await self.made
            if isinstance(made, Exception):
                raise made
            if isinstance(made, BaseException):  # SystemExit would end the event loop
                raise RuntimeError(f"The application raised {made!r}.") from made
            if self.left:
                return
            for message in made:
                await send(message)
            if more := made[-1].get("more_body", False):
                self.made = self.loop.create_future()
                self.sent.put(None)
        for variable, value in self.context.items():  # such as fields that a view bound for the log
            if variable.get(UNSET) is not value:
                variable.set(value)

    def watch(self, receive: Receive) -> None:
        """Start to watch whether the client leaves."""
        self.watcher = self.loop.create_task(self._watch(receive))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.leave()

    def leave(self) -> None:
        """Stop waiting for the thread, which ends at its next chunk."""
        self.left = True
        self.sent.put(None)
        if self.watcher:
            self.watcher.cancel()

    # In the thread

    def __call__(self) -> None:
        """Run the application."""
        self.context.run(self._run)

    def _run(self) -> None:
        try:
            self._post(self._answer() if not self.left else [])
        except ClientLeftError:
            self._post([])
        except BaseException as error:
            self._post(error)

    def _answer(self) -> list[Message]:
        """Return the last messages of the response."""
        chunks = self.app(self.environ, self.start_response)
        try:
            body, whole = list[bytes](), isinstance(chunks, list | tuple)
            for chunk in chunks:
                if whole or self.length <= WHOLE_BYTES:
                    body.append(chunk)
                elif chunk:
                    self.write(chunk)
            return self._messages(b"".join(body))
        finally:
            if close := getattr(chunks, "close", None):
                close()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take the head of the response, as PEP 3333 says."""
        if exc_info and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        if self.status and not exc_info:
            raise RuntimeError("The application called start_response twice.")
        self.status = int(status[:3])
        self.headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers]
        length = dict(self.headers).get(b"content-length")
        self.length = int(length) if length else math.inf
        return self.write

    def write(self, chunk: bytes) -> None:
        """Send a part of the body; wait until that is done."""
        self._post(self._messages(chunk, more=True))
        self.sent.get()
        if self.left:
            raise ClientLeftError

    def _messages(self, body: bytes, more: bool = False) -> list[Message]:
        message = {"type": "http.response.body", "body": body, "more_body": more}
        if self.begun:
            return [message]
        if not self.status:
            raise RuntimeError("The application returned without a response.")
        self.begun = True
        if not more and self.length is math.inf and self.has_body():
            self.headers.append((b"content-length", str(len(body)).encode()))
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        return [start, message]

    def has_body(self) -> bool:
        """Tell whether HTTP allows a body in this response."""
        return self.environ["REQUEST_METHOD"] != "HEAD" and self.status not in (204, 304)

    def _post(self, made: list[Message] | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the process ends
            self.loop.call_soon_threadsafe(self._take, made)

    def _take(self, made: list[Message] | BaseException) -> None:
        if not self.made.done():  # the future is cancelled if the request was cut
            self.made.set_result(made)
