"""VII. Port binding: errors pass through what the user registers in the framework (C-13)."""

import json

import pytest

from tests.conftest import Start
from tests.support.client import Connection, send_raw
from tests.support.project import Project
from tests.support.service import Service

# CORS as the framework's documentation has it, or what Flask-CORS and django-cors-headers do: a hook and a
# middleware that add a header to each response.
WRAPPED = """

_create_app = create_app


def create_app(settings: Settings) -> {kind}:
    app = _create_app(settings)
    {then}
    return app
"""
HOOKS = {
    "fastapi": WRAPPED.format(
        kind="FastAPI",
        then="""from starlette.middleware.cors import CORSMiddleware

    app.add_middleware(CORSMiddleware, allow_origins=["*"])""",
    ),
    "litestar": "cors_config=__import__('litestar.config.cors').config.cors.CORSConfig(),",
    "flask": WRAPPED.format(
        kind="Flask",
        then="""
    @app.after_request
    def add(response):
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response
""",
    ),
    "django": """

MIDDLEWARE.insert(0, f"{__package__}.routes.Hook")
""",
}
DJANGO_HOOK = """

class Hook:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["Access-Control-Allow-Origin"] = "*"
        return response
"""
# What answers in place of the template's documents, by status or by class. By class, what is an OSError is
# foreseen: it has a handler of its own.
HANDLERS = {
    ("fastapi", "status"): WRAPPED.format(
        kind="FastAPI",
        then="""from fastapi import Request
    from fastapi.responses import JSONResponse

    async def mine(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse("mine", getattr(error, "status_code", 500))

    for status in (404, 413, 500, 503):
        app.add_exception_handler(status, mine)
""",
    ),
    ("fastapi", "class"): WRAPPED.format(
        kind="FastAPI",
        then="""from fastapi import HTTPException, Request
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException as Any

    async def mine(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse("mine", getattr(error, "status_code", 500))

    async def foresee(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse("foreseen", 409)

    app.add_exception_handler(OSError, foresee)
    for kind in (HTTPException, Any, Exception):
        app.add_exception_handler(kind, mine)
""",
    ),
    ("litestar", "status"): (
        "exception_handlers=problems.HANDLERS | dict.fromkeys((404, 413, 500, 503), mine),"
    ),
    ("litestar", "class"): (
        "exception_handlers={problems.HTTPException: mine, Exception: mine, OSError: foresee},"
    ),
    ("flask", "status"): WRAPPED.format(
        kind="Flask",
        then="""for status in (404, 413, 500, 503):
        app.register_error_handler(status, lambda error: ('"mine"', error.code))
""",
    ),
    ("flask", "class"): WRAPPED.format(
        kind="Flask",
        then="""from werkzeug import exceptions

    kinds = (exceptions.NotFound, exceptions.RequestEntityTooLarge, exceptions.ServiceUnavailable)
    for kind in kinds:
        app.register_error_handler(kind, lambda error: ('"mine"', error.code))
    app.register_error_handler(Exception, lambda error: ('"mine"', 500))
    app.register_error_handler(OSError, lambda error: ('"foreseen"', 409))
""",
    ),
    ("django", "status"): """

from django.http import HttpResponse


def handler404(request, exception):
    return HttpResponse('"mine"', status=404)


def handler500(request):
    return HttpResponse('"mine"', status=500)
""",
    ("django", "class"): """

MIDDLEWARE.append(f"{__package__}.routes.Catcher")
""",
}
DJANGO_CATCHER = """

from django.http import HttpResponse


class Catcher:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if isinstance(exception, OSError):
            return HttpResponse('"foreseen"', status=409)
        return HttpResponse('"mine"', status=503 if "Operational" in type(exception).__name__ else 500)
"""
LITESTAR_HANDLER = """

def mine(request, error):
    from litestar import Response

    return Response("mine", status_code=getattr(error, "status_code", 500), media_type="application/json")


def foresee(request, error):
    from litestar import Response

    return Response("foreseen", status_code=409)


def create_app("""


def framework(project: Project) -> str:
    """Return the name of what the project is written in."""
    return str(project.answers()["framework"])


