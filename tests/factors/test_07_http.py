"""VII. Port binding: what is answered over HTTP (C-10, C-11, C-13)."""

import hashlib
import json
import socket

import pytest

from tests.conftest import Start
from tests.support.client import Connection, read_to_end, send_raw, status
from tests.support.patience import PATIENCE, SLACK
from tests.support.processes import memory
from tests.support.project import Project
from tests.support.service import Service

LIMIT = 1_048_576  # the default of MAX_BODY_BYTES
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


def post(port: int, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """POST over a connection of its own, sending all before reading anything, as simple clients do."""
    connection = Connection(port)
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def test_the_example(web: Service, probed: Project) -> None:
    """The example route says what runs here."""
    response, body = Connection(web.port).get("/")
    assert response.status == 200
    assert json.loads(body) == {"service": probed.answers()["project_slug"], "version": "unreleased"}


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health(web: Service, path: str) -> None:
    """C-11."""
    response, body = Connection(web.port).get(path)
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert json.loads(body)


def test_a_head_gets_no_body(start: Start) -> None:
    """C-11, C-20: as some monitors ask; the connection serves on, and nothing warns of it."""
    service = start()
    connection = Connection(service.port)
    for _ in range(2):
        connection.request("HEAD", "/livez")
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"")
    assert connection.get("/")[0].status == 200
    assert not [event for event in service.events if event["level"] != "info"]


def test_a_cached_response_has_the_headers_of_its_request(web: Service, probed: Project) -> None:
    """C-12, C-15: nothing of the request that filled the cache comes again."""
    if probed.answers()["framework"] != "litestar":
        pytest.skip("Litestar alone has a cache of responses.")
    for request_id in ("first", "second"):
        response, _ = Connection(web.port).get("/cached", X_Request_ID=request_id)
        assert response.headers.get_all("x-request-id") == [request_id]
        assert web.wait_event("request", request_id=request_id)["path"] == "/cached"


def test_livez_answers_while_requests_run(start: Start) -> None:
    """C-11: as long as the process can answer, also when every thread for synchronous handlers is taken."""
    service = start()
    busy = [Connection(service.port) for _ in range(60)]
    for connection in busy:
        connection.request("GET", "/slow-sync?seconds=20")
    service.wait_event(
        "slow-sync has begun", count=5
    )  # Litestar has the fewest threads, four and one per core
    assert status(service.port, "/livez") == 200
    assert not service.find("request", path="/slow-sync"), "it waited for a thread"


@pytest.mark.parametrize(
    "path",
    ["/boom", "/deep", *(f"/boom?kind={kind}" for kind in ("exit", "timeout", "refused", "cancelled"))],
)
def test_an_unhandled_error_tells_nothing_but_its_id(web: Service, path: str) -> None:
    """C-13: nor is an error of the service's own code taken for an outage of a backing service."""
    response, body = Connection(web.port).get(path, X_Request_ID="id-of-the-request")
    assert response.status == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "id-of-the-request"
    problem = json.loads(body)
    assert problem["status"] == 500
    assert problem["request_id"] == "id-of-the-request"
    assert b"Error:" not in body
    assert b"wrong" not in body
    assert status(web.port, "/") == 200


def test_an_error_after_the_first_byte_is_not_hidden(start: Start) -> None:
    """C-13: a 200 that was begun cannot become a 500: the connection breaks off, and one event tells why."""
    service = start(SHUTDOWN_DRAIN_SECONDS="0")
    answer = send_raw(service.port, GET.replace(b"/", b"/late-boom", 1))
    assert b"begun" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    service.terminate()
    service.wait()
    [event] = [event for event in service.events if event["level"] not in ("debug", "info")]
    assert "too late for a 500" in event["exception"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"count": "many"}', b"\xff\xfe"])
def test_a_bad_body_gives_4xx_with_json(web: Service, body: bytes) -> None:
    """C-13."""
    code, headers, answer = post(web.port, "/orders", body, **{"Content-Type": "application/json"})
    assert 400 <= code < 500
    assert headers["content-type"].split(";")[0] in ("application/json", "application/problem+json")
    assert json.loads(answer)


