"""VII. Port binding: clients that are slow, or send without end, stop nobody else (C-13, C-26)."""

import json
import socket
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import Start
from tests.support.client import Connection, read_to_end, send_raw, status
from tests.support.patience import PATIENCE, SLACK
from tests.support.processes import memory
from tests.support.service import Service, eventually

MIB = 1_048_576
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def connect(service: Service) -> socket.socket:
    """Connect, with a small buffer for what is received."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", service.port))
    return sock


def flood(sock: socket.socket, part: bytes, limit: int) -> int:
    """Send a part again and again until nobody takes it, up to a limit; return how many bytes were taken."""
    sent = 0
    sock.settimeout(2)
    try:
        while sent < limit:
            sent += sock.send(part)
    except OSError:
        pass
    return sent


def test_slow_clients_stop_nobody(start: Start) -> None:
    """C-26: they are closed after CLIENT_TIMEOUT_SECONDS, by one event each; others are served meanwhile."""
    service = start(CLIENT_TIMEOUT_SECONDS="8")
    service.wait_event("listening")
    with ExitStack() as stack:
        heads = [stack.enter_context(connect(service)) for _ in range(20)]
        bodies = [stack.enter_context(connect(service)) for _ in range(20)]
        readers = [stack.enter_context(connect(service)) for _ in range(10)]
        for sock in heads:
            sock.sendall(GET)
        for sock in bodies:
            sock.sendall(POST + b"Content-Length: 10\r\n\r\nhalf")
        for sock in readers:
            sock.sendall(GET.replace(b"/ ", b"/big ") + b"\r\n")
        for path in ("/", "/livez", "/readyz"):
            assert status(service.port, path) == 200
        assert not service.find("client too slow"), "they waited until the slow ones were closed"
        service.wait_event("client too slow", count=20, reason="its head does not come")
        service.wait_event("client too slow", count=20, reason="its body does not come")
        service.wait_event("client too slow", count=10, reason="it does not read")
        for sock in (*heads, *bodies):
            assert b"HTTP/1.1 200" not in read_to_end(sock)
    assert not [event for event in service.events if event["level"] in ("warning", "error", "critical")]


def test_who_is_slow_but_comes_is_served(start: Start) -> None:
    """C-26: a body at more than the least rate, and an answer that takes its time."""
    service = start(CLIENT_TIMEOUT_SECONDS="1")
    with connect(service) as sock:
        sock.sendall(POST + b"Content-Length: 8000\r\nConnection: close\r\n\r\n")
        for _ in range(8):
            sock.sendall(b"x" * 1000)
            time.sleep(0.3)  # so that it takes longer than the timeout
        assert read_to_end(sock).startswith(b"HTTP/1.1 200")
    assert status(service.port, "/slow?seconds=3") == 200
    assert not service.find("client too slow")


def refused(answer: bytes) -> tuple[int, dict[str, Any], str]:
    """Return the status, the document and the head of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body), head.decode().lower()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (GET + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (GET + b"X-Many: a\r\n" * 7_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n", 400),
        (b"secret=in the first line\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400),
        (CHUNKED + b"no size\r\n", 400),
        (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"F(O / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"FOO / HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500, 400),  # TLS
    ],
)
def test_what_is_no_request(web: Service, request_: bytes, code: int) -> None:
    """C-13: has document, id, headers and access event, and is not quoted; the connection is closed."""
    found, document, head = refused(send_raw(web.port, request_))
    assert (found, document["status"]) == (code, code)
    assert "\r\nx-content-type-options: nosniff" in head
    assert "\r\nconnection: close" in head
    assert ("\r\nallow: get, head" in head) == (code == 405)
    assert f"\r\nx-request-id: {document['request_id']}" in head
    event = web.wait_event("request", request_id=document["request_id"])
    assert event["status"] == code
    assert not [line for line in web.lines if "secret" in line or "no size" in line]


def test_a_request_before_one_that_is_none_is_answered(web: Service) -> None:
    """C-10: in order."""
    answers = send_raw(web.port, GET.replace(b"/ ", b"/slow?seconds=0.3 ") + b"\r\n" + b"\x00\x01\r\n\r\n")
    assert answers.startswith(b"HTTP/1.1 200")
    assert answers.index(b"HTTP/1.1 400") > answers.index(b"slept")


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (GET, b"X-Endless: a\r\n" * 4096),
        (GET + b"X-Endless: ", b"a" * 65_536),
        (b"GET /", b"a" * 65_536),
        (CHUNKED + b"0\r\n", b"X-Trailer: a\r\n" * 4096),
        (CHUNKED + b"0\r\nX-Trailer: ", b"a" * 65_536),
        (CHUNKED + b"5;extension=", b"a" * 65_536),
        (b"", (GET + b"\r\n") * 1000),
    ],
    ids=["headers", "header", "target", "trailers", "trailer", "extension", "pipeline"],
)
def test_what_has_no_end_takes_no_memory(web: Service, begin: bytes, part: bytes) -> None:
    """C-26: and is soon no longer read."""
    before = memory(web.pid)
    with connect(web) as sock:
        sock.sendall(begin)
        assert flood(sock, part, 100 * MIB) < 64 * MIB
        assert memory(web.pid) - before < 32 * MIB
        assert status(web.port, "/livez") == 200


