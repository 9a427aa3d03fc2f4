"""VII. Port binding: what a WSGI application sees and may do behind the bridge (C-10, C-22, C-26, C-28)."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import Start
from tests.support.client import Connection, send_raw, status
from tests.support.patience import PATIENCE, SLACK
from tests.support.processes import memory
from tests.support.project import Project
from tests.support.service import Service, eventually

pytestmark = pytest.mark.wsgi

# What stands around the framework's application, as a middleware of WSGI does.
PROBE = '''

import json
import time
from typing import Any

import structlog

_create_app = create_app


class Chunks:
    """Endless, and says when it is closed."""

    def __iter__(self):
        while True:
            yield b"x" * 65536

    def close(self):
        print("chunks closed")


def create_app(settings: Settings) -> Any:
    app = _create_app(settings)

    def probe(environ, start_response):
        match environ["PATH_INFO"]:
            case "/wsgi/environ":
                known = {k: v for k, v in environ.items() if isinstance(v, str | int | bool)}
                known["body"] = environ["wsgi.input"].read().decode("latin-1")
                start_response("200 OK", [])
                return [json.dumps(known).encode()]
            case "/wsgi/write":
                start_response("200 OK", [])(b"writ")
                return [b"ten"]
            case "/wsgi/replaced":
                start_response("200 OK", [("X-First", "1")])
                try:
                    1 / 0
                except ZeroDivisionError as error:
                    start_response("418 Teapot", [], (type(error), error, error.__traceback__))
                return [b"replaced"]
            case "/wsgi/twice":
                start_response("200 OK", [])
                start_response("200 OK", [])
            case "/wsgi/silent":
                return [b"no head"]
            case "/wsgi/exit":
                raise SystemExit(3)
            case "/wsgi/generator":

                def generate():
                    start_response("200 OK", [("Content-Length", "6")])
                    yield b"gen"
                    yield b""
                    yield b"era"

                return generate()
            case "/wsgi/endless":
                start_response("200 OK", [])
                return Chunks()
            case "/wsgi/empty":
                start_response("204 No Content", [])
                return []
            case "/wsgi/bound":
                structlog.contextvars.bind_contextvars(user="ada")
                start_response("200 OK", [])
                return []
            case "/wsgi/slow":
                print("slow has begun")
                time.sleep(1)
                start_response("200 OK", [])
                return []
        return app(environ, start_response)

    return probe
'''


@pytest.fixture
def probe(start: Start, copied: Project) -> Service:
    """Return a service with an application of WSGI around its own."""
    copied.append("app.py", PROBE)
    service = start(copied, WEB_THREADS="2")
    service.wait_event("listening")
    return service


def environ(service: Service, request: bytes) -> dict[str, Any]:
    """Return what the application is told of a request."""
    answer = send_raw(service.port, request + b"Host: localhost\r\nConnection: close\r\n\r\n")
    found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def test_the_environ(probe: Service) -> None:
    """C-28, PEP 3333: and no header passes for another."""
    seen = environ(
        probe,
        b"GET /wsgi/environ?a=%2F HTTP/1.1\r\nX-Two: a\r\nX-Two: b\r\nCookie: a=1\r\nCookie: b=2\r\n"
        b"X_Two: c\r\nContent_Length: 7\r\n",
    )
    assert (seen["QUERY_STRING"], seen["HTTP_X_TWO"], seen["HTTP_COOKIE"]) == ("a=%2F", "a,b", "a=1; b=2")
    assert (seen["REQUEST_METHOD"], seen["SCRIPT_NAME"], seen["SERVER_PROTOCOL"]) == ("GET", "", "HTTP/1.1")
    assert (seen["REMOTE_ADDR"], seen["HTTP_HOST"], seen["wsgi.url_scheme"]) == (
        "127.0.0.1",
        "localhost",
        "http",
    )
    assert "CONTENT_LENGTH" not in seen
    chunked = b"POST /wsgi/environ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: a/b\r\n"
    chunked += b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    seen = json.loads(send_raw(probe.port, chunked).partition(b"\r\n\r\n")[2])
    assert (seen["CONTENT_LENGTH"], seen["body"], seen["CONTENT_TYPE"]) == ("5", "abcde", "a/b")
    assert "HTTP_TRANSFER_ENCODING" not in seen


def test_what_an_application_may_do(probe: Service) -> None:
    """C-28, PEP 3333: and what it may not is a 500, after which the service serves on."""
    expected = {
        "write": (200, b"written"),
        "replaced": (418, b"replaced"),
        "generator": (200, b"genera"),
        "empty": (204, b""),
    }
    for path, (code, body) in expected.items():
        response, answer = Connection(probe.port).get(f"/wsgi/{path}")
        assert (response.status, answer) == (code, body), path
        assert "x-first" not in response.headers
    for path in ("twice", "silent", "exit"):
        response, answer = Connection(probe.port).get(f"/wsgi/{path}")
        assert (response.status, json.loads(answer)["status"]) == (500, 500), path
    probe.wait_event("request", path="/wsgi/exit")  # the log says why before it
    assert len(probe.find("request failed")) == 3
    assert status(probe.port, "/") == 200
    assert status(probe.port, "/wsgi/bound") == 200
    assert probe.wait_event("request", path="/wsgi/bound")["user"] == "ada"


def test_slow_clients_take_no_thread(probe: Service) -> None:
    """C-26: neither bodies that do not come, nor responses that nobody reads, where their length is known."""
    half = b"POST /wsgi/environ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"
    slow = [socket.create_connection(("127.0.0.1", probe.port), timeout=PATIENCE) for _ in range(20)]
    for sock in slow:
        sock.sendall(half)
    for path in ("/livez", "/readyz", "/"):
        assert status(probe.port, path) == 200
    for sock in slow:
        sock.close()
    probe.wait_event("request", count=20, path="/wsgi/environ", status=499)


def test_a_response_without_end(probe: Service) -> None:
    """C-26, C-28: its thread waits for its reader, and is free once that has left: `close` is called."""
    before = memory(probe.pid)
    for count in range(1, 4):  # of two threads
        with socket.create_connection(("127.0.0.1", probe.port), timeout=PATIENCE) as sock:
            sock.sendall(b"GET /wsgi/endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
            assert status(probe.port, "/") == 200
        probe.wait_event("chunks closed", count=count)
    assert memory(probe.pid) - before < 32 * 1_048_576


def test_a_client_that_leaves_before_the_answer(probe: Service) -> None:
    """C-22: is told by the status, and costs no other request anything."""
    for _ in range(2):
        connection = Connection(probe.port)
        connection.request("GET", "/wsgi/slow")
        connection.sock.close()
    waits = Connection(probe.port)
    waits.request("GET", "/wsgi/slow")
    assert waits.getresponse().status == 200
    eventually(lambda: len(probe.find("request", path="/wsgi/slow")) == 3, "event of each")
    assert [event["status"] for event in probe.find("request", path="/wsgi/slow")].count(499) == 2
    assert not [event for event in probe.events if event["level"] != "info"]


def test_who_does_not_read_stops_nobody(probe: Service) -> None:
    """C-26: a stream that waits for its client is cut once a request waits for its thread."""
    began, unread = time.monotonic(), b"GET /wsgi/endless HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(6):  # of two threads
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", probe.port), timeout=PATIENCE))
            sock.sendall(unread)
        time.sleep(1)
        assert status(probe.port, "/livez") == status(probe.port, "/readyz") == 200
        assert status(probe.port, "/") == 200
    assert time.monotonic() - began < 10 + SLACK
    probe.wait_event("client too slow", reason="it does not read, and others wait")
    assert not [event for event in probe.events if event["level"] != "info"]


def test_what_no_thread_takes_is_refused(probe: Service) -> None:
    """C-26: in time, while streams whose clients read hold every thread."""
    streams = [socket.create_connection(("127.0.0.1", probe.port), timeout=PATIENCE) for _ in range(2)]
    done = threading.Event()

    def read(sock: socket.socket) -> None:
        while not done.is_set():
            sock.recv(65536)

    with ThreadPoolExecutor() as readers, ExitStack() as stack:
        stack.callback(done.set)
        for sock in streams:
            sock.sendall(b"GET /wsgi/endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(65536)
            readers.submit(read, sock)
        began = time.monotonic()
        assert status(probe.port, "/") == 503
        assert 4 < time.monotonic() - began < 5 + SLACK
        assert status(probe.port, "/readyz") == 200
    for sock in streams:
        sock.close()
    assert status(probe.port, "/") == 200
    assert not probe.find("client too slow")