@pytest.mark.parametrize(("path", "code"), [("/nowhere", 404), ("/echo", 405), ("/teapot", 418)])
def test_a_bad_request_gives_4xx_with_json(web: Service, path: str, code: int) -> None:
    """C-13: and no traceback."""
    response, body = Connection(web.port).get(path)
    assert response.status == code
    assert json.loads(body)
    event = web.wait_event("request", path=path, status=code)
    assert event["level"] == "info"
    assert not web.find("request failed", path=path)


@pytest.mark.parametrize("request_line", [b"GARBAGE", b"GET / HTTP/9.9", b"GET  HTTP/1.1", b"\x16\x03\x01"])
def test_what_is_not_http_is_refused(start: Start, request_line: bytes) -> None:
    """C-13, C-20: it is no error of ours."""
    service = start()
    send_raw(service.port, request_line + b"\r\nHost: localhost\r\n\r\n")
    assert status(service.port, "/") == 200
    assert not [event for event in service.events if event["level"] in ("error", "critical")]


def test_a_body_up_to_the_limit_is_taken(web: Service) -> None:
    """C-13."""
    body = b"x" * LIMIT
    code, _, answer = post(web.port, "/echo", body)
    assert code == 200
    assert json.loads(answer) == {"bytes": LIMIT, "sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("path", ["/echo", "/ignore", "/orders", "/nowhere"])
@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT])
def test_a_body_over_the_limit_is_refused(web: Service, path: str, size: int) -> None:
    """C-13: and a client that sends all of it before it reads does receive the 413."""
    for _ in range(5):
        code, headers, answer = post(web.port, path, b"x" * size)
        assert code == 413
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(answer)["status"] == 413


def test_a_length_over_the_limit_is_refused_before_the_body(web: Service) -> None:
    """C-13: 413 comes before a byte of the body was sent."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 413")


def test_an_endless_body_is_refused_and_not_read(start: Start) -> None:
    """C-13: without a length, in chunks: the rest is not taken for ever."""
    service = start()
    sent, part = 0, b"10000\r\n" + b"x" * 65536 + b"\r\n"
    port, before = service.port, memory(service.pid)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        sock.sendall(CHUNKED)
        try:
            while sent < 200 * LIMIT:
                sock.sendall(part)
                sent += 65536
        except OSError:  # it has closed the connection
            pass
    assert sent < 100 * LIMIT
    assert memory(service.pid) - before < 16 * LIMIT
    assert service.wait_event("request", path="/echo")["status"] == 413


def test_a_chunked_body_over_the_limit_is_refused(web: Service) -> None:
    """C-13: the client receives the 413."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as sock:
        sock.sendall(CHUNKED)
        for _ in range(33):
            sock.sendall(b"8000\r\n" + b"x" * 32768 + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        assert read_to_end(sock).startswith(b"HTTP/1.1 413")


def test_many_large_bodies_do_not_stay_in_memory(start: Start) -> None:
    """C-13: refused bodies leave nothing behind."""
    service = start()
    port = service.port
    post(port, "/echo", b"x" * LIMIT)
    before = memory(service.pid)
    for _ in range(20):
        assert post(port, "/echo", b"x" * (8 * LIMIT))[0] == 413
    assert memory(service.pid) - before < 20 * LIMIT


def test_the_limit_is_a_setting(start: Start) -> None:
    """C-13."""
    service = start(MAX_BODY_BYTES="10")
    assert [post(service.port, "/echo", b"x" * size)[0] for size in (0, 10, 11)] == [200, 200, 413]


def test_expect_100_continue(web: Service) -> None:
    """C-10, C-13: as `curl` asks before a larger body; what is too large is refused instead."""
    head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as sock:
        sock.sendall(f"{head}Content-Length: 5\r\n\r\n".encode())
        assert sock.recv(65536).startswith(b"HTTP/1.1 100")
        sock.sendall(b"hello")
        assert read_to_end(sock).startswith(b"HTTP/1.1 200")
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as sock:
        sock.sendall(f"{head}Content-Length: {LIMIT + 1}\r\n\r\n".encode())
        assert sock.recv(65536).startswith(b"HTTP/1.1 413")


def test_a_stream_sends_its_first_byte_at_once(web: Service) -> None:
    """C-10: nothing is kept back for a fuller packet."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=2 + SLACK) as sock:
        sock.sendall(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while b"data: tick" not in received:
            received += sock.recv(65536)
