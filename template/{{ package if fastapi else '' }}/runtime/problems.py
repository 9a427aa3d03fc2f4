"""Maintained by `copier update`. The application's errors as problem documents.

If the service adds its own handlers, they are called instead of these.
"""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from . import inside, responses

KIND = "application/problem+json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
DECLARED = (400, 404, 405, 413, 500, 503)  # and 422 if there is something to validate
PROBLEM = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["title", "status", "request_id"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "loc", "msg"],
                "properties": {
                    "type": {"type": "string"},
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "msg": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}


def init_app(app: FastAPI) -> None:
    """Answer errors with problem documents, and declare that in the OpenAPI schema."""
    inside.install(app)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        schema = describe()
        _declare(schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


async def _http_error(request: Request, error: Any) -> Response:
    status, headers, detail = error.status_code, dict(error.headers or {}), error.detail
    if status < 400:  # HTTPException(304) has no body
        return Response(status_code=status, headers=headers)
    if status == 405 and (allowed := _allowed(request)):
        headers["Allow"] = ", ".join(allowed)
    if detail == responses.title(status):
        return _problem(status, headers)
    if isinstance(detail, str):
        return _problem(status, headers, detail=detail)
    return _problem(status, headers, extra=detail)  # the `detail` of a problem document is a string


async def _invalid(_: Request, error: Any) -> Response:
    # FastAPI's own handler repeats the input, which may be a secret or invalid Unicode.
    found = [{key: item[key] for key in ("type", "loc", "msg")} for item in error.errors()]
    return _problem(422, {}, errors=found)


def _allowed(request: Request) -> list[str]:
    """Return the methods of all routes with this path; FastAPI returns only those of the first."""
    routes, scope = request.app.router.routes, dict(request.scope)
    return [
        method
        for method in METHODS
        if any(route.matches(scope | {"method": method})[0] == Match.FULL for route in routes)
    ]


def _problem(status: int, headers: dict[str, str], **members: Any) -> Response:
    return Response(responses.problem(status, **members), status, headers, KIND)


def _declare(schema: dict[str, Any]) -> None:
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    content = {KIND: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in schema["paths"].values():
        for operation in operations.values():
            declared = operation["responses"]
            if "HTTPValidationError" in str(declared.get("422")):  # FastAPI's own document
                declared["422"] = {"description": responses.title(422), "content": content}
            for status in DECLARED:
                problem = {"description": responses.title(status), "content": content}
                declared.setdefault(str(status), problem)
    if "HTTPValidationError" not in str(schema["paths"]):
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
