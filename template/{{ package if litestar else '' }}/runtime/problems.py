"""Maintained by `copier update`. Errors as documents (RFC 9457), made inside Litestar.

The steps of `middleware.py` would answer refusals and failures too, but then neither the handlers
of the application nor its `cors_config` would see the responses.
"""

import re
import sys
from inspect import getclosurevars, isfunction
from typing import Any

import litestar
import structlog
from litestar import Response, exceptions
from litestar._kwargs import extractors
from litestar._multipart import parse_multipart_form
from litestar.config.app import AppConfig
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, ServiceUnavailableException
from litestar.logging import LoggingConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ExceptionHandlersMap, Scope
from msgspec import UNSET, DecodeError, Struct, UnsetType

from . import responses
from .asgi import Message, Receive, Send, Step
from .limits import REFUSAL
from .services import Attached

KIND = "application/problem+json"
LEFT = "slipway.left"
"""The scope's key that marks a request whose client has left."""
QUOTED = re.compile("""(["']).*\\1""", re.DOTALL)


class Problem(Struct):
    """What went wrong (RFC 9457)."""

    title: str
    status: int
    request_id: str
    detail: str | UnsetType = UNSET
    extra: Any = UNSET


class Request(litestar.Request[Any, Any, Any]):
    """Litestar's request, but a body that is too deep or not Unicode is the client's fault."""

    async def json(self) -> Any:
        """Return the document in the body."""
        try:
            return await super().json()
        except (RecursionError, UnicodeDecodeError):
            raise exceptions.ClientException("JSON is malformed") from None


async def _parse_multipart_form(*arguments: Any, **named: Any) -> Any:
    """Parse a form; text that its charset does not allow is the client's fault."""
    try:
        return await parse_multipart_form(*arguments, **named)
    except (LookupError, ValueError):
        raise exceptions.ClientException("Invalid multipart/form-data") from None


for module in (extractors, sys.modules[litestar.Request.__module__]):
    vars(module)["parse_multipart_form"] = _parse_multipart_form


class Logging(LoggingConfig):
    """Makes `request.logger` and `app.logger`; runtime/logs.py has configured logging."""

    def configure(self) -> Any:
        """Return what makes a logger."""
        return lambda name="litestar": structlog.get_logger(name)


class OutageError(ServiceUnavailableException):
    """A backing service is away."""


class Plugin(InitPlugin, ReceiveRoutePlugin):
    """Reads bodies with `Request`, and declares the problem documents in the OpenAPI schema."""

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Answer refusals inside Litestar. Use the classes above unless the service has others."""
        app_config.middleware.append(Refusals)
        app_config.state["refuses"] = True  # see `BodyLimit`
        app_config.request_class = app_config.request_class or Request
        app_config.logging_config = app_config.logging_config or Logging()
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Declare the problem documents of each route, unless it declares these itself."""
        if isinstance(route, HTTPRoute):
            for handler, _ in route.route_handler_map.values():
                handler.responses = DECLARED | dict(handler.responses or {})
                # Litestar's handler of OPTIONS would know only the methods of the first handler.
                known = getclosurevars(handler.fn).nonlocals if isfunction(handler.fn) else {}
                if isinstance(first := known.get("self"), HTTPRoute):
                    first.methods = route.methods


DECLARED = {
    status: ResponseSpec(Problem, False, responses.title(status), KIND)
    for status in (400, 404, 405, 413, 422, 500, 503)
}


class Refusals(Step):
    """Raises the refusals of the steps, and notes that a client has left."""

    async def http(self, scope: Any, receive: Receive, send: Send) -> None:
        """Raise the refusal before the body is read, or once it has become too large."""

        async def receive_or_refuse() -> Message:
            message = await receive()
            _refuse(scope)
            if message["type"] == "http.disconnect":
                scope[LEFT] = True
            return message

        _refuse(scope)
        await self.app(scope, receive_or_refuse, send)


def _refusal(scope: Any) -> int | None:
    status: int | None = scope.get(REFUSAL)
    return status


def _refuse(scope: Any) -> None:
    if status := _refusal(scope):
        raise HTTPException(status_code=status)


def problem(request: litestar.Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer an error with a problem document."""
    if _is_fault(error):
        return unforeseen(request, error)
    if refused := _refusal(request.scope):  # also for a path that no route has
        return Response(responses.problem(refused), status_code=refused, media_type=KIND)
    document: dict[str, Any] = {
        "title": responses.title(error.status_code),
        "status": error.status_code,
        "detail": error.detail,
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }
    if isinstance(error, OutageError):
        del document["detail"]
    if error.extra:
        document["extra"] = error.extra
    if isinstance(error, exceptions.ValidationException):
        # Litestar's own text repeats the query, and msgspec's messages quote some values.
        document["detail"] = error.detail.partition("?")[0]
        if isinstance(error.extra, list):
            document["extra"] = [_without_values(item) for item in error.extra]
    return Response(
        document,
        status_code=error.status_code,
        headers=error.headers,
        media_type=KIND,
    )


def _without_values(item: Any) -> Any:
    if isinstance(item, dict) and isinstance(item.get("message"), str):
        return {**item, "message": QUOTED.sub("…", item["message"])}
    return item


def _is_fault(error: Exception) -> bool:
    """Tell whether this is the service's fault. (Litestar also raises it if a client leaves.)"""
    faults = exceptions.InternalServerException, exceptions.ImproperlyConfiguredException
    return isinstance(error, faults) and error.status_code == 500


def unforeseen(request: litestar.Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an error that `after_exception` has logged."""
    if LEFT in request.scope:
        raise error
    if isinstance(error, HTTPException) and not _is_fault(error):
        return problem(request, error)
    return Response(responses.problem(500), status_code=500, media_type=KIND)


async def after_exception(error: Exception, scope: Scope) -> None:
    """Log an error that has no handler. Make an outage a 503 before a handler for 500 gets it.

    Raise the errors of websockets, which have no handlers.
    """
    if scope["type"] == ScopeType.WEBSOCKET:
        answered = isinstance(error, HTTPException | exceptions.WebSocketException)
        malformed = isinstance(error.__cause__, DecodeError)  # what the client has sent
        if _is_fault(error) or not (answered or malformed):
            raise error
    elif LEFT not in scope and (_is_fault(error) or not _has_handler(error, scope)):
        where = {"method": scope["method"], "path": scope["path"]}
        if responses.log_failure(error, Attached.current(), **where) == 503:
            raise OutageError(headers={"Retry-After": "1"}) from error


def _has_handler(error: Exception, scope: Any) -> bool:
    """Tell whether there is a handler for errors of this kind, and not just for all errors."""
    route, app = scope.get("route_handler"), scope["litestar_app"]
    handlers = route.resolve_exception_handlers() if route else app.exception_handlers
    kinds = {*type(error).__mro__} - {*Exception.__mro__}
    return not kinds.isdisjoint(handlers)


# By status, so that the service's own handler for 500 or for Exception replaces it.
HANDLERS: ExceptionHandlersMap = {HTTPException: problem, 500: unforeseen}