def test_many_requests_at_once_on_a_connection(web: Service) -> None:
    """C-10: each is answered, in order."""
    count = 500
    requests = b"".join(
        POST + b"Content-Length: %d\r\n\r\n%s" % (len(b"x" * (i % 50)), b"x" * (i % 50)) for i in range(count)
    )
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as sock:
        sock.sendall(requests + GET + b"Connection: close\r\n\r\n")
        answers = read_to_end(sock)
    assert answers.count(b"HTTP/1.1 200") == count + 1
    sizes = [int(part.split(b",")[0]) for part in answers.replace(b" ", b"").split(b'{"bytes":')[1:]]
    assert sizes == [i % 50 for i in range(count)]


@pytest.mark.parametrize("offer", [b"h2c", b"websocket", b"TLS/1.0, HTTP/1.1"])
def test_an_offer_to_upgrade_is_ignored(web: Service, offer: bytes) -> None:
    """C-10: the body comes all the same, as Java's client and `curl --http2` send it (RFC 9110, 7.8)."""
    offers = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAMAAABk\r\n" % offer
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as sock:
        for length in (5, 100_000):
            sock.sendall(POST + offers + b"Content-Length: %d\r\n\r\n" % length + b"x" * length)
            answer = b""
            while not answer.strip().endswith(b"}"):
                answer += sock.recv(65536)
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["bytes"] == length
        sock.sendall(GET + offers.replace(b"websocket", b"h3") + b"\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 200")
    assert not [event for event in web.events if event["level"] == "warning"]


def test_a_silent_connection_is_no_error(start: Start) -> None:
    """C-10: who connects and says nothing is neither answered nor told of."""
    service = start(CLIENT_TIMEOUT_SECONDS="1", SHUTDOWN_DRAIN_SECONDS="0")
    connection = Connection(service.port)
    assert not connection.is_closed_within(3)
    assert connection.get("/")[0].status == 200
    service.terminate()
    assert service.wait() == 0
    eventually(lambda: not service.find("client too slow"), "silence")


@pytest.mark.asgi
def test_what_is_too_much_is_refused(start: Start) -> None:
    """C-26: after a moment, before it works, and not for slow bodies; health checks pass.

    What has begun is not refused.
    """
    service = start()
    with ExitStack() as stack:
        for _ in range(120):
            stack.enter_context(connect(service)).sendall(POST + b"Content-Length: 9\r\n\r\nslow")
        begun = stack.enter_context(connect(service))
        begun.sendall(POST + b"Content-Length: 100000\r\nConnection: close\r\n\r\n" + b"x" * 70_000)
        assert status(service.port, "/") == 200
        busy = [Connection(service.port) for _ in range(110)]
        for connection in busy:
            connection.request("GET", "/slow?seconds=8")
        service.wait_event("slow has begun", count=100)
        begun.sendall(b"x" * 30_000)
        for path in ("/livez", "/readyz"):
            assert status(service.port, path) == 200
        answers = [connection.getresponse() for connection in busy]
        found = {code: sum(answer.status == code for answer in answers) for code in (200, 503)}
        assert found[503] >= 10
        assert found[200] + found[503] == 110
        assert all(answer.headers["retry-after"] for answer in answers if answer.status == 503)
        assert read_to_end(begun).startswith(b"HTTP/1.1 200")


UNFINISHED = {
    "which waits for a 100": b"Expect: 100-continue\r\nContent-Length: 50\r\n\r\n",
    "of which much has come": b"Content-Length: 1000000\r\n\r\n" + b"x" * 70_000,
}


@pytest.mark.parametrize("rest", UNFINISHED.values(), ids=UNFINISHED)
def test_a_body_that_does_not_come_takes_no_place(start: Start, rest: bytes) -> None:
    """C-26: not even if its request has begun; and once it comes, the request goes on."""
    service = start()
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(service)) for _ in range(110)]
        for sock in slow:
            sock.sendall(POST + rest)
        for _ in range(3):
            began = time.monotonic()
            assert status(service.port, "/") == 200
            assert time.monotonic() - began < 1 + SLACK
        length = int(rest.split(b"Content-Length: ")[1].split()[0])
        for sock in slow[-5:]:
            sock.sendall(b"x" * (length - len(rest.partition(b"\r\n\r\n")[2])))
            answer = sock.recv(65536)
            while b"}" not in answer:
                answer += sock.recv(65536)
            assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["bytes"] == length
