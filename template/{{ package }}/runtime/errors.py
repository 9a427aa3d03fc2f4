"""Maintained by `copier update`. The step that logs errors and answers them."""

import asyncio
from typing import Any

import structlog
from uvicorn.protocols.utils import ClientDisconnected

from . import responses
from .asgi import (
    FAILURE,
    REFUSED,
    App,
    Message,
    Receive,
    Send,
    Step,
    problem,
    refuse,
    refuse_websocket,
)
from .services import Attached

log = structlog.get_logger(__name__)

FAILED = 1011  # the code of a websocket whose server met an error (RFC 6455)


class Problems(Step):
    """Logs an error and answers it with a problem document: 503 for an outage, otherwise 500."""

    def __init__(self, app: App, services: Attached) -> None:
        super().__init__(app)
        self.services = services

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.websocket(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on; if the application fails, answer in its place."""
        if status := scope.get(REFUSED):
            return await refuse(receive, send, status)
        started = disconnected = False
        status = 0
        held: list[Message] = []  # a 500, until we know whether the framework raises its cause

        async def receive_noting(*_: Any) -> Message:
            nonlocal disconnected
            message = await receive()
            disconnected = message["type"] == "http.disconnect"
            return message

        async def send_or_hold(message: Message) -> None:
            nonlocal started, status
            if "status" in message:  # it starts a response
                status = message["status"]
                held.clear()  # the user's middleware has caught the error, and answers it anew
            if held or status == 500:
                held.append(message)
            else:
                started = True
                await send(message)

        try:
            await self.app(scope, receive_noting, send_or_hold)
            if not (started or held or disconnected):
                raise RuntimeError("The application returned without a response.")
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if _is_cancelled():  # uvicorn does that after the grace period
                log.error("request cut", method=scope["method"], path=scope["path"])
                if not started:
                    await problem(send, 503)
                return
            if disconnected and not started:
                return
            status = self.log(error, scope)
            if not started and not _is_users(held):
                after = [(b"retry-after", b"1")] if status == 503 else []
                return await problem(send, status, *after)
        else:
            if status >= 500 and FAILURE in scope:  # it was caught, but not foreseen
                self.log(scope[FAILURE], scope)
        for message in held:
            await send(message)

    def log(self, error: BaseException, scope: Any) -> int:
        """Log an error, and return the status of its answer."""
        where = {"method": scope["method"], "path": scope["path"]}
        return responses.log_failure(error, self.services, **where)

    async def websocket(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a websocket on; if it fails, close it, or refuse it if it is not accepted yet."""
        answered = accepted = disconnected = closed = False

        async def receive_noting() -> Message:
            nonlocal disconnected
            message = await receive()
            disconnected = message["type"] == "websocket.disconnect"
            return message

        async def send_or_refuse(message: Message) -> None:
            nonlocal answered, accepted, disconnected, closed
            answered, accepted = True, accepted or message["type"] == "websocket.accept"
            closed = message["type"] == "websocket.close"
            try:
                if message["type"] == "websocket.close" and not accepted:
                    await refuse_websocket(scope, send, 403)
                else:
                    await send(message)
            except ClientDisconnected:
                disconnected = True
                raise

        status = 500
        try:
            await self.app(scope, receive_noting, send_or_refuse)
            if not (answered or disconnected):
                raise RuntimeError("The application returned without an answer.")
        except (Exception, asyncio.CancelledError) as error:
            if _is_cancelled():  # uvicorn does that after the grace period
                log.error("request cut", method="GET", path=scope["path"])
                status = 503
            elif not (disconnected and _tells_that_client_left(error)):
                status = responses.log_failure(
                    error, self.services, "websocket failed", path=scope["path"]
                )
                if accepted and not (closed or disconnected):
                    await send({"type": "websocket.close", "code": FAILED})
        if disconnected and not answered:
            raise ClientDisconnected  # or uvicorn logs an error
        if not answered:
            await refuse_websocket(scope, send, status)


def _tells_that_client_left(error: BaseException) -> bool:
    """Tell whether the framework or uvicorn raised this because the client has left."""
    if isinstance(error, BaseExceptionGroup):  # of a TaskGroup that reads and writes
        return all(_tells_that_client_left(each) for each in error.exceptions)
    return type(error).__name__ == "WebSocketDisconnect" or isinstance(error, ClientDisconnected)


def _is_cancelled() -> bool:
    """Tell whether this request was cancelled, and not only something that it awaited."""
    task = asyncio.current_task()
    return bool(task and task.cancelling())


def _is_users(held: list[Message]) -> bool:
    """Tell whether the user's own handler wrote this 500, and not Starlette."""
    body = b"".join(message.get("body", b"") for message in held)
    return bool(held) and body != b"Internal Server Error"
