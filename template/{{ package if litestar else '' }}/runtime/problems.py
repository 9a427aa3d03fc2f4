"""Slipway's: kept current by `copier update`. The application's errors, as problem documents."""

import re
from http import HTTPStatus
from typing import Any, NoReturn

from litestar import Request, Response, exceptions
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap, Scope
from structlog.contextvars import get_contextvars

QUOTED = re.compile("""(["']).*\\1""", re.DOTALL)


def problem(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """Answer an error with a problem document."""
    if isinstance(error, exceptions.InternalServerException) and error.status_code == 500:
        raise error  # Litestar's own: the service is at fault, or the client has left
    document: dict[str, Any] = {
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": error.detail,
        "request_id": get_contextvars().get("request_id"),
    }
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
        media_type="application/problem+json",
    )


def _without_values(item: Any) -> Any:
    if isinstance(item, dict) and isinstance(item.get("message"), str):
        return {**item, "message": QUOTED.sub("…", item["message"])}
    return item


def unforeseen(_: Request[Any, Any, Any], error: Exception) -> NoReturn:
    """Raise the error again: Litestar would answer it, and log nothing."""
    raise error


async def after_exception(error: Exception, scope: Scope) -> None:
    """The same for websockets, which have no handlers of errors."""
    foreseen = isinstance(error, HTTPException | exceptions.WebSocketException)
    fault = isinstance(error, exceptions.InternalServerException)
    if scope["type"] == ScopeType.WEBSOCKET and (fault or not foreseen):
        raise error


HANDLERS: ExceptionHandlersMap = {HTTPException: problem, Exception: unforeseen}
