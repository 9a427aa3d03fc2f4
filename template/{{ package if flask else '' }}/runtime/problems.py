"""Slipway's: kept current by `copier update`. Errors as documents (RFC 9457), made inside Flask.

`errors.Problems` would answer them too, but `after_request` and extensions would not see that.
"""

from typing import Any

from flask import Flask, abort, current_app, got_request_exception, json, request
from structlog.contextvars import get_contextvars
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable
from werkzeug.wrappers import Response

from .environ import refusal
from .responses import log_failure
from .services import Attached


def init_app(app: Flask) -> None:
    """Log and answer errors; a handler that the service registers is called instead."""
    got_request_exception.connect(_log, app)
    app.logger.addFilter(lambda record: "Exception on " not in record.msg)  # `_log` has logged it
    app.before_request(_refuse_large_body)
    app.register_error_handler(InternalServerError, _fail)
    app.register_error_handler(HTTPException, _document)


def _log(_app: Flask, exception: Exception, **_: Any) -> None:
    if not refusal(request.environ):
        services = Attached.current()
        log_failure(exception, services, method=request.method, path=request.path)


def _refuse_large_body() -> None:
    if status := refusal(request.environ):
        abort(status)


def _fail(error: InternalServerError) -> Any:
    if error.original_exception and Attached.current().outage(error.original_exception):
        unavailable = ServiceUnavailable(description="", retry_after=1)
        return current_app.handle_user_exception(unavailable)
    error.description = ""
    return _document(error)


def _document(error: HTTPException) -> Response:
    response = error.get_response()  # with its headers, such as Allow
    problem = {"title": error.name, "status": error.code}
    if error.description:
        problem["detail"] = error.description
    problem["request_id"] = get_contextvars().get("request_id")
    response.data = json.dumps(problem)
    response.content_type = "application/problem+json"
    return response
