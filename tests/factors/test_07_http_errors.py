"""VII. Port binding: one format of errors, all methods, and pages of other origins (C-13, C-14)."""

import json
from collections.abc import Mapping

import pytest

from tests.conftest import Run, Start
from tests.support.client import Connection, WebSocket, send_raw
from tests.support.project import Project
from tests.support.service import Service

APP, EVIL = "https://app.example.com", "https://evil.example.com"
UNKNOWN = ("PROPFIND", "TRACE", "PURGE", "DELETE")
JSON = {"Content-Type": "application/json"}
MALFORMED = [
    (b'{"count": "', b'\xff"}'),
    (b"[" * 50_000, b""),
    (b'{"a":' * 50_000, b""),
    (b'{"count": "\\ud800"}', b""),
    (b'{"secret": "swordfish", "count": "swordfish"}', b""),
]


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str] = {}, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Send a request over a connection of its own; return status, headers and body."""
    connection = Connection(port)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def assert_is_problem(status: int, headers: dict[str, str], body: bytes) -> None:
    """Check a problem document (RFC 9457)."""
    assert headers["content-type"] == "application/problem+json", (status, body)
    document = json.loads(body)
    assert document["status"] == status
    assert document["title"]
    assert document["request_id"] == headers["x-request-id"]
    assert isinstance(document.get("detail", ""), str)


@pytest.mark.parametrize("path", ["/nowhere", "/teapot", "/boom", "/%ff", "/slow?seconds=swordfish"])
def test_every_error_is_a_problem_document(web: Service, path: str) -> None:
    """C-13: those of the framework too."""
    status, headers, body = ask(web.port, "GET", path)
    assert_is_problem(status, headers, body)
    assert b"swordfish" not in body


def test_a_response_that_comes_with_an_error_is_kept(web: Service, probed: Project) -> None:
    """C-28: as Flask documents it for `abort`."""
    if probed.answers()["framework"] != "flask":
        pytest.skip("No other framework lets an error bring its response.")
    assert ask(web.port, "GET", "/own-response")[::2] == (409, b"mine")


DOCUMENT = """
from collections import namedtuple
from {package}.runtime import responses

