"""Maintained by `copier update`. Answers refusals and failures inside FastAPI.

The steps of `middleware.py` would answer them too, but then neither the handlers nor the middleware
of the application, such as `app.add_middleware(CORSMiddleware, …)`, would see the responses.
"""

from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware

from . import responses
from .asgi import FAILURE, App, Message, Receive, Send, Step, problem
from .limits import REFUSAL
from .services import Attached


class Refusal(HTTPException):
    """A refusal of a step, or an outage. A handler for its status or HTTPException answers it."""


def install(app: FastAPI) -> None:
    """Answer refusals and failures inside the application, unless it has its own handlers."""
    app.router.middleware_stack = Inside(app.router.middleware_stack, app)
    app.state.refuses = True  # see `BodyLimit`
    if app.exception_handlers.keys().isdisjoint((Exception, 500)):
        app.add_exception_handler(Exception, _uncaught)


async def _uncaught(request: Request, _: Exception) -> Any:
    """Answer what no middleware has caught. Starlette calls this outside of all of them."""
    body = responses.problem(500)
    answer: Any = Response(body, 500, media_type="application/problem+json")
    for middleware in request.app.user_middleware:
        if middleware.cls is CORSMiddleware:
            answer = CORSMiddleware(answer, *middleware.args, **middleware.kwargs)
    return answer


class Inside(Step):
    """Stands between the application's handlers and its routes."""

    def __init__(self, app: App, outer: FastAPI) -> None:
        super().__init__(app)
        self.outer = outer

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Raise refusals and outages. Answer any other failure, and raise it for the log."""
        started = False

        async def receive_or_refuse() -> Message:
            message = await receive()
            _refuse(scope)
            return message

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        _refuse(scope)
        try:
            await self.app(scope, receive_or_refuse, send_noting)
        except AnyHTTPException:
            raise
        except Exception as error:
            if started:
                raise
            if outage := Attached.current().outage(error):
                responses.log_outage(*outage)
                raise Refusal(503, headers={"Retry-After": "1"}) from error
            scope[FAILURE] = error
            if self._answers():
                await problem(send, 500)
            raise

    def _answers(self) -> bool:
        """Tell whether neither a handler nor an `except` around `call_next` may want the error."""
        handlers = self.outer.exception_handlers
        return (
            500 not in handlers
            and handlers.get(Exception) is _uncaught
            and not any(
                isinstance(middleware.cls, type) and issubclass(middleware.cls, BaseHTTPMiddleware)
                for middleware in self.outer.user_middleware
            )
        )


def _refuse(scope: Any) -> None:
    if status := scope.get(REFUSAL):
        raise Refusal(status)
