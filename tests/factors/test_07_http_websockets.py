"""VII. Port binding: a websocket stops nobody, and ends with the right events (C-15, C-22, C-26)."""

import socket
import struct
import time
from contextlib import ExitStack
from urllib.parse import quote

import pytest

from tests.conftest import Start
from tests.support.client import WebSocket, status
from tests.support.patience import SLACK
from tests.support.processes import memory
from tests.support.project import Project
from tests.support.service import Service

pytestmark = pytest.mark.asgi

MIB = 1_048_576
PING = b"\x89\xfd" + bytes(4) + b"p" * 125
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER
CLOSE = b"\x88\x82" + bytes(4) + struct.pack("!H", 1000)


def told(service: Service) -> list[str]:
    """Return the names of the events above `info`."""
    return [event["event"] for event in service.events if event["level"] != "info"]


def test_a_websocket_that_does_not_read(start: Start) -> None:
    """C-26: it is closed after CLIENT_TIMEOUT_SECONDS, by one event; answers to pings take no memory."""
    service = start(CLIENT_TIMEOUT_SECONDS="2")
    before = memory(service.pid) if service.port else 0
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(WebSocket(service.port, "/ws/flood").sock)
        pings = stack.enter_context(WebSocket(service.port, "/ws").sock)
        pings.settimeout(1 + SLACK)
        sent, end = 0, time.monotonic() + 20
        try:
            while time.monotonic() < end:
                sent += pings.send(PING * 4000)
        except OSError:
            pass  # it is closed
        assert sent > 4 * MIB
        assert memory(service.pid) - before < 32 * MIB
        assert status(service.port, "/livez") == 200
        service.wait_event("client too slow", count=6, reason="it does not read")
        service.wait_event("request", path="/ws/flood", count=5)
    assert len(service.find("client too slow")) == 6
    assert told(service) == []


def test_pings_are_answered(web: Service) -> None:
    """C-10: each of them, if the client reads."""
    websocket = WebSocket(web.port, "/ws")
    websocket.sock.sendall(PING * 1000)
    for _ in range(1000):
        assert websocket.receive() == (10, b"p" * 125)
    websocket.send(b"hello")
    assert websocket.receive() == (1, b"hello")


def test_a_client_ends_what_only_sends(start: Start) -> None:
    """C-22: whether it closes or resets the connection, there is one access event and no error."""
    service = start()
    for kind in ("tick", "group"):
        closes, leaves = (WebSocket(service.port, f"/ws/{kind}") for _ in range(2))
        assert closes.receive() == leaves.receive() == (1, b"tick")
        closes.sock.sendall(CLOSE)
        assert closes.close_code() == 1000
        leaves.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        leaves.stream.close()
        leaves.sock.close()
        service.wait_event("request", path=f"/ws/{kind}", status=101, count=2)
    assert told(service) == []


def test_what_is_not_accepted(start: Start) -> None:
    """C-13, C-22: the client gets a 500, and so says the access event; the error is one event."""
    service = start()
    for kind in ("silent", "boom", "cancelled"):
        assert WebSocket(service.port, f"/ws/{kind}").status == 500
        assert service.wait_event("request", path=f"/ws/{kind}")["status"] == 500
    assert told(service) == ["websocket failed"] * 3


def test_what_fails_is_closed(start: Start, probed: Project) -> None:
    """C-19, C-22: with a code; an outage is told once a second, and what a client sends is not our error."""
    service = start()
    for kind, events in (("late", ["websocket failed"]), ("away late", ["service unavailable"])):
        assert WebSocket(service.port, f"/ws/{quote(kind)}").close_code() == 1011
        service.wait_event("request", path=f"/ws/{kind}")
        assert told(service)[-1:] == events
    assert WebSocket(service.port, "/ws/away").status == 503
    assert WebSocket(service.port, "/ws/away").status == 503
    before = told(service)
    assert before.count("service unavailable") < 4
    websocket = WebSocket(service.port, "/ws/document")
    websocket.send(b'{"a":')
    if probed.answers()["framework"] == "litestar":  # which tells malformed documents by a class
        assert websocket.close_code() == 4500
        assert told(service) == before
    else:
        assert websocket.close_code() == 1011


def test_what_only_waits_is_cut(start: Start) -> None:
    """C-15: by one event each."""
    service = start(SHUTDOWN_DRAIN_SECONDS="0", SHUTDOWN_GRACE_SECONDS="1")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(WebSocket(service.port, "/ws/wait").sock)
        service.terminate()
        assert service.wait() == 0
    assert len(service.find("request cut", path="/ws/wait")) == 3
    assert [event for event in told(service) if not event.startswith("Cancel ")] == ["request cut"] * 3