extra = [{{1: "row"}}, 2**70, namedtuple("P", "x")(1), "\\ud800"]
print(responses.problem(400, extra=extra).decode())
"""


def test_a_document_takes_what_json_can_write(run: Run, probed: Project) -> None:
    """C-28: such as the detail of an error that the service raises."""
    done = run("shell", stdin=DOCUMENT.format(package=probed.name))
    assert json.loads(done.stdout)["extra"] == [{"1": "row"}, 2**70, [1], "\ud800"]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda parts: parts[0][:12].decode())
def test_a_body_that_cannot_be_read_is_the_clients_fault(web: Service, body: tuple[bytes, bytes]) -> None:
    """C-13: however deep or broken it is, a 4xx that quotes nothing."""
    status, headers, answer = ask(web.port, "POST", "/orders", JSON, b"".join(body))
    assert status in (400, 422)
    assert_is_problem(status, headers, answer)
    assert b"swordfish" not in answer
    assert not web.find("request failed", path="/orders")


def test_methods_that_are_not_allowed(web: Service, probed: Project) -> None:
    """C-13: 405, with every method that is; HEAD is allowed wherever GET is."""
    paths = {"/": {"GET", "HEAD"}, "/livez": {"GET", "HEAD"}, "/readyz": {"GET", "HEAD"}}
    if probed.has_database:
        paths |= {"/notes": {"GET", "HEAD", "POST"}, "/notes/1": {"GET", "HEAD"}}
    for path, allowed in paths.items():
        for method in UNKNOWN:
            status, headers, body = ask(web.port, method, path)
            assert status == 405, (method, path)
            assert {name.strip() for name in headers["allow"].split(",")} - {"OPTIONS"} == allowed
            assert_is_problem(status, headers, body)
        status, headers, body = ask(web.port, "GET", path)
        head = ask(web.port, "HEAD", path)
        assert (head[0], head[2]) == (status, b"")
        assert head[1]["content-type"] == headers["content-type"]


def test_pages_of_other_origins(start: Start) -> None:
    """C-13, C-14: those of CORS_ORIGINS may read answers, errors of the runtime included; no others may."""
    service = start(CORS_ORIGINS=f"{APP}, http://localhost:5173", MAX_BODY_BYTES="10")
    for path, body in (("/", None), ("/nowhere", None), ("/boom", None), ("/echo", b"x" * 11)):
        method = "POST" if body else "GET"
        _, headers, _ = ask(service.port, method, path, {"Origin": APP}, body)
        assert headers["access-control-allow-origin"] == APP
        assert "origin" in headers["vary"].lower()
        _, headers, _ = ask(service.port, method, path, {"Origin": EVIL}, body)
        assert "access-control-allow-origin" not in headers
        assert "origin" in headers["vary"].lower()
    preflight = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    status, headers, _ = ask(service.port, "OPTIONS", "/echo", {"Origin": APP, **preflight})
    assert status == 204
    assert headers["access-control-allow-methods"] == "PUT"
    assert headers["access-control-allow-headers"] == "authorization"
    _, headers, _ = ask(service.port, "OPTIONS", "/echo", {"Origin": EVIL, **preflight})
    assert not [name for name in headers if name.startswith("access-control")]


def test_no_page_may_call_by_default(web: Service) -> None:
    """C-14."""
    _, headers, _ = ask(web.port, "GET", "/", {"Origin": APP})
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.asgi
def test_websockets_of_other_origins_are_refused(start: Start) -> None:
    """C-14, C-22: browsers let any page open one; clients that are no browser send no Origin."""
    service = start(CORS_ORIGINS=APP)
    for origin in (None, APP, "http://localhost"):  # which is the Host that it sends
        assert WebSocket(service.port, "/ws", origin).status == 101
    for origin in (EVIL, "null", "https://app.example.com.evil.example.com"):
        assert WebSocket(service.port, "/ws", origin).status == 403
    assert service.wait_event("request", path="/ws", status=403, count=3)["request_id"]


def test_the_host_is_known_before_a_redirect(start: Start, probed: Project) -> None:
    """C-14: what is no host name, or with Django none of ALLOWED_HOSTS, gets a 400 and one access event."""
    service = start(HTTPS_ONLY="true", ALLOWED_HOSTS="orders.example.com,.example.org")
    ours, theirs = ["orders.example.com:80", "a.example.org", "example.org"], ["a b", "a/b", "", "[::1"]
    if "ALLOWED_HOSTS" in (probed.path / "README.md").read_text():
        theirs += ["evil.example.com", "orders.example.com.evil.com", "evilexample.org"]
    for hosts, expected in ((ours, b"308"), (theirs, b"400")):
        for host in hosts:
            head = f"GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
            assert send_raw(service.port, head.encode())[9:12] == expected, host
    service.wait_event("request", status=400, count=len(theirs))
    assert not [event for event in service.events if event["level"] in ("warning", "error")]


def test_a_host_of_others_is_no_error(start: Start, probed: Project) -> None:
    """C-22: Django would log an error with a traceback."""
    service = start(ALLOWED_HOSTS="orders.example.com")
    status, headers, body = ask(service.port, "GET", "/", {"Host": "evil.example.com"})
    if "ALLOWED_HOSTS" not in (probed.path / "README.md").read_text():
        assert status == 200
        return
    assert status == 400
    assert_is_problem(status, headers, body)
    service.wait_event("request", status=400)
    assert not [event for event in service.events if event["level"] in ("warning", "error")]


@pytest.mark.asgi
def test_the_description_of_the_api_is_not_public_by_default(start: Start, web: Service) -> None:
    """C-6: DOCS_ENABLED."""
    service = start(DOCS_ENABLED="true")
    paths = ("/docs", "/redoc", "/openapi.json", "/schema", "/schema/openapi.json")
    assert {ask(web.port, "GET", path)[0] for path in paths} == {404}
    assert {ask(service.port, "GET", path)[0] for path in paths} == {200, 404}