@pytest.fixture
def hooked(start: Start, copied: Project) -> Service:
    """Return a service with a hook of its own."""
    copied.add_routes()
    write(copied, HOOKS[framework(copied)])
    if framework(copied) == "django":
        copied.append("routes.py", DJANGO_HOOK)
    return start(copied, given=unreachable(copied), MAX_BODY_BYTES="10")


def write(project: Project, text: str) -> None:
    """Write this where it belongs, as a user would."""
    match framework(project):
        case "litestar":
            app = project.package / "app.py"
            old = "exception_handlers=problems.HANDLERS,"
            new = text if text.startswith("exc") else f"{old} {text}"
            app.write_text(app.read_text().replace(old, new).replace("\n\ndef create_app(", LITESTAR_HANDLER))
        case "django" if "MIDDLEWARE" in text:
            project.append("django_settings.py", text)
        case "django":
            project.append("urls.py", text)
        case _:
            project.append("app.py", text)


def unreachable(project: Project) -> dict[str, str]:
    """Return where no database is."""
    return {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"} if project.has_database else {}


def requests(project: Project) -> dict[bytes, int]:
    """Return requests that the runtime answers, each with the status."""
    close = b" HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\nConnection: close\r\n"
    big = b"POST %s" + close + b"Content-Length: 11\r\n\r\nhello world"
    get = b"GET %s" + close + b"\r\n"
    chunked = b"POST /echo" + close + b"Transfer-Encoding: chunked\r\n\r\n"
    answered = {get % b"/boom": 500, get % b"/nowhere": 404, get % b"/echo": 405}
    answered |= {big % path: 413 for path in (b"/echo", b"/ignore", b"/nowhere")}
    answered |= {chunked + b"b\r\nhello world\r\n0\r\n\r\n": 413}
    return answered | ({get % b"/notes": 503} if project.has_database else {})


def test_errors_pass_through_the_users_hooks(hooked: Service, copied: Project) -> None:
    """C-13: a browser sees the status of what fails, and no network error."""
    for request, status in requests(copied).items():
        head, _, body = send_raw(hooked.port, request).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d" % status), (request, head)
        assert b"\r\naccess-control-allow-origin: *" in head.lower(), (request, head)
        document = json.loads(body)
        assert status in (404, 405) or document["status"] == status
        hooked.wait_event("request", status=status)
    assert len(hooked.find("request failed")) == 1
    assert len(hooked.find("service unavailable")) == int(copied.has_database)


@pytest.mark.parametrize("by", ["status", "class"])
def test_the_users_own_handlers_win(start: Start, copied: Project, by: str) -> None:
    """C-13, C-28: in their framework's way; the id, the access event and the reason in the log stay.

    A handler for the class of an error makes it none; one for any error leaves its event.
    """
    copied.add_routes()
    name = framework(copied)
    write(copied, HANDLERS[name, by])
    if (name, by) == ("django", "class"):
        copied.append("routes.py", DJANGO_CATCHER)
    service = start(copied, given=unreachable(copied), MAX_BODY_BYTES="10")
    answered = {"status": {404, 500}, "class": {500, 503}}[by] if name == "django" else {404, 413, 500, 503}
    found = requests(copied)
    if name == "litestar":  # finds no route before anything else, so its 404 is replaced from outside
        found = {request: status for request, status in found.items() if b"POST /nowhere" not in request}
    for request, status in found.items():
        head, _, body = send_raw(service.port, request).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d" % status), (request, head)
        assert (body.strip(b'"') == b"mine") == (
            status in answered or (status == 405 and by_any(name, by))
        ), head
        assert b"\r\nx-request-id: " in head.lower()
        service.wait_event("request", status=status)
    if by == "class":
        answer, body = Connection(service.port).get("/boom?kind=timeout")
        assert (answer.status, b"foreseen" in body) == (409, True)
        service.wait_event("request", status=409)
    [failed] = service.find("request failed")
    assert "this went wrong" in failed["exception"]
    assert failed["request_id"] == service.find("request", status=500)[0]["request_id"]
    assert bool(service.find("service unavailable")) == copied.has_database


def by_any(name: str, by: str) -> bool:
    """Tell whether the handlers of this kind are for any status."""
    return by == "class" and name in ("fastapi", "litestar")
