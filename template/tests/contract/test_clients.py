"""Malicious and broken clients."""

import json
import socket
from contextlib import ExitStack

import pytest

from .process import Process, Start
from .router import TIMEOUT_SECONDS, Router

GET = b"GET /contract/hold HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /contract/work HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
# If two servers disagree about the end of a body, one of them takes this for a request.
SMUGGLED = b"GET /contract/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
REFUSED = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    "no Host": (b"GET /contract/hold HTTP/1.1\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}" + SMUGGLED, 400),
    "length and chunks": (CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "a bad chunk": (CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n" + SMUGGLED, 400),
    "a null byte": (GET + b"X-Null: \x00\r\n\r\n", 400),
    "a long header": (GET + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    "a long target": (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
}
SLOW_CLIENTS = 20  # of each kind


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused(web: Process, case: str) -> None:
    data, status = REFUSED[case]
    with socket.create_connection(("127.0.0.1", web.port), TIMEOUT_SECONDS) as sock:
        sock.sendall(data)
        with sock.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    promise = f"C-13: a request with {case} must get {status} and a problem document, but got"
    assert head.startswith(b"HTTP/1.1 %d " % status), f"{promise} {head!r}"
    assert b"application/problem+json" in head, f"{promise} {head!r}"
    web.wait_for(
        "request",
        f"C-13: a request with {case} has no access event.",
        request_id=json.loads(body)["request_id"],
    )
    assert not web.find("request", path="/contract/smuggled"), (
        f"C-13: with {case}, web takes a part of a body for a request."
    )


def test_slow_clients_stop_nobody(probe: Start) -> None:
    web = probe("web", CLIENT_TIMEOUT_SECONDS="1")
    port = web.port
    with ExitStack() as stack:
        for part in (GET, POST + b"Content-Length: 10\r\n\r\nhalf"):
            for _ in range(SLOW_CLIENTS):
                sock = socket.create_connection(("127.0.0.1", port))
                stack.enter_context(sock).sendall(part)
        with Router(port, "/livez", "/contract/hold") as router:
            promise = "C-26: web does not close a slow client after CLIENT_TIMEOUT_SECONDS."
            web.wait_for("client too slow", promise, count=2 * SLOW_CLIENTS)
            router.wait_for(10)
    assert not router.lost, f"C-26: slow clients block others: {router.lost[0]}"
