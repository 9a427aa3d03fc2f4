"""VII. Port binding: errors pass through what the user registers in the framework (C-13)."""

import json

import pytest

from tests.conftest import Start
from tests.support.client import Connection, send_raw
from tests.support.project import Project
from tests.support.service import Service

pytestmark = pytest.mark.wsgi

# What Flask-CORS and django-cors-headers do, too: a hook and a middleware that add a header to each response.
HOOKS = {
    "flask": """

_create_app = create_app


def create_app(settings: Settings) -> Flask:
    app = _create_app(settings)

    @app.after_request
    def add(response):
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return app
""",
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
# What answers in place of the template's documents.
HANDLERS = {
    "flask": """

_create_app = create_app


def create_app(settings: Settings) -> Flask:
    app = _create_app(settings)
    for status in (404, 413):
        app.register_error_handler(status, lambda error: ("mine", error.code))
    app.register_error_handler(Exception, lambda error: ("mine", 500))
    return app
""",
    "django": """

from django.http import HttpResponse


def handler404(request, exception):
    return HttpResponse("mine", status=404)


def handler500(request):
    return HttpResponse("mine", status=500)
""",
}


def framework(project: Project) -> str:
    """Return the name of what the project is written in."""
    return str(project.answers()["framework"])


@pytest.fixture
def hooked(start: Start, copied: Project) -> Service:
    """Return a service with a hook of its own."""
    copied.add_routes()
    copied.append(
        "app.py" if framework(copied) == "flask" else "django_settings.py", HOOKS[framework(copied)]
    )
    if framework(copied) == "django":
        copied.append("routes.py", DJANGO_HOOK)
    return start(copied, given=unreachable(copied), MAX_BODY_BYTES="10")


def unreachable(project: Project) -> dict[str, str]:
    """Return where no database is."""
    return {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"} if project.has_database else {}


def requests(project: Project) -> dict[bytes, int]:
    """Return requests that the runtime answers, each with the status."""
    big = b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 11\r\n\r\nhello world"
    get = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    chunked = (
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
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
        assert json.loads(body)["status"] == status
        hooked.wait_event("request", status=status)
    assert len(hooked.find("request failed")) == 1
    assert len(hooked.find("service unavailable")) == int(copied.has_database)


def test_the_users_own_handlers_win(start: Start, copied: Project) -> None:
    """C-13, C-28."""
    copied.add_routes()
    copied.append("app.py" if framework(copied) == "flask" else "urls.py", HANDLERS[framework(copied)])
    service = start(copied, MAX_BODY_BYTES="10")
    for path, status in {"/nowhere": 404, "/boom": 500}.items():
        response, body = Connection(service.port).get(path)
        assert (response.status, body) == (status, b"mine")
    if framework(copied) == "flask":
        connection = Connection(service.port)
        connection.request("POST", "/echo", b"x" * 11)
        response = connection.getresponse()
        assert (response.status, response.read()) == (413, b"mine")
